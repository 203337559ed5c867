"""A reference is suspected when no sample agrees with it and the samples agree with each other; otherwise it is not."""

import time

import polars as pl
import pytest
from example_tables import NOW, row, seed
from hypothesis import given, settings
from hypothesis import strategies as st

from openreason_dagster.domain.curation.answer_groups import LEADERS
from openreason_dagster.domain.curation.suspect_references import (
    answers_without_reference,
    replaced_verdicts,
    suspect_references,
)
from openreason_dagster.domain.recipe_references import References
from openreason_dagster.domain.schemas import SUSPECT_REFERENCES, TABLES, VERIFIED_TRACES
from openreason_dagster.domain.verification.verify import verify_batch
from openreason_dagster.domain.verification.workers import Workers


@pytest.fixture(scope="module")
def judge():
    with Workers(count=1, timeout_seconds=20, memory_megabytes=2048) as workers:
        yield lambda batches: (verify_batch(batch, workers, now=NOW) for batch in batches)


def run_of(*samples, kind="math", spec="{}", reference="5", prompt_ids=("p0",)):
    """Tables of prompts that were answered alike; a sample is what was extracted, or more of it."""
    pool = [
        seed(prompt_id, "?") | {"verifier": kind, "verifier_spec": spec, "reference_answer": reference}
        for prompt_id in prompt_ids
    ]
    sampled, verified = [], []
    for prompt_id in prompt_ids:
        for index, sample in enumerate(samples):
            one = {"verdict": "incorrect", "model": "m", "text": f"thought {index}"}
            one |= {"extracted": sample} if sample is None or isinstance(sample, str) else sample
            trace, judged = row(
                one["model"], "0.6", index, verdict=one["verdict"], reasoning=one["text"], answer=str(one["extracted"])
            )
            key = {"trace_id": f"{prompt_id}-{index}", "prompt_id": prompt_id}
            sampled.append(trace | key | {"answer": f"The answer is \\boxed{{{one['extracted']}}}."})
            verified.append(judged | key | {"extracted_answer": one["extracted"]})
    frames = {"prompt_pool": pool, "sampled_traces": sampled, "verified_traces": verified}
    return {name: TABLES[name].frame(rows).lazy() for name, rows in frames.items()}


def suspects_of(tables, judge, **rules):
    rules = References(**rules)
    answers = answers_without_reference(tables, minimum_samples=rules.minimum_samples).collect()
    return suspect_references(answers, judge, rules)


def one(extracted, **more):
    return {"extracted": extracted, **more}


@pytest.mark.parametrize(
    ("samples", "majority", "votes", "answers"),
    [
        pytest.param(["7"] * 4, "7", 4, 4, id="all-agree"),
        pytest.param(["7", "7", "8", "9"], "7", 2, 4, id="exactly-the-share"),
        pytest.param(["\\frac{1}{2}", "1/2", "0.5", "3"], "0.5", 3, 4, id="spellings-of-one-value"),
        pytest.param(["3", "3", "1/2", "0.5", "\\frac12"], "0.5", 3, 5, id="scattered-spellings-outvote-one-spelling"),
        pytest.param(["7", "7", "7", None, None, one("8", verdict="abstained"), "7"], "7", 4, 5, id="null-answers"),
        pytest.param([one("7", text="same"), one("7", text="other"), "8", "9"], "7", 2, 4, id="two-texts-suffice"),
    ],
)
def test_agreement_against_the_reference_is_flagged(judge, samples, majority, votes, answers):
    (found,) = suspects_of(run_of(*samples), judge).to_dicts()
    assert (found["reference_answer"], found["majority_answer"]) == ("5", majority)
    assert (found["votes"], found["answers"], found["agreement"]) == (votes, answers, votes / answers)
    assert (found["judged"], found["treatment"]) == (
        sum(sample is None or isinstance(sample, str) or "verdict" not in sample for sample in samples),
        "kept",
    )


