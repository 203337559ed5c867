"""OR1, second half: rewrite, summarise, verify again; and the reason of each trace that does not come through."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from openreason_dagster.domain.inference.asked_again import Ask
from openreason_dagster.domain.inference.questions import Question
from openreason_dagster.domain.provenance import normalise_text, stable_hash
from openreason_dagster.domain.recipe_cold_start import ColdStart
from openreason_dagster.domain.records import ThinkState, Verdict
from openreason_dagster.domain.schemas import COLD_START_DATA, COLD_START_DATA_DROPPED
from openreason_dagster.domain.writing.prompts import Example, boundary, conversation, fill
from openreason_dagster.domain.writing.readability import consistencies, repeated_shares, unknown_numbers
from openreason_dagster.domain.writing.replies import UNJUDGED, Problem, Verify, ask_for_texts
from openreason_dagster.domain.writing.steps import Step, taken_through

ANSWER_IS_KEPT = frozenset({"code", "instruction"})
"""Verifier kinds whose whole answer is judged: a summary of it would be another answer."""
_BOX = "\\boxed{"


@dataclass(frozen=True, kw_only=True)
class ColdStartTexts:
    """What the writer is asked with."""

    rewrite: str
    summary: str
    examples: tuple[Example, ...]


@dataclass(frozen=True, kw_only=True)
class Written:
    """Rows of cold_start_data and of cold_start_data_dropped; together every trace once."""

    kept: pl.DataFrame
    dropped: pl.DataFrame


@dataclass(frozen=True)
class _Draft:
    """One trace on its way."""

    row: dict[str, object]
    reasoning: str = ""
    answer: str = ""
    problem: Problem | None = None
    judged: dict[str, object] = field(default_factory=dict)

    def text(self, column: str) -> str:
        """A text of the row."""
        return str(self.row[column])

    def fails(self, reason: str, detail: str) -> "_Draft":
        """The same trace, left out."""
        return replace(self, problem=Problem(reason=reason, detail=detail))


def write_cold_start(
    rows: pl.DataFrame, rules: ColdStart, texts: ColdStartTexts, *, ask: Ask, verify: Verify, writer: str
) -> Written:
    """Rewrite one batch of correct traces.

    Args:
        rows: trace_id, prompt_id, model, temperature, domain, reward_total and rank; the trace's reasoning, answer and
            extracted_answer; the prompt's language, prompt, reference_answer, verifier and verifier_spec.
        rules: the recipe's.
        texts: templates and examples.
        ask: puts questions to the writer.
        verify: judges the written answers.
        writer: catalogue name of the model that writes, to be recorded.
    """
    steps: tuple[Step[_Draft], ...] = (
        lambda some: _rewritten(some, rules, texts, ask=ask),
        lambda some: _readable(some, rules),
        lambda some: _summarised(some, rules, texts, ask=ask),
        lambda some: _faithful(some, rules),
        lambda some: _verified(some, verify),
    )
    drafts = taken_through(steps, map(_Draft, rows.iter_rows(named=True)))
    kept = [_row(draft, writer) for draft in drafts if draft.problem is None]
    return Written(
        kept=COLD_START_DATA.frame(kept),
        dropped=COLD_START_DATA_DROPPED.frame(
            {**_keys(draft), **vars(draft.problem)} for draft in drafts if draft.problem is not None
        ),
    )


def _rewritten(drafts: Sequence[_Draft], rules: ColdStart, texts: ColdStartTexts, *, ask: Ask) -> list[_Draft]:
    questions = [_rewrite_question(draft, texts) for draft in drafts]
    found = ask_for_texts(ask, questions, tags=("reasoning",), attempts=rules.attempts)
    return [
        replace(draft, problem=result) if isinstance(result, Problem) else replace(draft, reasoning=result[0])
        for draft, result in zip(drafts, found, strict=True)
    ]


def _rewrite_question(draft: _Draft, texts: ColdStartTexts) -> Question:
    turns = [
        (
            _asked(texts.rewrite, example.question, example.reasoning, language=example.language, subject=str(number)),
            f"<reasoning>\n{example.rewritten}\n</reasoning>",
        )
        for number, example in enumerate(texts.examples)
    ]
    subject = draft.text("trace_id")
    asked = _asked(
        texts.rewrite, draft.text("prompt"), draft.text("reasoning"), language=draft.text("language"), subject=subject
    )
    return Question(subject_id=subject, part="rewrite", messages=conversation(turns, asked))


def _asked(template: str, question: str, reasoning: str, *, language: str, subject: str, answer: str = "") -> str:
    values = {"question": question, "reasoning": reasoning.strip(), "language": language, "answer": answer}
    return fill(template, values | {"boundary": boundary(subject)})


def _readable(drafts: Sequence[_Draft], rules: ColdStart) -> list[_Draft]:
    """The rewritten reasoning holds to what the trace had to hold to, and to the trace."""
    found = _in_own_language(drafts, [draft.reasoning for draft in drafts], rules)
    most = 1.0 if rules.maximum_repeated_share is None else rules.maximum_repeated_share
    shares = repeated_shares(pl.Series([draft.reasoning for draft in found], dtype=pl.String))
    varied = [
        draft.fails("rewrite_repetitive", f"{share:.3f} of the words were said before")
        if draft.problem is None and share > most
        else draft
        for draft, share in zip(found, shares, strict=True)
    ]
    return varied if rules.rewrite_numbers == "free" else list(map(_of_the_trace, varied))


def _of_the_trace(draft: _Draft) -> _Draft:
    """Only the summary is verified, so that a rewrite could come to another result, or go another way."""
    known = (draft.text("prompt"), draft.text("reasoning"), str(draft.row["extracted_answer"] or ""))
    strange = unknown_numbers(draft.reasoning, *known) if draft.problem is None else []
    return draft.fails("rewrite_new_numbers", ", ".join(strange[:10])) if strange else draft


def _in_own_language(drafts: Sequence[_Draft], written: Sequence[str], rules: ColdStart) -> list[_Draft]:
    least = rules.minimum_language_consistency
    if least is None:
        return list(drafts)
    shares = consistencies(written, [draft.text("language") for draft in drafts])
    return [
        draft.fails("rewrite_in_other_language", f"{share:.3f} of the words are in the prompt's language")
        if share is not None and share < least
        else draft
        for draft, share in zip(drafts, shares, strict=True)
    ]


def _summarised(drafts: Sequence[_Draft], rules: ColdStart, texts: ColdStartTexts, *, ask: Ask) -> list[_Draft]:
    wanted = [draft for draft in drafts if draft.row["verifier"] not in ANSWER_IS_KEPT]
    found = ask_for_texts(
        ask, [_summary_question(draft, texts.summary) for draft in wanted], tags=("summary",), attempts=rules.attempts
    )
    results = dict(zip((draft.text("trace_id") for draft in wanted), found, strict=True))
    return [_with_summary(draft, results.get(draft.text("trace_id"))) for draft in drafts]


def _with_summary(draft: _Draft, result: tuple[str, ...] | Problem | None) -> _Draft:
    if result is None:
        return replace(draft, answer=draft.text("answer").strip())
    if isinstance(result, Problem):
        return replace(draft, problem=result)
    return replace(draft, answer=result[0])


def _summary_question(draft: _Draft, template: str) -> Question:
    subject, answer = draft.text("trace_id"), draft.row["extracted_answer"] or draft.row["answer"]
    asked = _asked(
        template,
        draft.text("prompt"),
        draft.reasoning,
        language=draft.text("language"),
        subject=subject,
        answer=str(answer).strip(),
    )
    return Question(subject_id=subject, part="summary", messages=conversation((), asked))


def _faithful(drafts: Sequence[_Draft], rules: ColdStart) -> list[_Draft]:
    """Summaries are in the prompt's language, hold a boxed answer, and no number from nowhere."""
    checked = _in_own_language(drafts, [draft.answer for draft in drafts], rules)
    return [
        before if before.row["verifier"] in ANSWER_IS_KEPT else _boxed_and_known(after, rules)
        for before, after in zip(drafts, checked, strict=True)
    ]


