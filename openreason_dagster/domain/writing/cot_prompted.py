"""OR6, second half: a writer thinks, then answers; what does not read or hold as asked is left out with its reason."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from openreason_dagster.domain.inference.asked_again import Ask
from openreason_dagster.domain.inference.questions import Question
from openreason_dagster.domain.provenance import stable_hash
from openreason_dagster.domain.recipe_non_reasoning import CotPrompted
from openreason_dagster.domain.records import ThinkState, Verdict
from openreason_dagster.domain.schemas import COT_PROMPTED_RATINGS, COT_PROMPTED_TRACES, COT_PROMPTED_TRACES_DROPPED
from openreason_dagster.domain.writing.answer_ratings import RatedAnswer, Rater, rate_answers
from openreason_dagster.domain.writing.prompts import boundary, conversation, fill
from openreason_dagster.domain.writing.readability import consistencies, longest_paragraph, markdown_in
from openreason_dagster.domain.writing.replies import UNJUDGED, Problem, Verify, ask_for_texts
from openreason_dagster.domain.writing.steps import Step, taken_through

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


@dataclass(frozen=True)
class _Draft:
    """One prompt on its way."""

    prompt: Row
    answer: Row = field(default_factory=dict)
    """What was written, as columns of cot_prompted_traces."""
    verdict: Row = field(default_factory=dict)
    """The columns verdict and verifier_version; without them nobody decided about the answer."""
    rating: RatedAnswer | None = None
    problem: Problem | None = None


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
    steps: tuple[Step[_Draft], ...] = (
        lambda some: _written(some, rules, template, ask=ask),
        lambda some: _readable(some, rules),
        lambda some: _verified(some, verify),
        lambda some: _rated(some, rater),
    )
    drafts = taken_through(steps, map(_Draft, rows.iter_rows(named=True)))
    return Answered(
        kept=COT_PROMPTED_TRACES.frame(_row(draft) for draft in drafts if draft.problem is None),
        dropped=COT_PROMPTED_TRACES_DROPPED.frame(
            {"prompt_id": draft.prompt["prompt_id"], "source": draft.prompt["source"], **vars(draft.problem)}
            for draft in drafts
            if draft.problem is not None
        ),
        ratings=COT_PROMPTED_RATINGS.frame(draft.rating.evidence for draft in drafts if draft.rating is not None),
    )


def _question(prompt: Row, template: str) -> Question:
    subject = str(prompt["prompt_id"])
    values = {"question": str(prompt["prompt"]), "language": str(prompt["language"]), "boundary": boundary(subject)}
    return Question(subject_id=subject, part="cot_answer", messages=conversation((), fill(template, values)))


def _written(drafts: Sequence[_Draft], rules: CotPrompted, template: str, *, ask: Ask) -> list[_Draft]:
    """What the writer thought and answered."""
    questions = [_question(draft.prompt, template) for draft in drafts]
    found = ask_for_texts(ask, questions, tags=("reasoning", "answer"), attempts=rules.attempts)
    return [
        replace(draft, problem=result)
        if isinstance(result, Problem)
        else replace(draft, answer=_answer(draft.prompt, *result, writer=rules.writer.model))
        for draft, result in zip(drafts, found, strict=True)
    ]


def _answer(prompt: Row, reasoning: str, answer: str, *, writer: str) -> Row:
    taken = {name: prompt[name] for name in ("prompt_id", "source", "domain", "language", "license", "prompt")}
    identity = stable_hash(["cot_prompted", prompt["prompt_id"], reasoning, answer])
    texts = {"reasoning": reasoning, "answer": answer}
    return {**taken, **texts, "trace_id": identity, "model": writer, "temperature": WRITTEN_BY_ROLE}


def _readable(drafts: Sequence[_Draft], rules: CotPrompted) -> list[_Draft]:
    """The reasoning has neither markdown, nor long paragraphs, nor words in other languages."""
    thoughts = pl.Series([draft.answer["reasoning"] for draft in drafts], dtype=pl.String)
    lengths = pl.DataFrame({"reasoning": thoughts}).select(longest_paragraph(pl.col("reasoning"))).to_series()
    shares = consistencies(thoughts, [str(draft.prompt["language"]) for draft in drafts])
    return [
        replace(draft, problem=_style_problem(thought, rules, characters=length, share=share))
        for draft, thought, length, share in zip(drafts, thoughts, lengths, shares, strict=True)
    ]


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


def _verified(drafts: Sequence[_Draft], verify: Verify) -> list[_Draft]:
    """Answers to prompts that have a verifier are correct; the others stay as they are."""
    rows = [_to_verify(draft) for draft in drafts if draft.prompt["verifier"]]
    judged = verify(pl.DataFrame(rows, infer_schema_length=None)) if rows else pl.DataFrame()
    verdicts = {row["trace_id"]: row for row in judged.iter_rows(named=True)}
    return [
        _with_verdict(draft, verdicts[draft.answer["trace_id"]]) if draft.prompt["verifier"] else draft
        for draft in drafts
    ]


def _to_verify(draft: _Draft) -> Row:
    keys = {name: draft.answer[name] for name in ("trace_id", "prompt_id", "model", "temperature", "answer")}
    spec = {name: draft.prompt[name] for name in ("prompt", "reference_answer", "verifier", "verifier_spec")}
    return {**keys, **spec, "think_state": ThinkState.SEPARATE.value, "finish_reason": "stop"}


def _with_verdict(draft: _Draft, judged: Row) -> _Draft:
    verdict = judged["verdict"]
    if verdict == Verdict.CORRECT.value:
        return replace(draft, verdict={name: judged[name] for name in ("verdict", "verifier_version")})
    reason = "not_verified" if verdict in UNJUDGED else "not_correct"
    return replace(draft, problem=Problem(reason=reason, detail=f"{verdict}: {judged['message']}"))


def _rated(drafts: Sequence[_Draft], rater: Rater | None) -> list[_Draft]:
    """Answers that no verifier decided about are rated well enough, where there is a judge."""
    if rater is None:
        return list(drafts)
    ratings = iter(rate_answers([draft.answer for draft in drafts if not draft.verdict], rater))
    return [draft if draft.verdict else _with_rating(draft, next(ratings)) for draft in drafts]


def _with_rating(draft: _Draft, rated: RatedAnswer) -> _Draft:
    return replace(draft, rating=rated, verdict=rated.verdict, problem=rated.problem)


def _row(draft: _Draft) -> Row:
    values = draft.answer | draft.verdict
    return {name: values.get(name) for name in COT_PROMPTED_TRACES.schema.names()}
