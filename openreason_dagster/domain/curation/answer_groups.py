"""Which extracted answers to a prompt are the same answer: by its verifier's notion of equality, else by their text."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import polars as pl

from openreason_dagster.domain.records import ThinkState, Verdict
from openreason_dagster.domain.verification.normalisation import folded_text
from openreason_dagster.domain.verification.registry import verifier
from openreason_dagster.domain.verification.symbolic_text import LONGEST_TEXT, fitness
from openreason_dagster.domain.verification.verify import Judge

LEADERS = 8
"""Spellings of a prompt, most frequent first, that others are compared with; this bounds the work on scattered ones."""
_PAIRS_PER_BATCH = 2_000
_NO_TRACE = {"model": pl.lit(""), "temperature": pl.lit(""), "finish_reason": pl.lit(None, pl.String())}

Verdicts = Mapping[str, Verdict]
"""Verdict of each pair of spellings, by `_pair`."""


@dataclass(frozen=True, kw_only=True)
class AnswerGroup:
    """Samples of one prompt that gave one answer."""

    answer: str
    """Its most frequent spelling; the smallest text of equally frequent ones."""
    votes: int
    models: frozenset[str]
    texts: frozenset[int]
    """Hashes of the samples' texts."""
    is_reference: bool
    """Whether `answer` can be a reference: small, no program, and accepted by the verifier as the answer to itself."""


def answer_groups(answers: pl.DataFrame, judge: Judge) -> dict[str, list[AnswerGroup]]:
    """Groups of each prompt that are led by one of its `LEADERS` most frequent spellings, most votes first.

    Args:
        answers: prompt_id, verifier, verifier_spec, extracted_answer, votes, models and texts; one row per spelling.
        judge: what compares two spellings: the one is judged against the other as the reference.

    The result does not depend on the order of the rows.
    """
    ranked = answers.sort("prompt_id", "votes", "extracted_answer", descending=[False, True, False]).with_columns(
        place=pl.int_range(pl.len()).over("prompt_id")
    )
    verdicts = _verdicts(ranked, judge)
    return {
        str(prompt_id): _groups([_Spelling(**row) for row in rows.select(_COLUMNS).iter_rows(named=True)], verdicts)
        for (prompt_id,), rows in ranked.group_by("prompt_id", maintain_order=True)
    }


@dataclass(frozen=True, kw_only=True)
class _Spelling:
    prompt_id: str
    place: int
    extracted_answer: str
    votes: int
    models: list[str]
    texts: list[int]

    def verdict_on(self, other: "_Spelling", verdicts: Verdicts) -> Verdict:
        """Of the other as the answer where this is the reference; abstained where it may not be one."""
        return verdicts.get(_pair(self.prompt_id, self.place, other.place), Verdict.ABSTAINED)

    def is_same_as(self, other: "_Spelling", verdicts: Verdicts) -> bool:
        verdict = self.verdict_on(other, verdicts)
        if self.verdict_on(self, verdicts) is Verdict.CORRECT and verdict.is_correct is not None:
            return verdict is Verdict.CORRECT
        return folded_text(self.extracted_answer) == folded_text(other.extracted_answer)


_COLUMNS = [field.name for field in fields(_Spelling)]


def _verdicts(ranked: pl.DataFrame, judge: Judge) -> Verdicts:
    """Verdict on each spelling and each less frequent one of its prompt, against each leader that is fit for it."""
    leaders = ranked.filter(pl.col("place") < LEADERS)
    is_usable = pl.Series([_may_be_reference(text) for text in leaders["extracted_answer"]], dtype=pl.Boolean)
    leaders = leaders.filter(is_usable).select("prompt_id", leader="place", reference_answer="extracted_answer")
    spellings = ranked.select("prompt_id", "verifier", "verifier_spec", "extracted_answer", "place")
    pairs = spellings.join(leaders, on="prompt_id").filter(pl.col("place") >= pl.col("leader"))
    frames = judge(_as_traces(batch) for batch in pairs.iter_slices(_PAIRS_PER_BATCH))
    judged = (row for frame in frames for row in frame.select("trace_id", "verdict").iter_rows())
    return {pair: Verdict(verdict) for pair, verdict in judged}


def _may_be_reference(text: str) -> bool:
    """Verifiers take references for harmless, and this one comes from a model: it must pass for an answer first."""
    return len(text) <= LONGEST_TEXT and fitness(text)[0] in ("fit", "not_mathematics")


def _pair(prompt_id: str, leader: int, place: int) -> str:
    return f"{prompt_id}/{leader}/{place}"


def _as_traces(pairs: pl.DataFrame) -> pl.DataFrame:
    presented = [
        verifier(kind).present(text) for kind, text in pairs.select("verifier", "extracted_answer").iter_rows()
    ]
    return pairs.select(
        "prompt_id", "reference_answer", "verifier", "verifier_spec",
        trace_id=pl.format("{}/{}/{}", "prompt_id", "leader", "place"),
        answer=pl.Series(presented, dtype=pl.String),
        think_state=pl.lit(ThinkState.ABSENT.value),
        **_NO_TRACE,
    )  # fmt: skip


def _groups(spellings: list[_Spelling], verdicts: Verdicts) -> list[AnswerGroup]:
    """`spellings` of one prompt in the order of their places."""
    groups, remaining = [], spellings
    while remaining and remaining[0].place < LEADERS:
        leader = remaining[0]
        members = [one for one in remaining if one is leader or leader.is_same_as(one, verdicts)]
        remaining = [one for one in remaining if one not in members]
        groups.append(_group(members, is_reference=leader.verdict_on(leader, verdicts) is Verdict.CORRECT))
    return sorted(groups, key=lambda group: (-group.votes, group.answer))


def _group(members: list[_Spelling], *, is_reference: bool) -> AnswerGroup:
    return AnswerGroup(
        answer=members[0].extracted_answer,
        votes=sum(one.votes for one in members),
        models=frozenset(model for one in members for model in one.models),
        texts=frozenset(text for one in members for text in one.texts),
        is_reference=is_reference,
    )
