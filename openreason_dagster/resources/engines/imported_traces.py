"""The traces of a data set, found again by prompt.

Texts are copied to a temporary file and only their places stay in memory: about 150 bytes per prompt and 8 per trace,
so that a million traces need a few hundred megabytes at most, however long they are.
"""

import json
import math
import weakref
from array import array
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from tempfile import TemporaryFile
from typing import Literal, NamedTuple

from openreason_dagster.domain.catalogue_entry import DatasetModel
from openreason_dagster.domain.errors import EngineError
from openreason_dagster.domain.inference.imported_layouts import (
    ImportedTrace,
    Row,
    imported_traces,
    known_names,
    needed_names,
)
from openreason_dagster.domain.inference.unicode_text import well_formed
from openreason_dagster.domain.provenance import normalise_text

NAMED_ROWS = 100
"""Rows whose columns a message about a missing column lists."""


class StoredTrace(NamedTuple):
    """A trace as it is read again."""

    text: str
    reasoning: str | None
    finish_reason: Literal["stop", "length"] | None
    completion_tokens: int | None
    record: str
    """JSON object: `row` and `completion` number the trace's place in the set; `stated` is what the set says of it."""


class ImportedTraces:
    """Traces per prompt and number.

    Args:
        rows: The rows of the set, read once.
        model: How rows are read.
        where: Who asks for which data, for messages.

    Raises:
        EngineError: no row has a name that the catalogue entry uses, or there is no trace.
        SourceError: `rows` cannot be read.
    """

    def __init__(self, rows: Iterable[Row], model: DatasetModel, *, where: str) -> None:
        self.count = 0
        self.skipped = 0
        self._places: dict[bytes, array[int]] = {}
        self._texts = TemporaryFile()  # noqa: SIM115 - lives as long as the object
        self.close = weakref.finalize(self, self._texts.close)
        """Deletes the temporary file; also called when the object goes."""
        try:
            self._read(rows, model, where)
        except BaseException:
            self.close()
            raise

    def available(self, prompt: str) -> int:
        """Number of traces of a prompt."""
        return len(self._places.get(prompt_key(prompt), ()))

    def read(self, prompt: str, number: int) -> StoredTrace:
        """The trace with that number, 0 to `available` - 1."""
        self._texts.seek(self._places[prompt_key(prompt)][number])
        return StoredTrace(*json.loads(self._texts.readline()))

    def _read(self, rows: Iterable[Row], model: DatasetModel, where: str) -> None:
        found: dict[str, None] = {}
        missing = needed_names(model)
        for row_number, row in enumerate(rows):
            if missing or row_number < NAMED_ROWS:
                names = dict.fromkeys(known_names(row, model))
                missing = [name for name in missing if name not in names]
                found.update(names if row_number < NAMED_ROWS else {})
            for number, trace in enumerate(imported_traces(row, model)):
                if trace is None:
                    self.skipped += 1
                else:
                    self._keep(trace, {"row": row_number, "completion": number})
        if missing:
            raise EngineError(
                f"{where}: no row has the column {missing[0]!r}; found {', '.join(found) or 'none'}. "
                "Correct `layout`, `columns` or `record` in the catalogue file."
            )
        if self.count == 0:
            raise EngineError(
                f"{where}: found no trace with a prompt and a text ({self.skipped} skipped). "
                "Correct `layout` or `columns` in the catalogue file; objects need `completion_text`."
            )

    def _keep(self, trace: ImportedTrace, place: Mapping[str, object]) -> None:
        stated = {"stated": _as_json(trace.stated)} if trace.stated else {}
        stored = StoredTrace(
            text=trace.text,
            reasoning=trace.reasoning,
            finish_reason=trace.finish_reason,
            completion_tokens=trace.completion_tokens,
            record=json.dumps({**place, **stated}, ensure_ascii=False),
        )
        self._places.setdefault(prompt_key(trace.prompt), array("q")).append(self._texts.tell())
        self._texts.write(well_formed(json.dumps(stored, ensure_ascii=False) + "\n").encode())
        self.count += 1


def prompt_key(prompt: str) -> bytes:
    """What prompts are compared by: a hash of the normalised text, 16 bytes."""
    return blake2b(normalise_text(prompt).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _as_json(value: object) -> object:
    """The value with what JSON lacks replaced: NaN and infinities by null, anything else by its text."""
    if isinstance(value, Mapping):
        return {str(key): _as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_json(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (str, int)) else str(value)