@pytest.mark.parametrize(
    "samples",
    [
        pytest.param([*["7"] * 9, one("5", verdict="correct")], id="one-correct-sample"),
        pytest.param(["7"] * 3, id="too-few-samples"),
        pytest.param(["7"] * 3 + [one(None, verdict="truncated")] * 5, id="too-few-judged-samples"),
        pytest.param(["7"] * 3 + [one("7", verdict="timeout")], id="a-machine-failed"),
        pytest.param(["7", "8", "9", "10"], id="no-agreement"),
        pytest.param(["7", "7", "8", "8"], id="tie"),
        pytest.param(["1/2", "0.5", "8", "8"], id="tie-of-spellings"),
        pytest.param(["7", "7", "8", "9", "10"], id="share-too-small"),
        pytest.param(["7", "7", "8", one("9", verdict="abstained"), "10"], id="unjudged-answers-count-against"),
        pytest.param([one("7", text="same")] * 6, id="one-text-sampled-often"),
        pytest.param([None] * 6, id="nothing-extracted"),
        pytest.param([one("none", verdict="no_answer")] * 6, id="no-answers"),
        pytest.param([], id="not-sampled"),
    ],
)
def test_what_is_no_agreement_is_not_flagged(judge, samples):
    found = suspects_of(run_of(*samples), judge)
    assert found.is_empty()
    assert found.schema == SUSPECT_REFERENCES.schema


@pytest.mark.parametrize(
    ("kind", "spec", "samples", "majority"),
    [
        pytest.param("exact", "{}", ["The Nile", "nile.", "Nile", "Amazon"], "Nile", id="exact-by-words"),
        pytest.param(
            "choice",
            '{"choices": {"A": "red", "B": "blue", "5": "five"}}',
            ["B", "(B)", "blue", "A"],
            "(B)",
            id="choice-by-option",
        ),
        pytest.param("numeric", '{"tolerance": 0.01}', ["2.50", "2.5", "5/2", "9"], "2.5", id="numeric-by-value"),
        pytest.param(
            "procedural", '{"task": "gcd", "entry": {"metadata": {}}}', ["7", " 7", "7.0", "8"], " 7", id="procedural"
        ),
    ],
)
def test_each_kind_says_what_is_equal(judge, kind, spec, samples, majority):
    (found,) = suspects_of(run_of(*samples, kind=kind, spec=spec), judge, suspects="replace").to_dicts()
    assert (found["majority_answer"], found["votes"], found["treatment"]) == (majority, 3, "replaced")


@pytest.mark.parametrize("kind", ["instruction", "code"])
def test_kinds_without_a_reference_are_never_suspected(judge, kind):
    assert suspects_of(run_of(*["7"] * 8, kind=kind), judge).is_empty()


def test_what_the_verifier_cannot_take_as_a_reference_is_grouped_by_text_and_never_replaces(judge):
    hedges = ["red or blue", "Red or  blue", "red or blue.", "A"]
    spec = '{"choices": {"A": "red", "B": "blue", "5": "five"}}'
    (found,) = suspects_of(run_of(*hedges, kind="choice", spec=spec), judge, suspects="replace").to_dicts()
    assert (found["votes"], found["treatment"]) == (3, "kept")


@pytest.mark.parametrize(("rule", "treatment"), [("keep", "kept"), ("drop", "dropped"), ("replace", "replaced")])
def test_the_recipe_says_what_becomes_of_a_suspect(judge, rule, treatment):
    assert suspects_of(run_of(*["7"] * 4), judge, suspects=rule)["treatment"].to_list() == [treatment]


def test_models_that_gave_the_majority_are_named(judge):
    samples = [one("7", model="b"), one("7.0", model="a"), one("8", model="c"), one("7", model="b")]
    assert suspects_of(run_of(*samples), judge)["models"].to_list() == [["a", "b"]]


def test_a_verdict_stored_twice_is_one_vote(judge):
    tables = run_of("7", "7", "8", "8", "8")
    twice = tables["verified_traces"].filter(pl.col("extracted_answer") == "7")
    tables["verified_traces"] = pl.concat([tables["verified_traces"], twice, twice])
    assert suspects_of(tables, judge)["majority_answer"].to_list() == ["8"]


