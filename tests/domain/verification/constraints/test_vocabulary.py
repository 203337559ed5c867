import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from openreason_dagster.domain.verification.constraints.contradictions import contradictions
from openreason_dagster.domain.verification.constraints.vocabulary import (
    CONSTRAINTS,
    MalformedSpecificationError,
    parse_specification,
)

PROMPTS = Path(__file__).parents[3] / "data/ifeval/en_input_data.jsonl.gz"


def specification(*constraints):
    return {
        "instruction_id_list": [name for name, _ in constraints],
        "kwargs": [arguments for _, arguments in constraints],
    }


def published():
    with gzip.open(PROMPTS, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def test_every_published_constraint_is_read_and_every_kind_occurs():
    names = Counter(name for row in published() for name, _ in parse_specification(row))
    assert set(names) == set(CONSTRAINTS)
    assert names.total() == 834


def test_published_prompts_that_no_response_can_keep_to():
    found = {row["key"]: list(contradictions(parse_specification(row))) for row in published()}
    assert {key for key, reasons in found.items() if reasons} == {374, 1627, 3371, 3718}


def test_arguments_that_are_null_are_left_out_as_tables_store_them():
    columns = {"num_words": None, "keywords": None, "relation": None, "num_bullets": 3.0}
    [(name, constraint)] = parse_specification(specification(("detectable_format:number_bullet_lists", columns)))
    assert name == "detectable_format:number_bullet_lists"
    assert constraint.num_bullets == 3


def test_arguments_may_be_null():
    assert parse_specification(specification(("punctuation:no_comma", None)))


def test_kind_that_occurs_twice_is_kept_twice():
    both = specification(("keywords:existence", {"keywords": ["a"]}), ("keywords:existence", {"keywords": ["b"]}))
    assert len(parse_specification(both)) == 2


WORDS = {"num_words": 3, "relation": "at least"}


@pytest.mark.parametrize(
    ("spec", "parts"),
    [
        pytest.param({}, ["`instruction_id_list`: found None, expected a list"], id="nothing"),
        pytest.param({"instruction_id_list": ["a"]}, ["`kwargs`: found None"], id="no arguments"),
        pytest.param({"instruction_id_list": [], "kwargs": []}, ["found 0 entries", "1 to 50"], id="no constraint"),
        pytest.param(
            {"instruction_id_list": ["punctuation:no_comma"], "kwargs": []}, ["1 entries", "0 in"], id="lengths differ"
        ),
        pytest.param(
            {"instruction_id_list": ["punctuation:no_comma"] * 51, "kwargs": [{}] * 51}, ["1 to 50"], id="too many"
        ),
        pytest.param(specification(("no_comma", {})), ["constraint 1: found kind 'no_comma'"], id="unknown kind"),
        pytest.param(specification((7, {})), ["found kind 7"], id="kind that is no text"),
        pytest.param(specification(("es:punctuation:no_comma", {})), ["'es:punct"], id="other language's vocabulary"),
        pytest.param(specification(("punctuation:no_comma", "x")), ["expected an object"], id="arguments as text"),
        pytest.param(
            specification(("punctuation:no_comma", {}), ("length_constraints:number_words", {"num_words": 3})),
            ["constraint 2, length_constraints:number_words: argument `relation` is missing"],
            id="missing argument",
        ),
        pytest.param(
            specification(("length_constraints:number_words", WORDS | {"relation": "about"})),
            ["`relation`: found 'about'", "'less than' or 'at least'"],
            id="unknown relation",
        ),
        pytest.param(
            specification(("length_constraints:number_words", WORDS | {"num_words": -3})),
            ["`num_words`"],
            id="negative",
        ),
        pytest.param(
            specification(("length_constraints:number_words", WORDS | {"num_words": 2.5})), ["`num_words`"], id="half"
        ),
        pytest.param(
            specification(("length_constraints:number_words", WORDS | {"num_words": "3"})), ["found '3'"], id="text"
        ),
        pytest.param(
            specification(("length_constraints:number_words", WORDS | {"words": 3})), ["`words`"], id="other argument"
        ),
        pytest.param(specification(("keywords:existence", {"keywords": []})), ["`keywords`"], id="no keyword"),
        pytest.param(specification(("keywords:existence", {"keywords": [" "]})), ["`keywords.0`"], id="blank keyword"),
        pytest.param(specification(("keywords:existence", {"keywords": "a"})), ["`keywords`"], id="keyword no list"),
        pytest.param(
            specification(("keywords:letter_frequency", {"letter": "ab", "let_frequency": 1})),
            ["`letter`"],
            id="two letters",
        ),
        pytest.param(
            specification(("language:response_language", {"language": "xx"})), ["found 'xx'", "zu"], id="language"
        ),
        pytest.param(
            specification(
                (
                    "length_constraints:nth_paragraph_first_word",
                    {"num_paragraphs": 2, "nth_paragraph": 3, "first_word": "a"},
                )
            ),
            ["paragraph 3 of 2 cannot exist"],
            id="paragraph beyond the last",
        ),
    ],
)
def test_malformed_specification_says_what_and_where(spec, parts):
    with pytest.raises(MalformedSpecificationError) as caught:
        parse_specification(spec)
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("constraints", "reason"),
    [
        pytest.param(
            [("punctuation:no_comma", {}), ("startend:end_checker", {"end_phrase": "love, and thanks."})],
            "punctuation:no_comma forbids 'love, and thanks.', which startend:end_checker requires",
            id="comma in the end",
        ),
        pytest.param(
            [
                ("keywords:forbidden_words", {"forbidden_words": ["rain"]}),
                ("keywords:existence", {"keywords": ["Rain"]}),
            ],
            "keywords:forbidden_words forbids 'Rain'",
            id="forbidden keyword",
        ),
        pytest.param(
            [
                ("length_constraints:number_words", {"num_words": 10, "relation": "at least"}),
                ("length_constraints:number_words", {"num_words": 10, "relation": "less than"}),
            ],
            "words: at least 10 and at most 9 are asked for",
            id="no room",
        ),
        pytest.param(
            [("change_case:english_capital", {}), ("change_case:english_lowercase", {})],
            "small letters: at least 1 and at most 0",
            id="letter case",
        ),
    ],
)
def test_contradiction(constraints, reason):
    found = list(contradictions(parse_specification(specification(*constraints))))
    assert any(reason in one for one in found), found


def test_limits_with_room_between_them_do_not_contradict():
    limits = [("at least", 5), ("less than", 10), ("at least", 9)]
    spec = specification(*(("length_constraints:number_words", {"num_words": n, "relation": r}) for r, n in limits))
    assert not list(contradictions(parse_specification(spec)))
