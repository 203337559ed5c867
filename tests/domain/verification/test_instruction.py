import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openreason_dagster.domain.records import Verdict
from openreason_dagster.domain.verification import instruction
from openreason_dagster.domain.verification.registry import Comparison, audit_specification, judge_directly
from openreason_dagster.domain.verification.workers import Workers

PROMPTS = Path(__file__).parents[2] / "data/ifeval/en_input_data.jsonl.gz"
NO_COMMA = ("punctuation:no_comma", {})
TITLE = ("detectable_format:title", {})
TWO_WORDS = ("length_constraints:number_words", {"num_words": 2, "relation": "less than"})
GERMAN = ("language:response_language", {"language": "de"})


def specification(*constraints):
    return {
        "instruction_id_list": [name for name, _ in constraints],
        "kwargs": [arguments for _, arguments in constraints],
    }


def judged(response, *constraints):
    return instruction.judge("", specification(*constraints), response)


@pytest.mark.parametrize(
    ("response", "constraints", "verdict"),
    [
        pytest.param("<<Rain>> it rains", [NO_COMMA, TITLE], Verdict.CORRECT, id="all held"),
        pytest.param("<<Rain>> well, rain", [NO_COMMA, TITLE], Verdict.INCORRECT, id="one broken"),
        pytest.param("don't", [TWO_WORDS], Verdict.ABSTAINED, id="one unclear"),
        pytest.param("don't", [TWO_WORDS, TITLE], Verdict.INCORRECT, id="one unclear and one broken"),
        pytest.param(" \n", [NO_COMMA], Verdict.NO_ANSWER, id="blank"),
        pytest.param("<|im_end|>", [NO_COMMA], Verdict.NO_ANSWER, id="chat token alone"),
        pytest.param("a" * 1_000_001, [NO_COMMA], Verdict.ABSTAINED, id="too long"),
        pytest.param("a", [("punctuation:no_coma", {})], Verdict.BAD_REFERENCE, id="unknown kind"),
    ],
)
def test_verdict(response, constraints, verdict):
    assert judged(response, *constraints).verdict is verdict


def test_evidence_names_each_constraint_with_both_results():
    message = judged("Sure, here it is:\n<<Rain>> it doesn't", NO_COMMA, TITLE, ("startend:quotation", {})).message
    assert message == (
        "punctuation:no_comma: strict broken, loose held; detectable_format:title: strict held, loose held; "
        "startend:quotation: strict broken, loose broken"
    )


@pytest.mark.parametrize(
    ("response", "loose"),
    [
        pytest.param('Sure!\n"It rains."', "held", id="first line left out"),
        pytest.param('"It rains."\nHope that helps!', "held", id="last line left out"),
        pytest.param('Sure!\n"It rains."\nHope that helps!', "held", id="both left out"),
        pytest.param('**"It rains."**', "held", id="asterisks left out"),
        pytest.param("Sure!\nIt rains.\nHope that helps!", "broken", id="never"),
        pytest.param('Sure!\nThere:\n"It rains."', "broken", id="two lines before"),
    ],
)
def test_loose_result_of_a_response_that_is_not_wholly_quoted(response, loose):
    assert judged(response, ("startend:quotation", {})).message == f"startend:quotation: strict broken, loose {loose}"


def test_chat_tokens_at_the_end_are_not_part_of_the_response():
    end = ("startend:end_checker", {"end_phrase": "Bye."})
    assert judged("Well. Bye.</s> <|im_end|>\n", end).verdict is Verdict.CORRECT


@given(st.text(alphabet='ab,. \n*"<>', max_size=60))
def test_what_holds_strictly_holds_loosely(response):
    message = judged(response or "a", NO_COMMA, TITLE, ("startend:quotation", {}), TWO_WORDS).message
    assert "strict held, loose broken" not in message
    assert "strict held, loose unclear" not in message


@given(st.text(max_size=200))
def test_any_text_gets_a_verdict(response):
    with gzip.open(PROMPTS, "rt", encoding="utf-8") as file:
        row = json.loads(file.readline())
    assert instruction.judge("", row, response).verdict in set(Verdict) - {Verdict.ERROR, Verdict.BAD_REFERENCE}


def test_audit_accepts_what_can_be_checked_and_refuses_what_contradicts_itself():
    assert instruction.audit(specification(NO_COMMA, TITLE)).verdict is Verdict.CORRECT
    contradictory = instruction.audit(specification(NO_COMMA, ("keywords:existence", {"keywords": ["a, b"]})))
    assert contradictory.verdict is Verdict.BAD_REFERENCE
    assert "forbids 'a, b'" in contradictory.message


def test_kind_that_needs_a_reference_has_no_audit_of_its_specification():
    assert audit_specification("math", "{}") is None


def test_specification_that_is_no_object_is_a_bad_reference():
    assert audit_specification("instruction", "[]").verdict is Verdict.BAD_REFERENCE


def comparison(response, *constraints):
    spec = json.dumps(specification(*constraints))
    return Comparison(kind="instruction", reference="", spec_json=spec, answer=response)


def test_languages_are_told_in_workers_only():
    assert judge_directly(comparison("Es regnet", NO_COMMA, GERMAN)) is None
    assert judge_directly(comparison("Es regnet", NO_COMMA)).verdict is Verdict.CORRECT


def test_worker_tells_languages_within_its_memory():
    german = comparison("Heute scheint die Sonne und wir gehen mit allen Kindern in den großen Park.", GERMAN)
    english = comparison("The sun is shining today and we are going to the park with the children.", GERMAN)
    with Workers(count=1, timeout_seconds=60, memory_megabytes=512) as workers:
        verdicts = {item.answer: judgement.verdict for item, judgement in workers.judge([german, english])}
    assert verdicts == {german.answer: Verdict.CORRECT, english.answer: Verdict.INCORRECT}