def test_scattered_answers_cost_a_bounded_number_of_comparisons(judge):
    pairs = []

    def counting(batches):
        for batch in batches:
            pairs.append(batch.height)
            yield from judge([batch])

    assert suspects_of(run_of(*map(str, range(100, 164))), counting).is_empty()
    assert sum(pairs) <= LEADERS * 64


def test_replaced_references_are_judged_by_the_verifier(judge):
    tables = run_of("1/2", "0.5", "\\frac12", "8", one(None, verdict="truncated"), prompt_ids=("p0", "p1"))
    suspects = suspects_of(tables, judge, suspects="replace")
    verdicts = pl.concat(replaced_verdicts(tables, suspects, judge)).sort("trace_id")
    assert verdicts.schema == VERIFIED_TRACES.schema
    assert verdicts.filter(prompt_id="p1")["verdict"].to_list()[:4] == ["correct", "correct", "correct", "incorrect"]
    assert set(verdicts["reference_answer"]) == {"0.5"}
    kept = suspects.with_columns(treatment=pl.lit("kept"))
    assert sum(frame.height for frame in replaced_verdicts(tables, kept, judge)) == 0


ANSWERS = st.sampled_from(["1/2", "0.5", "2", "3", "\\frac{4}{2}", None])
SAMPLES = st.lists(
    st.fixed_dictionaries({
        "extracted": ANSWERS,
        "verdict": st.sampled_from(["incorrect"] * 6 + ["correct", "abstained", "truncated"]),
        "model": st.sampled_from("ab"),
        "text": st.sampled_from("xyz"),
    }),
    max_size=9,
)  # fmt: skip


@settings(max_examples=60)
@given(SAMPLES, st.integers(2, 5), st.sampled_from([0.3, 0.5, 0.8]), st.integers(0, 9))
def test_flags_keep_their_promises_whatever_the_order(judge, samples, minimum, agreement, order):
    tables = run_of(*samples)
    rules = {"minimum_samples": minimum, "minimum_agreement": agreement}
    found = suspects_of(tables, judge, **rules)
    shuffled = {
        name: rows.collect().sample(fraction=1, shuffle=True, seed=order).lazy() for name, rows in tables.items()
    }
    assert suspects_of(shuffled, judge, **rules).equals(found)
    for flag in found.to_dicts():
        assert not any(sample["verdict"] == "correct" for sample in samples)
        assert sum(sample["verdict"] == "incorrect" for sample in samples) == flag["judged"] >= minimum
        assert flag["votes"] <= flag["answers"] == sum(sample["extracted"] is not None for sample in samples)
        assert flag["votes"] >= max(2, agreement * flag["answers"])


HOSTILE = [
    "__import__('os').system('touch hacked')", "10**10**10", "2^{2^{2^{2^{2}}}}", "(" * 900, "[" * 900, "x" * 100_000,
    "9" * 5_000, r"\binom{100000}{50000}", "1e999999", "3." + "1" * 40, "(3000!)^{9}", r"\text{" * 300, "A or B",
    "\x00\ud7ff", "if 1 else 2", "½" * 500, "(2^{10000})^{10000}", r"\sin(10^{9999})", "x^{9999}y^{9999}(x+y)^{9999}",
]  # fmt: skip
SPECS = {
    "math": "{}",
    "numeric": '{"relative": 0.01}',
    "exact": "{}",
    "choice": '{"choices": {"A": "42", "B": "7", "5": "5"}}',
    **{
        f"procedural {task}": f'{{"task": "{task}", "entry": {{"metadata": {{}}}}}}'
        for task in ("gcd", "codeio", "advanced_geometry", "bitwise_arithmetic", "simple_integration", "sudoku")
    },
}


@pytest.mark.parametrize("kind", SPECS)
def test_a_hostile_majority_harms_nobody(judge, kind):
    """Whatever the samples agree on is only ever text, also where the verifier would take it as a reference."""
    for text in HOSTILE:
        tables = run_of(text, text, "3.14", text + " ", kind=kind.split()[0], spec=SPECS[kind])
        started = time.process_time()
        (found,) = suspects_of(tables, judge, suspects="replace").to_dicts()
        assert time.process_time() - started < 10
        assert found["majority_answer"].strip() == text
