import datetime
import gzip
import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openreason_dagster.domain.errors import VerificationError
from openreason_dagster.domain.schemas import VERIFIED_TRACES
from openreason_dagster.domain.verification.verify import audit_references, verify_at_once, verify_batch
from openreason_dagster.domain.verification.workers import Workers

NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
ROLLOUTS = Path(__file__).parents[2] / "data/rg_math_rollouts/llama3b_step400_amc23.jsonl.gz"

NO_COMMA = {
    "verifier": "instruction",
    "verifier_spec": json.dumps({"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}),
    "reference_answer": None,
}


@pytest.fixture(scope="module")
def workers():
    with Workers(count=1, timeout_seconds=20, memory_megabytes=1024) as workers:
        yield workers


def trace(number, **changes):
    return {
        "trace_id": f"t{number}",
        "prompt_id": f"p{number}",
        "model": "tiny",
        "temperature": "0.6",
        "answer": r"\boxed{42}",
        "think_state": "opened_by_model",
        "finish_reason": "stop",
        "reference_answer": "42",
        "verifier": "math",
        "verifier_spec": "{}",
        **changes,
    }


def frame(*rows):
    return pl.DataFrame(list(rows), schema_overrides={"reference_answer": pl.String}, infer_schema_length=None)


@pytest.mark.parametrize(
    ("changes", "verdict", "is_correct"),
    [
        pytest.param({}, "correct", True, id="right"),
        pytest.param({"answer": r"\boxed{43}"}, "incorrect", False, id="wrong"),
        pytest.param({"answer": "I cannot tell."}, "no_answer", None, id="no answer"),
        pytest.param({"answer": "", "think_state": "unclosed"}, "no_answer", None, id="think block never closed"),
        pytest.param(
            {"answer": "", "think_state": "unclosed", "finish_reason": "length"}, "truncated", None, id="cut thinking"
        ),
        pytest.param({"answer": "The answer is 4", "finish_reason": "length"}, "truncated", None, id="cut answer"),
        pytest.param({"answer": r"So \boxed{4", "finish_reason": "length"}, "truncated", None, id="cut in the box"),
        pytest.param(
            {"answer": r"\boxed{42} as I", "finish_reason": "length"}, "correct", True, id="cut after the box"
        ),
        pytest.param({"finish_reason": None}, "correct", True, id="imported, end not stated"),
        pytest.param(
            {"answer": "", "think_state": "unclosed", "finish_reason": None}, "no_answer", None, id="cut or given up"
        ),
        pytest.param({"reference_answer": None}, "bad_reference", None, id="no reference"),
        pytest.param({"reference_answer": " "}, "bad_reference", None, id="empty reference"),
        pytest.param({"verifier_spec": "not json"}, "bad_reference", None, id="broken specification"),
        pytest.param({"think_state": "absent"}, "correct", True, id="no think block"),
        pytest.param(NO_COMMA | {"answer": "It rains."}, "correct", True, id="constraints need no reference"),
        pytest.param(NO_COMMA | {"answer": "Well, rain."}, "incorrect", False, id="broken constraint"),
        pytest.param(NO_COMMA | {"verifier_spec": "{}"}, "bad_reference", None, id="no constraints"),
        pytest.param(
            NO_COMMA | {"answer": r"\boxed{rain} and", "finish_reason": "length"}, "truncated", None, id="cut response"
        ),
    ],
)
def test_verdict_of_a_trace(workers, changes, verdict, is_correct):
    [row] = verify_batch(frame(trace(1, **changes)), workers, now=NOW).to_dicts()
    assert (row["verdict"], row["is_correct"]) == (verdict, is_correct)


def test_result_has_the_table_schema_and_its_evidence(workers):
    verified = verify_batch(frame(trace(1)), workers, now=NOW)
    assert verified.schema == VERIFIED_TRACES.schema
    [row] = verified.to_dicts()
    assert row["extracted_answer"] == row["reference_answer"] == "42"
    assert row["method"] == "math/literal"
    assert row["verifier_version"].startswith("math-2+math-verify-")
    assert row["verified_at"] == NOW


def test_no_rows_give_an_empty_table(workers):
    assert verify_batch(frame(trace(1)).clear(), workers, now=NOW).schema == VERIFIED_TRACES.schema


def test_identical_comparisons_are_judged_once(workers):
    formula = {"reference_answer": r"\sqrt{8}", "answer": r"\boxed{2\sqrt{2}}"}
    verified = verify_batch(frame(*(trace(number, **formula) for number in range(20))), workers, now=NOW)
    assert verified["verdict"].unique().to_list() == ["correct"]
    assert (verified["milliseconds"] > 0).to_list() == [True] + [False] * 19


def test_what_can_be_told_at_once():
    rows = frame(
        trace(1),
        trace(2, answer=r"\boxed{43}"),
        trace(3, answer="", finish_reason="length", think_state="unclosed"),
        trace(4, reference_answer="x", answer=r"\boxed{\lim_{u \to 0} u + x}"),
    )
    assert verify_at_once(rows) == {"t1": True, "t2": False, "t3": False}, "the limit needs a worker"


def test_unknown_kind_is_refused(workers):
    with pytest.raises(VerificationError, match="taste"):
        verify_batch(frame(trace(1, verifier="taste")), workers, now=NOW)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=30))
