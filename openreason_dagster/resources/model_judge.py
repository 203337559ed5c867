"""A judge model beside the rules: which of their verdicts it is asked about, and what becomes of them."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from openreason_dagster.domain.inference.asked_again import ask_until_read
from openreason_dagster.domain.recipe_verification import JudgeModel, Verification
from openreason_dagster.domain.schemas import JUDGE_VERDICTS, VERIFIED_TRACES
from openreason_dagster.domain.verification.judged import VERSION
from openreason_dagster.domain.verification.model_judge import (
    UNREADABLE,
    Case,
    Finding,
    Opinion,
    Part,
    finding,
    is_asked,
    judged_kinds,
    opinion,
    overrules,
    question,
)
from openreason_dagster.domain.verification.registry import VERIFIER_VERSIONS
from openreason_dagster.domain.verification.verify import Judge
from openreason_dagster.resources.judge_desk import JudgeDesk, judge_desk
from openreason_dagster.resources.judging import judge_of
from openreason_dagster.resources.progress import ProgressListener
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace

JUDGE_KEY = "verification.judge"
"""The recipe key of the judge."""
Row = dict[str, object]
_JUDGED_COLUMNS = ("trace_id", "prompt", "reference_answer", "answer", "verifier")

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

    @property
    def stopped_by(self) -> str | None:
        """The limit of the budget that left answers unjudged, if one did."""
        return None if self.model is None else self.model.stopped_by

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
        with judge_desk(
            tables, workspace, settings=verification.judge, key=JUDGE_KEY, run_id=run_id, progress=progress
        ) as desk:
            judged_first = rules if verification.runner == "local" else _drained(rules)
            yield Court(judged_first, ModelJudge(desk, verification, verification.judge))


def _drained(rules: Judge) -> Judge:
    """All verdicts of the rules before any is given: a cluster's actors hold processors that a judge may wait for."""
    return lambda batches: iter(list(rules(batches)))


def _reviewed(rules: Judge, model: "ModelJudge", record: Record) -> Judge:
    """Rules first, then the model; the rows of a batch wait on disk for its verdicts, which come in whatever order."""

    def judge(batches: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        with TemporaryDirectory(prefix="judge-") as folder:
            shelf = _Shelf(Path(folder))
            for verdicts in rules(map(shelf.put, batches)):
                if verdicts.is_empty():
                    continue
                reviewed, evidence = model.review(verdicts, shelf.take(verdicts["trace_id"]))
                record(evidence)
                yield reviewed

    return judge


class _Shelf:
    """Batches of rows on disk, found again by trace_id: a cluster takes all of a partition before it gives anything."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count()
        self._files: dict[str, Path] = {}
        self._waiting: Counter[Path] = Counter()

    def put(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Keep a batch, and give it back."""
        path = self._folder / f"{next(self._numbers)}.arrow"
        rows.select(_JUDGED_COLUMNS).write_ipc(path)
        places = dict.fromkeys(rows["trace_id"], path)
        self._files |= places
        self._waiting[path] = len(places)
        return rows

    def take(self, trace_ids: Iterable[str]) -> list[Row]:
        """The rows of these traces, at least one trace; a file is gone when all its rows were taken."""
        places = {trace_id: self._files.pop(trace_id) for trace_id in set(trace_ids)}
        taken = Counter(places.values())
        rows = (row for path in sorted(taken) for row in pl.read_ipc(path).iter_rows(named=True))
        found = [row for row in rows if row["trace_id"] in places]
        self._waiting -= taken  # what comes to nothing is dropped
        for path in taken.keys() - self._waiting.keys():
            path.unlink()
        return found


class ModelJudge:
    """Asks a judge model about the verdicts of rules, and puts both together."""

    def __init__(self, desk: JudgeDesk, verification: Verification, settings: JudgeModel) -> None:
        self._assistant = desk.judge
        self._decision = verification.decided_by
        self._settings = settings
        self._template = desk.template
        self._suffix = f"{self._decision}:{desk.version}/{settings.attempts}x{settings.longest_answer}"

    @property
    def stopped_by(self) -> str | None:
        """The limit of the budget that refused a question, if one did."""
        return self._assistant.stopped_by

    @property
    def versions(self) -> Mapping[str, str]:
        """Version of a verdict per kind: with judge, settings and weights for the kinds that the judge has a say in."""
        return {kind: self._version(kind) for kind in VERIFIER_VERSIONS}

    def review(self, verdicts: pl.DataFrame, rows: Iterable[Row]) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The verdicts as they stand after the judge, and rows of `judge_verdicts` for those it was asked about.

        Args:
            verdicts: Rows of `verified_traces` by the rules.
            rows: For each of the same traces at least trace_id, prompt, reference_answer, answer and verifier.
        """
        texts = {str(row["trace_id"]): row for row in rows}
        records = list(verdicts.iter_rows(named=True))
        cases = {
            str(record["trace_id"]): _case(texts[str(record["trace_id"])])
            for record in records
            if self._is_asked(record, texts[str(record["trace_id"])])
        }
        opinions = self.opinions(list(dict.fromkeys(cases.values())))
        reviewed: list[Row] = []
        evidence: list[Row] = []
        for record in records:
            trace_id = str(record["trace_id"])
            kind = str(texts[trace_id]["verifier"])
            row = record | {"verifier_version": self._version(kind)}
            if trace_id in cases:
                row |= self._changes(opinions[cases[trace_id]], kind)
                evidence.append(self._evidence(record, row, cases[trace_id], opinions[cases[trace_id]]))
            reviewed.append(row)
        return VERIFIED_TRACES.frame(reviewed), JUDGE_VERDICTS.frame(evidence)

    def opinions(self, cases: Sequence[Case]) -> dict[Case, Opinion]:
        """What the judge finds of each case; a second pass is held over those that the first accepts."""
        first = self._findings(cases, "forward")
        second = self._findings([case for case in cases if first[case].verdict == "correct"], "swapped")
        return {case: opinion(first[case], second.get(case)) for case in cases}

    def _findings(self, cases: Sequence[Case], part: Part) -> dict[Case, Finding]:
        longest = self._settings.longest_answer
        return ask_until_read(
            self._assistant.ask,
            cases,
            question=lambda case, attempt: question(
                case, part, attempt=attempt, template=self._template, longest_answer=longest
            ),
            read=lambda case, reply: finding(case, part, reply),
            is_unreadable=lambda found: found.verdict == UNREADABLE,
            attempts=self._settings.attempts,
        )

    def _is_asked(self, record: Row, texts: Row) -> bool:
        verdict, method = str(record["verdict"]), str(record["method"])
        return is_asked(
            str(texts["verifier"]), verdict, method=method, answer=str(texts["answer"]), decision=self._decision
        )

    def _version(self, kind: str) -> str:
        rule = VERIFIER_VERSIONS[kind]
        return f"{rule}+{VERSION}:{self._suffix}" if kind in judged_kinds(self._decision) else rule

    def _changes(self, found: Opinion, kind: str) -> Row:
        """What the judge changes of a rule's row; nothing where the rule's verdict stands."""
        if not overrules(found.verdict, decision=self._decision, kind=kind):
            return {}
        return {
            "verdict": found.verdict.value,
            "is_correct": found.verdict.is_correct,
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
