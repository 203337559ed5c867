"""A judge model beside the rules: which of their verdicts it is asked about, and what becomes of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from openreason_dagster.domain.recipe_verification import JudgeModel, Verification
from openreason_dagster.domain.records import Verdict
from openreason_dagster.domain.schemas import JUDGE_VERDICTS, VERIFIED_TRACES
from openreason_dagster.domain.verification.model_judge import (
    UNREADABLE,
    VERSION,
    Case,
    Finding,
    Opinion,
    Part,
    decided,
    finding,
    is_asked,
    judged_kinds,
    opinion,
    question,
)
from openreason_dagster.domain.verification.registry import VERIFIER_VERSIONS
from openreason_dagster.resources.assistant import Assistant
from openreason_dagster.resources.judging import Judge, judge_of
from openreason_dagster.resources.progress import ProgressListener
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace

Row = dict[str, object]


Record = Callable[[pl.DataFrame], None]
"""Takes rows of `judge_verdicts` before the verdicts that they led to come back."""


def _forget(_evidence: pl.DataFrame) -> None:
    """Keep no record."""


@dataclass(frozen=True)
class Court:
    """Who judges by the recipe: rules, and perhaps a model beside them."""

    rules: Judge
    model: "ModelJudge | None"

    @property
    def versions(self) -> Mapping[str, str]:
        """The version that a verdict of each kind of verifier has."""
        return VERIFIER_VERSIONS if self.model is None else self.model.versions

    def judge(self, record: Record = _forget) -> Judge:
        """Judges as the recipe says."""
        return self.rules if self.model is None else _reviewed(self.rules, self.model, record)


@contextmanager
def court_of(
    tables: Tables, workspace: Workspace, *, run_id: str, progress: ProgressListener | None = None
) -> Iterator[Court]:
    """Rules, and the judge model where the recipe names one, for as long as the context lasts.

    Args:
        tables: Where the judge's replies are kept.
        workspace: Recipe and catalogue.
        run_id: The Dagster run that pays for the judge.
        progress: Told how far the judge has come.

    Raises:
        OpenReasonError: the judge model is unknown or has not the role, or what `judging.judge_of` raises.
    """
    verification = workspace.recipe().verification
    with judge_of(verification) as rules:
        if verification.judge is None:
            yield Court(rules, None)
            return
        with Assistant(
            tables, workspace, role="judge", settings=verification.judge, key="verification.judge.model",
            run_id=run_id, progress=progress,
        ) as assistant:  # fmt: skip
            yield Court(rules, ModelJudge(assistant, verification, verification.judge))


def _reviewed(rules: Judge, model: "ModelJudge", record: Record) -> Judge:
    """Rules first, then the model; the rows of a batch are held until its verdicts come, in whatever order."""

    def judge(batches: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        held: list[pl.DataFrame] = []

        def holding() -> Iterator[pl.DataFrame]:
            for rows in batches:
                held.append(rows)
                yield rows

        for verdicts in rules(holding()):
            rows = pl.concat(held)
            held[:] = [rows.join(verdicts, on="trace_id", how="anti")]
            reviewed, evidence = model.review(verdicts, rows.join(verdicts, on="trace_id", how="semi"))
            record(evidence)
            yield reviewed

    return judge


class ModelJudge:
    """Asks a judge model about the verdicts of rules, and puts both together."""

    def __init__(self, assistant: Assistant, verification: Verification, settings: JudgeModel) -> None:
        self._assistant = assistant
        self._decision = verification.decided_by
        self._settings = settings
        asked = assistant.questioning
        self._suffix = f"{self._decision}:{asked.model}@{asked.fingerprint[:12]}/{settings.attempts}"

    @property
    def versions(self) -> Mapping[str, str]:
        """Version of a verdict per kind: with judge, settings and weights for the kinds that the judge has a say in."""
        return {kind: self._version(kind) for kind in VERIFIER_VERSIONS}

    def review(self, verdicts: pl.DataFrame, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The verdicts as they stand after the judge, and rows of `judge_verdicts` for those it was asked about.

        Args:
            verdicts: Rows of `verified_traces` by the rules.
            rows: trace_id, prompt, reference_answer, answer and verifier of the same traces.
        """
        texts = {str(row["trace_id"]): row for row in rows.iter_rows(named=True)}
        records = list(verdicts.iter_rows(named=True))
        cases = {
            str(record["trace_id"]): _case(texts[str(record["trace_id"])])
            for record in records
            if self._is_asked(record, str(texts[str(record["trace_id"])]["verifier"]))
        }
        opinions = self.opinions(list(dict.fromkeys(cases.values())))
        reviewed: list[Row] = []
        evidence: list[Row] = []
        for record in records:
            trace_id = str(record["trace_id"])
            kind = str(texts[trace_id]["verifier"])
            row = record | {"verifier_version": self._version(kind)}
            if trace_id in cases:
                row |= self._changes(record, opinions[cases[trace_id]], kind)
                evidence.append(self._evidence(record, row, cases[trace_id], opinions[cases[trace_id]]))
            reviewed.append(row)
        return VERIFIED_TRACES.frame(reviewed), JUDGE_VERDICTS.frame(evidence)

    def opinions(self, cases: Sequence[Case]) -> dict[Case, Opinion]:
        """What the judge finds of each case; a second pass is held over those that the first accepts."""
        first = self._findings(cases, "forward")
        second = self._findings([case for case in cases if first[case].verdict == "correct"], "swapped")
        return {case: opinion(first[case], second.get(case)) for case in cases}

    def _findings(self, cases: Sequence[Case], part: Part) -> dict[Case, Finding]:
        found: dict[Case, Finding] = {}
        for attempt in range(1, self._settings.attempts + 1):
            pending = [case for case in cases if case not in found or found[case].verdict == UNREADABLE]
            asked = {
                case: question(case, part, attempt=attempt, longest_answer=self._settings.longest_answer)
                for case in pending
            }
            replies = self._assistant.ask(asked.values())
            found |= {case: finding(case, part, replies.get(each)) for case, each in asked.items()}
        return found

    def _is_asked(self, record: Row, kind: str) -> bool:
        return is_asked(kind, str(record["verdict"]), method=str(record["method"]), decision=self._decision)

    def _version(self, kind: str) -> str:
        rule = VERIFIER_VERSIONS[kind]
        return f"{rule}+{VERSION}:{self._suffix}" if kind in judged_kinds(self._decision) else rule

    def _changes(self, record: Row, found: Opinion, kind: str) -> Row:
        """What the judge changes of a rule's row; nothing where the rule's verdict stands."""
        verdict = decided(Verdict(str(record["verdict"])), found.verdict, decision=self._decision, kind=kind)
        if verdict is not found.verdict:
            return {}
        return {
            "verdict": verdict.value,
            "is_correct": verdict.is_correct,
            "method": f"judge/{found.first}" if found.second is None else f"judge/{found.first}/{found.second}",
            "message": found.message,
        }

    def _evidence(self, record: Row, row: Row, case: Case, found: Opinion) -> Row:
        return {
            **{key: record[key] for key in ("trace_id", "prompt_id", "model", "temperature")},
            "rule_verdict": record["verdict"],
            "judge_verdict": found.verdict.value,
            "verdict": row["verdict"],
            "judge_model": self._assistant.questioning.model,
            "first_pass": found.first,
            "second_pass": found.second,
            "analysis": found.message,
            "subject_id": case.subject_id,
            "judged_at": datetime.now(UTC),
        }


def _case(row: Row) -> Case:
    return Case(question=str(row["prompt"]), reference=str(row["reference_answer"]), answer=str(row["answer"]))
