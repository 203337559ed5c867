"""What each kind of the vocabulary accepts, refuses, and leaves open; every kind has responses that fail."""

import pytest

from openreason_dagster.domain.verification.constraints.vocabulary import CONSTRAINTS, parse_specification

HELD, BROKEN, UNCLEAR = True, False, None
ASKED = "Write a haiku, please."
FIRST_WORD = {"num_paragraphs": 3, "nth_paragraph": 2, "first_word": "president"}

CASES = {
    "length_constraints:number_words": [
        ({"relation": "at least", "num_words": 3}, "one two three", HELD, "as many"),
        ({"relation": "at least", "num_words": 3}, "one two", BROKEN, "too few"),
        ({"relation": "less than", "num_words": 3}, "one two", HELD, "one less"),
        ({"relation": "less than", "num_words": 3}, "one two three", BROKEN, "as many is not less"),
        ({"relation": "at least", "num_words": 3}, "It's well", UNCLEAR, "contraction is one word or two"),
        ({"relation": "at least", "num_words": 2.0}, "one two", HELD, "number that a table stored as float"),
    ],
    "length_constraints:number_sentences": [
        ({"relation": "at least", "num_sentences": 2}, "It rains. It pours.", HELD, "as many"),
        ({"relation": "at least", "num_sentences": 3}, "It rains. It pours.", BROKEN, "too few"),
        ({"relation": "less than", "num_sentences": 2}, "Mr. Lee paid 3.50 euros.", HELD, "points inside"),
        ({"relation": "less than", "num_sentences": 2}, "It rains! Does it? Yes.", BROKEN, "too many"),
        ({"relation": "at least", "num_sentences": 3}, "* rain\n* hail\n* snow", UNCLEAR, "bullets without marks"),
    ],
    "length_constraints:number_paragraphs": [
        ({"num_paragraphs": 2}, "one\n***\ntwo", HELD, "divider on its line"),
        ({"num_paragraphs": 2}, "one *** two", HELD, "divider within a line"),
        ({"num_paragraphs": 2}, "***\none\n***\ntwo\n***", HELD, "idle dividers at the edges"),
        ({"num_paragraphs": 1}, "***very*** strong", HELD, "emphasis is no divider"),
        ({"num_paragraphs": 2}, "one\n\ntwo", BROKEN, "blank line is no divider"),
        ({"num_paragraphs": 2}, "one\n***\ntwo\n***\nthree", BROKEN, "too many"),
        ({"num_paragraphs": 2}, "one\n***\n***\ntwo", BROKEN, "empty paragraph"),
        ({"num_paragraphs": 2}, "one\n******\ntwo", BROKEN, "six asterisks"),
    ],
    "length_constraints:nth_paragraph_first_word": [
        (FIRST_WORD, "One.\n\nPresident Lee spoke.\n\nThree.", HELD, "letter case"),
        (FIRST_WORD, 'One.\n\n**"President** Lee.\n\nThree.', HELD, "marks before the word"),
        (FIRST_WORD, "One.\n\n\n\nPresident, he said.\n \nThree.\n\n", HELD, "blank paragraphs do not count"),
        (FIRST_WORD, "One.\n\nThe president.\n\nThree.", BROKEN, "second word"),
        (FIRST_WORD, "One.\n\nPresidents.\n\nThree.", BROKEN, "longer word"),
        (FIRST_WORD, "One.\n\nPresident.", BROKEN, "too few paragraphs"),
        (FIRST_WORD, "President.\n\nTwo.\n\nThree.", BROKEN, "in another paragraph"),
        (FIRST_WORD, "One.\n\n***\n\nThree.", BROKEN, "paragraph without a word"),
        (FIRST_WORD, "One.\n\nPresident's men.\n\nThree.", UNCLEAR, "possessive"),
    ],
    "keywords:existence": [
        ({"keywords": ["mother", "mom"]}, "Mom is my MOTHER.", HELD, "letter case"),
        ({"keywords": ["new york"]}, "in New\nYork", HELD, "phrase over a line break"),
        ({"keywords": ["c++"]}, "I like C++, really", HELD, "signs of patterns"),
        ({"keywords": ["茶"]}, "我喜欢茶。", HELD, "script without blanks"),
        ({"keywords": ["mother", "mom"]}, "my mother", BROKEN, "one is missing"),
        ({"keywords": ["a.c"]}, "abc", BROKEN, "point is no pattern"),
        ({"keywords": ["intern"]}, "an internship", UNCLEAR, "inside a longer word"),
    ],
    "keywords:frequency": [
        ({"keyword": "war", "frequency": 2, "relation": "at least"}, "War is war.", HELD, "as often"),
        ({"keyword": "war", "frequency": 2, "relation": "at least"}, "war", BROKEN, "too seldom"),
        ({"keyword": "war", "frequency": 2, "relation": "less than"}, "war", HELD, "less often"),
        ({"keyword": "war", "frequency": 2, "relation": "less than"}, "war, war", BROKEN, "too often"),
        ({"keyword": "war", "frequency": 2, "relation": "at least"}, "war and reward", UNCLEAR, "inside a longer word"),
    ],
    "keywords:forbidden_words": [
        ({"forbidden_words": ["rock", "roll"]}, "A rocket rolls.", HELD, "longer words"),
        ({"forbidden_words": ["a.c"]}, "abc", HELD, "point is no pattern"),
        ({"forbidden_words": ["rock", "roll"]}, "It is a ROCK.", BROKEN, "letter case"),
        ({"forbidden_words": ["rock"]}, "rock-hard", BROKEN, "before a hyphen"),
        ({"forbidden_words": ["rock"]}, "_rock_", BROKEN, "emphasised"),
        ({"forbidden_words": ["é"]}, "e\u0301", BROKEN, "other spelling of the same letter"),
    ],
    "keywords:letter_frequency": [
        ({"letter": "q", "let_frequency": 2, "let_relation": "at least"}, "Quick queen", HELD, "letter case"),
        ({"letter": "#", "let_frequency": 2, "let_relation": "at least"}, "# a\n## b", HELD, "sign"),
        ({"letter": "q", "let_frequency": 2, "let_relation": "at least"}, "quick", BROKEN, "too seldom"),
        ({"letter": "E", "let_frequency": 1, "let_relation": "less than"}, "a sky", HELD, "none"),
        ({"letter": "E", "let_frequency": 1, "let_relation": "less than"}, "tree", BROKEN, "too often"),
    ],
    "change_case:english_capital": [
        ({}, "THE SUN IS SHINING AND WE ARE GOING TO THE PARK TODAY.", HELD, "capitals"),
        ({}, "THE SUN IS SHINING AND WE ARE GOING TO THE park TODAY.", BROKEN, "small word"),
        ({}, "DIE SONNE SCHEINT UND WIR GEHEN HEUTE MIT DEN KINDERN IN DEN PARK.", BROKEN, "German"),
        ({}, "12345 + 678", BROKEN, "no letters"),
    ],
    "change_case:english_lowercase": [
        ({}, "the sun is shining and we are going to the park today.", HELD, "small letters"),
        ({}, "the sun is shining and we are going to the Park today.", BROKEN, "capital"),
        ({}, "die sonne scheint und wir gehen heute mit den kindern in den park.", BROKEN, "German"),
        ({}, "太阳照耀着我们", BROKEN, "script without letter case"),
    ],
    "change_case:capital_word_frequency": [
        ({"capital_frequency": 2, "capital_relation": "at least"}, "STOP that NOW", HELD, "as many"),
        ({"capital_frequency": 2, "capital_relation": "at least"}, "STOP that Now", BROKEN, "too few"),
        ({"capital_frequency": 2, "capital_relation": "less than"}, "I Stop", HELD, "lone letter is one"),
        ({"capital_frequency": 2, "capital_relation": "less than"}, "I STOP", BROKEN, "lone letter counts"),
        ({"capital_frequency": 2, "capital_relation": "at least"}, "an X-RAY", UNCLEAR, "hyphen"),
    ],
    "detectable_format:json_format": [
        ({}, '{"a": [1, 2.5, null]}', HELD, "object"),
        ({}, '```json\n[{"a": 1}]\n```', HELD, "fenced"),
        ({}, '```\n{"a": 1}\n```\n', HELD, "fence without language"),
        ({}, f'{{"a": {"9" * 5000}}}', HELD, "number with thousands of digits"),
        ({}, 'Here it is: {"a": 1}', BROKEN, "text before"),
        ({}, '{"a": 1,}', BROKEN, "trailing comma"),
        ({}, "{'a': 1}", BROKEN, "single quotes"),
        ({}, '"just quoted text"', BROKEN, "bare text"),
        ({}, "42", BROKEN, "bare number"),
        ({}, '{"a": NaN}', BROKEN, "not a number"),
        ({}, "[" * 100_000, BROKEN, "deep nesting"),
    ],
    "detectable_format:number_bullet_lists": [
        ({"num_bullets": 2}, "Intro\n* one\n- two\nEnd", HELD, "both marks"),
        ({"num_bullets": 2}, "* one\n* two\n---\n* * *\n*emphasis* here\n-5 degrees", HELD, "no bullets besides"),
        ({"num_bullets": 2}, "* one\n* two\n* three", BROKEN, "too many"),
        ({"num_bullets": 2}, "* one", BROKEN, "too few"),
        ({"num_bullets": 2}, "1. one\n2. two", BROKEN, "numbered"),
        ({"num_bullets": 1}, "* \n* one", HELD, "empty bullet"),
        ({"num_bullets": 2}, "* one\n  - below\n* two", UNCLEAR, "bullet below a bullet"),
    ],
    "detectable_format:number_highlighted_sections": [
        ({"num_highlights": 2}, "*one part* and **another**", HELD, "single and double"),
        ({"num_highlights": 2}, "* a bullet with *one* highlight\n* and *two*", HELD, "bullets are none"),
        ({"num_highlights": 2}, "*one part* and another", BROKEN, "too few"),
        ({"num_highlights": 1}, "5 * 3 * 2 and 2*3*4", BROKEN, "products"),
        ({"num_highlights": 1}, "** ** and *** and ****", BROKEN, "nothing inside"),
        ({"num_highlights": 1}, "* one\n* two", BROKEN, "bullets"),
        ({"num_highlights": 1}, "*one\ntwo*", BROKEN, "over a line break"),
    ],
    "detectable_format:multiple_sections": [
        ({"section_spliter": "Section", "num_sections": 2}, "Section 1\na\n\nSection 2\nb", HELD, "plain"),
        ({"section_spliter": "SECTION", "num_sections": 2}, "**SECTION I:** a\n## SECTION II b", HELD, "Roman"),
        ({"section_spliter": "Day", "num_sections": 1}, "Day 1 a\nDay 2 b", HELD, "more"),
        ({"section_spliter": "Section", "num_sections": 2}, "Section 1\nsee Section 2", BROKEN, "mention in a line"),
        ({"section_spliter": "Section", "num_sections": 2}, "Section 1\na\nSection 1\nb", BROKEN, "same number"),
        ({"section_spliter": "SECTION", "num_sections": 1}, "Section 1\na", BROKEN, "letter case"),
        ({"section_spliter": "Section", "num_sections": 1}, "Sections\na", BROKEN, "no number"),
        ({"section_spliter": "S.*", "num_sections": 1}, "Section 1", BROKEN, "signs of patterns"),
    ],
    "detectable_format:title": [
        ({}, "<<poem of joy>>\nO joy", HELD, "title"),
        ({}, "<poem of joy>", BROKEN, "single brackets"),
        ({}, "<< >> and <<>>", BROKEN, "empty"),
        ({}, "<<poem\nof joy>>", BROKEN, "over a line break"),
    ],
    "detectable_format:constrained_response": [
        ({}, "My answer is maybe.", HELD, "alone"),
        ({}, "Let me think. My answer is no.", HELD, "after thinking aloud"),
        ({}, "My answer is yes. My answer is no.", BROKEN, "hedge"),
        ({}, "my answer is yes", BROKEN, "not the exact phrase"),
        ({}, "Yes.", BROKEN, "other words"),
    ],
    "detectable_content:number_placeholders": [
        ({"num_placeholders": 2}, "Dear [name], at [street address]", HELD, "as many"),
        ({"num_placeholders": 2}, "Dear [name], hello", BROKEN, "too few"),
        ({"num_placeholders": 1}, "[] and [ ] and [x] and [here](https://a.example)", BROKEN, "boxes and links"),
        ({"num_placeholders": 1}, "as shown [1]", UNCLEAR, "number"),
    ],
    "detectable_content:postscript": [
        ({"postscript_marker": "P.S."}, "Dear you.\n\nP.S. I miss you", HELD, "own line"),
        ({"postscript_marker": "P.S."}, "Dear you. p. s. I miss you", HELD, "letter case and blank"),
        ({"postscript_marker": "P.P.S"}, "Dear you.\nP.S. One\nP.P.S. Two", HELD, "second postscript"),
        ({"postscript_marker": "P.P.S"}, "Dear you.\nP.S. One", BROKEN, "first postscript only"),
        ({"postscript_marker": "P.S."}, "Dear you.\nP.P.S. Two", BROKEN, "second postscript only"),
        ({"postscript_marker": "P.S."}, "Dear you.\nP.S.", BROKEN, "nothing after it"),
        ({"postscript_marker": "P.S."}, "P.S. only", BROKEN, "nothing before it"),
        ({"postscript_marker": "P.S."}, "Dear you", BROKEN, "none"),
    ],
    "combination:two_responses": [
        ({}, "one\n******\ntwo", HELD, "two"),
        ({}, "******\none\n******\ntwo\n******", HELD, "idle dividers at the edges"),
        ({}, "one\n******\nONE ", BROKEN, "the same twice"),
        ({}, "one", BROKEN, "one"),
        ({}, "one\n******\ntwo\n******\nthree", BROKEN, "three"),
        ({}, "one\n*******\ntwo", BROKEN, "seven asterisks"),
        ({}, "one\n******\n******\ntwo", BROKEN, "empty one"),
    ],
    "combination:repeat_prompt": [
        ({"prompt_to_repeat": ASKED}, f"{ASKED}\n\nOld pond", HELD, "request and answer"),
        ({"prompt_to_repeat": ASKED}, '"write a\nhaiku, please." Old pond', HELD, "quoted, letter case, blanks"),
        ({"prompt_to_repeat": 'Say "hi"'}, "Say “hi” hi", HELD, "typographic quotes"),
        ({"prompt_to_repeat": ASKED}, "Old pond", BROKEN, "no request"),
        ({"prompt_to_repeat": ASKED}, f"Sure! {ASKED} Old pond", BROKEN, "words before"),
        ({"prompt_to_repeat": ASKED}, "Write a haiku. Old pond", BROKEN, "changed"),
        ({"prompt_to_repeat": ASKED}, ASKED, BROKEN, "no answer"),
    ],
    "startend:end_checker": [
        ({"end_phrase": "Is there more?"}, "Yes. Is there more?", HELD, "end"),
        ({"end_phrase": "Is there more?"}, 'Yes. **is there\nmore?**"\n', HELD, "letter case and marks around"),
        ({"end_phrase": "Is there more?"}, "Is there more? Yes.", BROKEN, "words after"),
        ({"end_phrase": "Is there more?"}, "Is there more", BROKEN, "not the exact phrase"),
        ({"end_phrase": "in India."}, "Built within India.", BROKEN, "within a longer word"),
        ({"end_phrase": "***"}, "no stars", BROKEN, "phrase of marks alone"),
    ],
    "startend:quotation": [
        ({}, '"All of it."', HELD, "straight"),
        ({}, "“All of it.”\n", HELD, "typographic"),
        ({}, '"He said "hi" and left."', HELD, "quote inside"),
        ({}, '"All" of it.', BROKEN, "closed too early"),
        ({}, "'All of it.'", BROKEN, "single marks"),
        ({}, '"', BROKEN, "one mark"),
        ({}, '" "', BROKEN, "nothing inside"),
        ({}, '"one" and "two"', UNCLEAR, "two quotes"),
    ],
    "punctuation:no_comma": [
        ({}, "No pause; none at all.", HELD, "other marks"),
        ({}, "Well, no.", BROKEN, "comma"),
        ({}, "1,000", BROKEN, "in a number"),
        ({}, "好，不", BROKEN, "Chinese comma"),
        ({}, "نعم، لا", BROKEN, "Arabic comma"),
    ],
    "language:response_language": [
        ({"language": "de"}, "Die Sonne scheint und wir gehen heute mit den Kindern in den Park.", HELD, "German"),
        ({"language": "de"}, "The sun is shining and we are going to the park today.", BROKEN, "English"),
        ({"language": "kn"}, "ನಾನು ಶಾಲೆಗೆ ಹೋಗುತ್ತೇನೆ", HELD, "script of its own"),
        ({"language": "kn"}, "I go to school every day", BROKEN, "other script"),
        ({"language": "de"}, "12 + 34", UNCLEAR, "no words"),
    ],
}


