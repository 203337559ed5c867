"""The layouts in which people publish traces: from a row of a data set to the traces it holds.

What belongs here: pure functions of one row. Field names are those of the published sets. What a set does not state is
left None; what it states beside the texts is handed on under the set's own names, never interpreted.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from openreason_dagster.domain.catalogue_entry import DatasetColumns, DatasetModel
from openreason_dagster.domain.conversation import first_exchange
from openreason_dagster.domain.inference.thought_tags import split_thought

Row = Mapping[str, object]

OPENR1_ROW = ("uuid", "source", "problem_type", "question_type", "correctness_count")
OPENR1_GENERATION = ("correctness_math_verify", "correctness_llama", "finish_reasons", "is_reasoning_complete")
CONVERSATIONS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "mixture_of_thoughts": ("messages", ("source", "num_tokens")),
    "open_thoughts": (
        "conversations",
        ("id", "source", "domain", "difficulty", "correct", "generated_token_count", "system"),
    ),
    "messages": ("messages", ()),
}
"""Per layout of conversations: the column that holds them, and the columns recorded with each trace."""
S1K_ROW = ("cot_type", "source_type", "metadata")
S1K_PLAIN = ("thinking_trajectories", "attempt")
S1K_TRAJECTORY, S1K_ATTEMPT = "_thinking_trajectory", "_attempt"


@dataclass(frozen=True, kw_only=True)
class ImportedTrace:
    """One trace as the set states it."""

    prompt: str
    text: str
    reasoning: str | None = None
    """Reasoning that the set keeps apart from `text`."""
    finish_reason: Literal["stop", "length"] | None = None
    completion_tokens: int | None = None
    stated: Mapping[str, object] = field(default_factory=dict)
    """What else the set says of the trace, by the set's own names; no value is None.

    Two names are ours: `sampled_by`, which s1K-1.1 puts before its fields' names, and `turns_left_out`.
    """


def imported_traces(row: Row, model: DatasetModel) -> Iterator[ImportedTrace | None]:
    """The traces of a row in order; None for one that lacks a prompt or a text."""
    if model.columns is not None:
        yield from _columns(row, model.columns, model.record)
        return
    further = _stated(row, model.record)
    for trace in _published(row, model.layout):
        yield None if trace is None else replace(trace, stated={**trace.stated, **further})


def known_names(row: Row, model: DatasetModel) -> Iterator[str]:
    """Names that a catalogue entry may use for this row: its columns, and the keys of completions that are objects."""
    yield from row
    if model.columns is not None:
        for value in _as_list(row.get(model.columns.completions)):
            yield from value if isinstance(value, Mapping) else ()


def needed_names(model: DatasetModel) -> list[str]:
    """Names without which no row can be read as the catalogue entry says."""
    if model.columns is not None:
        named = [model.columns.prompt, model.columns.completions, model.columns.reasoning]
        needed = [*named, model.columns.finish_reason, model.columns.completion_tokens]
    elif model.layout in CONVERSATIONS:
        needed = [CONVERSATIONS[model.layout][0]]
    else:
        needed = ["problem", "generations"] if model.layout == "openr1_math" else ["question"]
    return [name for name in [*needed, *model.record] if name is not None]


def _published(row: Row, layout: str) -> Iterator[ImportedTrace | None]:
    if layout in CONVERSATIONS:
        column, record = CONVERSATIONS[layout]
        return _conversation(row, column, record)
    return _openr1_math(row) if layout == "openr1_math" else _s1k(row)


def _columns(row: Row, columns: DatasetColumns, record: Sequence[str]) -> Iterator[ImportedTrace | None]:
    reasonings = _as_list(row.get(columns.reasoning)) if columns.reasoning else []
    for index, value in enumerate(_as_list(row.get(columns.completions))):
        own = value if isinstance(value, Mapping) else {}
        yield _trace(
            row.get(columns.prompt),
            own.get(columns.completion_text) if isinstance(value, Mapping) else value,
            reasoning=own.get(columns.reasoning, _at(reasonings, index)),
            finish_reason=_of_completion(row, value, columns.finish_reason, index=index),
            completion_tokens=_of_completion(row, value, columns.completion_tokens, index=index),
            stated={name: _of_completion(row, value, name, index=index) for name in record},
        )


def _openr1_math(row: Row) -> Iterator[ImportedTrace | None]:
    shared = _stated(row, OPENR1_ROW)
    for index, text in enumerate(_as_list(row.get("generations"))):
        own = {name: _at(row.get(name), index) for name in OPENR1_GENERATION}
        usage = _at(row.get("api_metadata"), index)
        yield _trace(
            row.get("problem"),
            text,
            finish_reason=own["finish_reasons"],
            completion_tokens=usage.get("completion_tokens") if isinstance(usage, Mapping) else None,
            stated={**shared, **own},
        )


def _conversation(row: Row, column: str, record: Sequence[str]) -> Iterator[ImportedTrace | None]:
    exchange = first_exchange(row.get(column))
    if exchange is None:
        yield None
        return
    thought = split_thought(exchange.completion)
    system = {"system": exchange.system} if exchange.system is not None else {}
    left_out = {"turns_left_out": exchange.turns_left_out} if exchange.turns_left_out else {}
    yield _trace(
        exchange.prompt,
        thought.text,
        reasoning=thought.reasoning if exchange.reasoning is None else exchange.reasoning,
        stated={**_stated(row, record), **system, **left_out},
    )


def _s1k(row: Row) -> Iterator[ImportedTrace | None]:
    """One trace per sampler: s1K has one without a name, s1K-1.1 names its samplers before the field."""
    shared = _stated(row, S1K_ROW)
    samplers = sorted(name.removesuffix(S1K_TRAJECTORY) for name in row if name.endswith(S1K_TRAJECTORY))
    if any(name in row for name in S1K_PLAIN) or not samplers:
        yield _trace(
            row.get("question"), _joined(row.get(S1K_PLAIN[1])), reasoning=_joined(row.get(S1K_PLAIN[0])), stated=shared
        )
    for sampler in samplers:
        trajectory, attempt = sampler + S1K_TRAJECTORY, sampler + S1K_ATTEMPT
        grades = _stated(row, (f"{sampler}_grade", f"{sampler}_grade_reason"))
        yield _trace(
            row.get("question"),
            _joined(row.get(attempt)),
            reasoning=_joined(row.get(trajectory)),
            stated={**shared, "sampled_by": sampler, **grades},
        )


def _trace(
    prompt: object,
    text: object,
    *,
    reasoning: object = None,
    finish_reason: object = None,
    completion_tokens: object = None,
    stated: Mapping[str, object],
) -> ImportedTrace | None:
    if not (isinstance(prompt, str) and prompt.strip() and isinstance(text, str)):
        return None
    return ImportedTrace(
        prompt=prompt,
        text=text,
        reasoning=reasoning if isinstance(reasoning, str) else None,
        finish_reason=finish_reason if finish_reason in ("stop", "length") else None,
        completion_tokens=completion_tokens if type(completion_tokens) is int else None,
        stated={name: value for name, value in stated.items() if value is not None},
    )


def _stated(row: Row, names: Sequence[str]) -> dict[str, object]:
    return {name: row[name] for name in names if row.get(name) is not None}


def _of_completion(row: Row, completion: object, name: str | None, *, index: int) -> object:
    """A value of one completion: a key of the object it is, its place in a list of the row, or the row's own value."""
    if name is None:
        return None
    if isinstance(completion, Mapping) and name in completion:
        return completion[name]
    value = row.get(name)
    return _at(value, index) if isinstance(value, list) else value


def _at(values: object, index: int) -> object:
    return values[index] if isinstance(values, list) and index < len(values) else None


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _joined(value: object) -> str | None:
    """A text, or the parts of one in a list, which s1 joins by line breaks; None if there is none."""
    parts = [part for part in _as_list(value) if isinstance(part, str)]
    return "\n".join(parts) if parts else None
