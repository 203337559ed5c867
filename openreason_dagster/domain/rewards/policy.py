"""Rewards of a policy in training: its completions judged and scored by the functions that made the data.

What differs from stored traces is what a verdict means. A stored trace without an answer is unknown and costs nothing;
a policy that is not penalised for it would learn to give none. So a completion with no answer, one that was cut, and a
program that used up its time are wrong here. What a machine failed to judge stays unknown.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from openreason_dagster.domain.conversation import read_turns
from openreason_dagster.domain.errors import VerificationError
from openreason_dagster.domain.inference.reasoning import ends_inside_think, split_completion
from openreason_dagster.domain.records import Verdict
from openreason_dagster.domain.verification.registry import KINDS_WITHOUT_REFERENCE
from openreason_dagster.domain.verification.verify import IS_MACHINE_FAILURE, verify_batch
from openreason_dagster.domain.verification.workers import Workers

COLUMNS = ("reference_answer", "verifier", "verifier_spec", "language")
"""Columns of `rl_prompts` that rewards are computed from."""
_DEFAULTS = {"reference_answer": None, "verifier": "math", "verifier_spec": "{}", "language": "en"}
_SCHEMA = pl.Schema({
    **dict.fromkeys(("trace_id", "prompt_id", "model", "temperature", "finish_reason"), pl.String()),
    **dict.fromkeys(("reasoning", "answer", "think_state", *COLUMNS), pl.String()),
})  # fmt: skip
_WRONG = (Verdict.INCORRECT.value, Verdict.NO_ANSWER.value, Verdict.TRUNCATED.value)


@dataclass(frozen=True, kw_only=True)
class Completion:
    """What the policy wrote, as text or as messages, and whether its prompt ended inside a think block."""

    content: object
    opened_think: bool


def completions_of(
    contents: Sequence[object], prompts: Sequence[object] | None, *, opened_think: bool
) -> list[Completion]:
    """Completions with what their prompts opened; prompts that are text tell it themselves."""
    asked = [None] * len(contents) if prompts is None else prompts
    return [
        Completion(
            content=content, opened_think=opened_think or (isinstance(prompt, str) and ends_inside_think(prompt))
        )
        for content, prompt in zip(contents, asked, strict=True)
    ]


def policy_traces(completions: Sequence[Completion], columns: Mapping[str, object]) -> pl.DataFrame:
    """Completions as rows that verification and rewards take, in their order.

    Args:
        completions: What was generated.
        columns: Lists of `COLUMNS`, one value per completion; what is not there has its default.

    Raises:
        VerificationError: a list has another length.
    """
    values = {name: _values(name, columns, len(completions)) for name in COLUMNS}
    rows = []
    for number, completion in enumerate(completions):
        text, reasoning = _text(completion.content)
        parts = split_completion(text, completion.opened_think, reasoning)
        row = {name: value[number] for name, value in values.items()} | parts._asdict()
        rows.append(row | {"trace_id": str(number), "prompt_id": "", "model": "", "temperature": ""})
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def with_verdicts(traces: pl.DataFrame, workers: Workers) -> pl.DataFrame:
    """The traces with `verdict` and `is_correct`: true, false, or null where no machine could tell.

    Raises:
        VerificationError: a kind is unknown or its reference is missing, or workers cannot start.
        SandboxError: a program has to run and no sandbox can be used.
    """
    _require_references(traces)
    verdicts = verify_batch(traces, workers, now=datetime.datetime.now(datetime.UTC)).select("verdict", "method")
    verdict = pl.col("verdict")
    is_wrong = verdict.is_in(_WRONG) | ((verdict == Verdict.TIMEOUT.value) & ~IS_MACHINE_FAILURE)
    is_correct = (
        pl.when(verdict == Verdict.CORRECT.value).then(pl.lit(value=True)).when(is_wrong).then(pl.lit(value=False))
    )
    return traces.hstack(verdicts.with_columns(is_correct=is_correct).drop("method"))


def _values(name: str, columns: Mapping[str, object], count: int) -> list[object]:
    given = columns.get(name)
    if given is None:
        return [_DEFAULTS[name]] * count
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) != count:
        raise VerificationError(
            f"reward column `{name}`: found {type(given).__name__}, expected a list of {count} values, one per "
            "completion. Pass the column of the data set as it is."
        )
    return [_DEFAULTS[name] if value is None else _storable(str(value)) for value in given]


def _require_references(traces: pl.DataFrame) -> None:
    needing = traces.filter(~pl.col("verifier").is_in(list(KINDS_WITHOUT_REFERENCE)))
    if needing.height and needing["reference_answer"].is_null().all():
        raise VerificationError(
            "rewards need the column `reference_answer`, found none. Train on the configuration `rl_prompts` of a "
            "release, or rename the column that holds the answers."
        )


def _text(content: object) -> tuple[str, str | None]:
    """Text and separate reasoning of a completion; of messages, those of the last assistant's turn."""
    if isinstance(content, str):
        return _storable(content), None
    turns = [turn for turn in read_turns(content) if turn.role == "assistant"]
    if not turns:
        return "", None
    reasoning = turns[-1].reasoning
    return _storable(turns[-1].text or ""), None if reasoning is None else _storable(reasoning)


def _storable(text: str) -> str:
    """The text with `?` for what has no UTF-8 form."""
    return text.encode("utf-8", "replace").decode()
