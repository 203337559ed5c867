"""OR6, second half: a writer thinks, then answers; what does not read or hold as asked is left out with its reason."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from openreason_dagster.domain.inference.questions import Question
from openreason_dagster.domain.provenance import stable_hash
from openreason_dagster.domain.recipe_non_reasoning import CotPrompted
from openreason_dagster.domain.records import ThinkState, Verdict
from openreason_dagster.domain.schemas import COT_PROMPTED_RATINGS, COT_PROMPTED_TRACES, COT_PROMPTED_TRACES_DROPPED
from openreason_dagster.domain.writing.answer_ratings import Rater, rate_answers
from openreason_dagster.domain.writing.prompts import boundary, conversation, fill
from openreason_dagster.domain.writing.readability import consistencies, longest_paragraph, markdown_in
from openreason_dagster.domain.writing.replies import UNJUDGED, Ask, Problem, Verify, ask_for_texts

WRITTEN_BY_ROLE = "writer"
"""Stands in place of a temperature, as in the ledger."""
Row = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class Answered:
    """Rows of cot_prompted_traces and of cot_prompted_traces_dropped, together every prompt once; and the ratings."""

    kept: pl.DataFrame
    dropped: pl.DataFrame
    ratings: pl.DataFrame
    """Rows of cot_prompted_ratings: what a judge found of answers, kept or not."""


def answer_after_thinking(
    rows: pl.DataFrame, rules: CotPrompted, template: str, *, ask: Ask, verify: Verify, rater: Rater | None = None
) -> Answered:
    """Ask the writer about one batch of prompts.

    Args:
        rows: as of `cot_prompts.non_reasoning_prompts`.
        rules: the recipe's.
        template: what the writer is asked with.
        ask: puts questions to the writer.
        verify: judges answers to prompts that have a verifier.
        rater: rates the other answers; without one they are taken as they are.
    """
    prompts = list(rows.iter_rows(named=True))
    questions = [_question(prompt, template) for prompt in prompts]
    found = ask_for_texts(ask, questions, tags=("reasoning", "answer"), attempts=rules.attempts)
    problems = {prompt["prompt_id"]: result for prompt, result in zip(prompts, found, strict=True)
                if isinstance(result, Problem)}  # fmt: skip
    written = [
        _written(prompt, *result, writer=rules.writer.model)
        for prompt, result in zip(prompts, found, strict=True)
        if not isinstance(result, Problem)
    ]
    problems |= _style_problems(written, rules)
    readable = [row for row in written if row["prompt_id"] not in problems]
    verdicts = _verdicts(readable, {prompt["prompt_id"]: prompt for prompt in prompts}, verify)
    problems |= _verdict_problems(verdicts)
    open_answers = [row for row in readable if row["prompt_id"] not in verdicts]
    rated = [] if rater is None else rate_answers(open_answers, rater)
    problems |= {answer.row["prompt_id"]: answer.problem for answer in rated if answer.problem is not None}
    judged = verdicts | {str(answer.row["prompt_id"]): answer.verdict for answer in rated}
    kept = [row | judged.get(str(row["prompt_id"]), {}) for row in readable if row["prompt_id"] not in problems]
    fields = COT_PROMPTED_TRACES.schema.names()
    return Answered(
        kept=COT_PROMPTED_TRACES.frame({name: row.get(name) for name in fields} for row in kept),
        dropped=COT_PROMPTED_TRACES_DROPPED.frame(_left_out(prompts, problems)),
        ratings=COT_PROMPTED_RATINGS.frame(answer.evidence for answer in rated),
    )


def _left_out(prompts: Sequence[Row], problems: Mapping[object, Problem]) -> Iterator[Row]:
    for prompt in prompts:
        problem = problems.get(prompt["prompt_id"])
        if problem is not None:
            yield {"prompt_id": prompt["prompt_id"], "source": prompt["source"], **vars(problem)}


def _question(prompt: Row, template: str) -> Question:
    subject = str(prompt["prompt_id"])
    values = {"question": str(prompt["prompt"]), "language": str(prompt["language"]), "boundary": boundary(subject)}
    return Question(subject_id=subject, part="cot_answer", messages=conversation((), fill(template, values)))


def _written(prompt: Row, reasoning: str, answer: str, *, writer: str) -> Row:
    taken = {name: prompt[name] for name in ("prompt_id", "source", "domain", "language", "license", "prompt")}
    identity = stable_hash(["cot_prompted", prompt["prompt_id"], reasoning, answer])
    texts = {"reasoning": reasoning, "answer": answer}
    return {**taken, **texts, "trace_id": identity, "model": writer, "temperature": WRITTEN_BY_ROLE}


def _style_problems(written: Sequence[Row], rules: CotPrompted) -> dict[object, Problem]:
    """By prompt_id: markdown, then long paragraphs, then words in other languages."""
    thoughts = pl.Series([row["reasoning"] for row in written], dtype=pl.String)
    lengths = pl.DataFrame({"reasoning": thoughts}).select(longest_paragraph(pl.col("reasoning"))).to_series()
    shares = consistencies(thoughts, [str(row["language"]) for row in written])
    problems = {}
    for row, length, share in zip(written, lengths, shares, strict=True):
        problem = _style_problem(str(row["reasoning"]), rules, characters=length, share=share)
        if problem is not None:
            problems[row["prompt_id"]] = problem
    return problems


def _style_problem(reasoning: str, rules: CotPrompted, *, characters: int, share: float | None) -> Problem | None:
    markdown = markdown_in(reasoning) if rules.markdown_in_reasoning == "drop" else None
    most, least = rules.maximum_paragraph_characters, rules.minimum_language_consistency
    if markdown is not None:
        return Problem(reason="markdown_in_reasoning", detail=markdown)
    if most is not None and characters > most:
        return Problem(reason="long_paragraph", detail=f"{characters} characters")
    if least is not None and share is not None and share < least:
        return Problem(reason="mixed_language", detail=f"{share:.3f} of the words are in the prompt's language")
    return None


def _verdicts(written: Sequence[Row], prompts: dict[object, Row], verify: Verify) -> dict[str, Row]:
    """By prompt_id the verdict, message and verifier_version of answers to prompts that have a verifier."""
    rows = [_to_verify(row, prompts[row["prompt_id"]]) for row in written if prompts[row["prompt_id"]]["verifier"]]
    if not rows:
        return {}
    judged = verify(pl.DataFrame(rows, infer_schema_length=None))
    return {
        str(row["prompt_id"]): row
        for row in judged.select("prompt_id", "verdict", "message", "verifier_version").iter_rows(named=True)
    }


def _to_verify(row: Row, prompt: Row) -> Row:
    keys = {name: row[name] for name in ("trace_id", "prompt_id", "model", "temperature", "answer")}
    spec = {name: prompt[name] for name in ("prompt", "reference_answer", "verifier", "verifier_spec")}
    return {**keys, **spec, "think_state": ThinkState.SEPARATE.value, "finish_reason": "stop"}


def _verdict_problems(verdicts: dict[str, Row]) -> dict[object, Problem]:
    return {
        prompt_id: Problem(
            reason="not_verified" if row["verdict"] in UNJUDGED else "not_correct",
            detail=f"{row['verdict']}: {row['message']}",
        )
        for prompt_id, row in verdicts.items()
        if row["verdict"] != Verdict.CORRECT.value
    }