def rows():
    for name, cases in CASES.items():
        for arguments, response, held, trap in cases:
            yield pytest.param(name, arguments, response, held, id=f"{name.partition(':')[2]}-{trap}")


@pytest.mark.parametrize(("name", "arguments", "response", "held"), list(rows()))
def test_constraint(name, arguments, response, held):
    [(_, constraint)] = parse_specification({"instruction_id_list": [name], "kwargs": [arguments]})
    assert constraint.holds(response) is held


def test_every_kind_has_responses_that_hold_and_that_break():
    assert set(CASES) == set(CONSTRAINTS)
    assert len(CONSTRAINTS) == 25
    for name, cases in CASES.items():
        assert {held for *_, held, _ in cases} >= {HELD, BROKEN}, name


HOSTILE = ["*" * 60_000, "<<" * 30_000, "[" * 60_000, "* a\n" * 20_000, "<<a" * 20_000, "```" * 20_000, '"' * 60_000]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", [name for name in CASES if not CONSTRAINTS[name].needs_worker])
def test_time_grows_with_the_length_only(name):
    arguments, *_ = CASES[name][0]
    [(_, constraint)] = parse_specification({"instruction_id_list": [name], "kwargs": [arguments]})
    for response in HOSTILE:
        constraint.holds(response)
