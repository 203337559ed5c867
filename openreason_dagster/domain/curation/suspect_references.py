"""References that are likely wrong: no sample agrees with them, and the samples agree with each other.

Where every judged sample of a prompt is wrong and one answer leads the rest, the label is doubted before the models
are. A suspicion is not a proof: a model can be wrong the same way every time.
"""

from collections.abc import Iterator, Mapping

import polars as pl

from openreason_dagster.domain.curation.answer_groups import AnswerGroup, answer_groups
from openreason_dagster.domain.recipe_references import References
from openreason_dagster.domain.records import Verdict
from openreason_dagster.domain.schemas import SUSPECT_REFERENCES
from openreason_dagster.domain.verification.registry import KINDS_WITHOUT_REFERENCE
from openreason_dagster.domain.verification.verify import Judge

_PROMPTS_AT_ONCE = 500
_TRACES_AT_ONCE = 2_000
_FEWEST_TEXTS = 2
"""Different texts that must have led to the majority answer: one text sampled often is one opinion."""
_TREATMENTS = {"keep": "kept", "drop": "dropped", "replace": "replaced"}
_PROMPT = ("prompt_id", "domain", "verifier", "verifier_spec", "reference_answer")
_JUDGED_OF_TRACE = ("trace_id", "prompt_id", "model", "temperature", "answer", "think_state", "finish_reason")

Frames = Mapping[str, pl.LazyFrame]


def answers_without_reference(tables: Frames, *, minimum_samples: int) -> pl.LazyFrame:
    """What was answered to prompts of which at least `minimum_samples` traces were judged and none is correct.

    Reads sampled_traces, verified_traces and prompt_pool; only kinds of verifier that need a reference count. One row
    per prompt and spelling of an extracted answer, judged or not: the prompt's columns, judged, answers (of the
    prompt), extracted_answer, votes, models and texts (hashes of the samples' texts).
    """
    pool = tables["prompt_pool"].filter(
        ~pl.col("verifier").is_in(list(KINDS_WITHOUT_REFERENCE)) & pl.col("reference_answer").is_not_null()
    )
    verified = tables["verified_traces"]
    unsolved = (
        verified.group_by("prompt_id")
        .agg(
            judged=pl.col("trace_id").filter(pl.col("is_correct").is_not_null()).n_unique().cast(pl.Int64),
            is_solved=pl.col("is_correct").any(),
        )
        .filter(~pl.col("is_solved") & (pl.col("judged") >= minimum_samples))
        .join(pool.select(_PROMPT), on="prompt_id", how="inner")
        .drop("is_solved")
    )
    texts = tables["sampled_traces"].select(
        "trace_id", text=pl.concat_str("reasoning", pl.lit("\x1f"), "answer").hash()
    )
    is_answer = pl.col("extracted_answer").is_not_null() & (pl.col("verdict") != Verdict.NO_ANSWER.value)
    spellings = (
        verified.filter(is_answer)
        .join(unsolved.select("prompt_id"), on="prompt_id", how="semi")
        .join(texts, on="trace_id", how="inner")
        .group_by("prompt_id", "extracted_answer")
        .agg(votes=pl.col("trace_id").n_unique().cast(pl.Int64), models=pl.col("model").unique(), texts=pl.col("text"))
    )
    return unsolved.join(spellings, on="prompt_id", how="inner").with_columns(
        answers=pl.col("votes").sum().over("prompt_id")
    )


def suspect_references(answers: pl.DataFrame, judge: Judge, rules: References) -> pl.DataFrame:
    """Rows of suspect_references by prompt_id; `answers` as of `answers_without_reference`, in any order.

    The majority answer has the recipe's share of all extracted answers, more votes than any other answer, and comes
    from at least two different texts. What counts as the same answer is the verifier's to say (see `answer_groups`).
    """
    prompts = answers.select(*_PROMPT, "judged", "answers").unique("prompt_id").sort("prompt_id")
    rows = []
    for some in prompts.iter_slices(_PROMPTS_AT_ONCE):
        groups = answer_groups(answers.join(some, on="prompt_id", how="semi"), judge)
        for prompt in some.iter_rows(named=True):
            majority = _majority(groups[prompt["prompt_id"]], answers=prompt["answers"], rules=rules)
            if majority is not None:
                rows.append(prompt | _evidence(majority, answers=prompt["answers"], rules=rules))
    return SUSPECT_REFERENCES.frame({name: row[name] for name in SUSPECT_REFERENCES.schema.names()} for row in rows)


def _majority(groups: list[AnswerGroup], *, answers: int, rules: References) -> AnswerGroup | None:
    first, second = groups[0], groups[1] if len(groups) > 1 else None
    is_tie = second is not None and second.votes == first.votes
    is_agreed = first.votes >= rules.minimum_agreement * answers and len(first.texts) >= _FEWEST_TEXTS
    return first if is_agreed and not is_tie else None


def _evidence(majority: AnswerGroup, *, answers: int, rules: References) -> dict[str, object]:
    cannot_replace = rules.suspects == "replace" and not majority.is_reference
    return {
        "majority_answer": majority.answer,
        "votes": majority.votes,
        "agreement": majority.votes / answers,
        "models": sorted(majority.models),
        "treatment": "kept" if cannot_replace else _TREATMENTS[rules.suspects],
    }


def replaced_verdicts(tables: Frames, suspects: pl.DataFrame, judge: Judge) -> Iterator[pl.DataFrame]:
    """Rows of replaced_verdicts: the traces of replaced references, judged against the majority answer."""
    replaced = suspects.lazy().filter(pl.col("treatment") == "replaced")
    references = replaced.select("prompt_id", reference_answer="majority_answer")
    prompts = tables["prompt_pool"].select("prompt_id", "verifier", "verifier_spec").join(references, on="prompt_id")
    traces = tables["sampled_traces"].select(_JUDGED_OF_TRACE).join(prompts, on="prompt_id", how="inner")
    return judge(traces.collect_batches(chunk_size=_TRACES_AT_ONCE, engine="streaming"))