def _boxed_and_known(draft: _Draft, rules: ColdStart) -> _Draft:
    if draft.problem is not None:
        return draft
    if _BOX not in draft.answer:
        return draft.fails("no_boxed_answer", f"the summary ends with {draft.answer[-80:]!r}")
    known = (draft.text("prompt"), draft.reasoning, str(draft.row["extracted_answer"] or ""))
    strange = unknown_numbers(draft.answer, *known) if rules.summary_numbers == "known" else []
    return draft.fails("new_numbers", ", ".join(strange[:10])) if strange else draft


def _verified(drafts: Sequence[_Draft], verify: Verify) -> list[_Draft]:
    """The written answer has the verdict correct, and is the answer that the trace gave."""
    if not drafts:
        return []
    answers = pl.DataFrame([_to_verify(draft) for draft in drafts], infer_schema_length=None)
    verdicts = {row["trace_id"]: row for row in verify(answers).iter_rows(named=True)}
    return [_compared(draft, verdicts[draft.text("trace_id")]) for draft in drafts]


def _to_verify(draft: _Draft) -> dict[str, object]:
    prompt = {name: draft.row[name] for name in ("prompt", "reference_answer", "verifier", "verifier_spec")}
    state = {"think_state": ThinkState.SEPARATE.value, "finish_reason": "stop"}
    return {**_keys(draft), **prompt, **state, "answer": draft.answer}


def _compared(draft: _Draft, judged: dict[str, object]) -> _Draft:
    verdict, before, after = judged["verdict"], draft.row["extracted_answer"], judged["extracted_answer"]
    if verdict in UNJUDGED:
        return draft.fails("not_verified", f"{verdict}: {judged['message']}")
    if verdict != Verdict.CORRECT.value:
        return draft.fails("verdict_changed", f"now {verdict}: {judged['message']}")
    if not is_same_answer(before, after):
        return draft.fails("answer_changed", f"from {before!r} to {after!r}")
    return replace(draft, judged=judged)


def is_same_answer(before: object, after: object) -> bool:
    """Whether two extracted answers are the same text but for white space, case and width; None is blank."""
    forms = ("".join(normalise_text(str(answer or "")).split()) for answer in (before, after))
    return next(forms) == next(forms)


def _keys(draft: _Draft) -> dict[str, object]:
    return {name: draft.row[name] for name in ("trace_id", "prompt_id", "model", "temperature")}


def _row(draft: _Draft, writer: str) -> dict[str, object]:
    source = draft.row["trace_id"]
    taken = {name: draft.row[name] for name in ("prompt_id", "model", "temperature", "domain", "language", "rank")}
    return {
        **taken,
        "trace_id": stable_hash(["cold_start", source, draft.reasoning, draft.answer]),
        "source_trace_id": source,
        "writer": writer,
        "reasoning": draft.reasoning,
        "answer": draft.answer,
        "extracted_answer": draft.judged["extracted_answer"],
        "verdict": draft.judged["verdict"],
        "verifier_version": draft.judged["verifier_version"],
        "reward_total": draft.row["reward_total"],
    }