def test_rows_keep_their_order_and_depend_on_nothing_else(workers, pairs):
    rows = [trace(i, reference_answer=str(r), answer=rf"\boxed{{{a}}}") for i, (r, a) in enumerate(pairs)]
    verified = verify_batch(frame(*rows) if rows else frame(trace(1)).clear(), workers, now=NOW)
    assert verified["trace_id"].to_list() == [row["trace_id"] for row in rows]
    assert verified["is_correct"].to_list() == [reference == answer for reference, answer in pairs]


def test_audit_accepts_good_references_and_names_bad_ones(workers):
    unsafe = json.dumps({"task": "composite"})
    choices = json.dumps({"choices": {"A": "red", "B": "blue"}})
    rows = [
        {"prompt_id": "number", "reference_answer": "1,234", "verifier": "math", "verifier_spec": "{}"},
        {"prompt_id": "formula", "reference_answer": r"\frac{\pi}{2}", "verifier": "math", "verifier_spec": "{}"},
        {"prompt_id": "broken", "reference_answer": r"\frac{1}{", "verifier": "math", "verifier_spec": "{}"},
        {"prompt_id": "letter", "reference_answer": "B", "verifier": "choice", "verifier_spec": choices},
        {"prompt_id": "letter too many", "reference_answer": "C", "verifier": "choice", "verifier_spec": choices},
        {"prompt_id": "text", "reference_answer": "Paris", "verifier": "exact", "verifier_spec": "{}"},
        {"prompt_id": "measure", "reference_answer": "20", "verifier": "numeric", "verifier_spec": '{"unit": "m/s"}'},
        {"prompt_id": "none", "reference_answer": None, "verifier": "exact", "verifier_spec": "{}"},
        {"prompt_id": "task", "reference_answer": "6", "verifier": "procedural", "verifier_spec": '{"task": "gcd"}'},
        {"prompt_id": "constraints", **NO_COMMA},
        {"prompt_id": "constraints of no kind", **NO_COMMA, "verifier_spec": "{}"},
        {"prompt_id": "unsafe", "reference_answer": "6", "verifier": "procedural", "verifier_spec": unsafe},
    ]  # fmt: skip
    audited = audit_references(frame(*rows), workers)
    verdicts = dict(audited.select("prompt_id", "verdict").iter_rows())
    refused = {name for name, verdict in verdicts.items() if verdict != "correct"}
    assert list(verdicts) == [row["prompt_id"] for row in rows]
    assert refused == {"broken", "letter too many", "none", "constraints of no kind", "unsafe"}
    assert (
        audited.filter(pl.col("prompt_id") == "unsafe")["message"].item().startswith("reasoning_gym task 'composite'")
    )


def test_real_rollouts_get_the_verdicts_their_authors_gave_them(workers):
    with gzip.open(ROLLOUTS, "rt", encoding="utf-8") as lines:
        problems = [json.loads(line) for line in lines]
    rows = [
        trace(
            f"{i}-{j}",
            answer=completion["full_model_response"].rpartition("</think>")[2],
            reference_answer=problem["expected_answer"],
            prompt_id=str(i),
        )
        for i, problem in enumerate(problems)
        for j, completion in enumerate(problem["completions"])
    ]  # fmt: skip
    scores = [completion["score"] == 1 for problem in problems for completion in problem["completions"]]
    verified = verify_batch(frame(*rows), workers, now=NOW)
    assert (verified["verdict"] == "correct").to_list() == scores
