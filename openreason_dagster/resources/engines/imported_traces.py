"""A file of imported traces, found again by prompt.

Texts are copied to a temporary file and only their places stay in memory: about 150 bytes per prompt and 24 per trace,
so that a million traces need a few hundred megabytes at most, however long they are.
"""

from array import array
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryFile

from openreason_dagster.domain.catalogue_entry import DatasetColumns
from openreason_dagster.domain.errors import EngineError, SourceError
from openreason_dagster.domain.inference.unicode_text import well_formed
from openreason_dagster.domain.provenance import normalise_text
from openreason_dagster.domain.seeds.file import Row, read_file_rows

NO_REASONING = -1
PLACE = 3
"""Numbers kept per trace: offset, bytes of the text, bytes of the reasoning."""


class ImportedTraces:
    """Text and reasoning per prompt and number.

    Raises:
        EngineError: the file cannot be read, lacks a column, or holds no trace; `where` says who asked.
    """

    def __init__(self, path: Path, columns: DatasetColumns, *, where: str) -> None:
        self.count = 0
        self.skipped = 0
        self._places: dict[bytes, array[int]] = {}
        self._texts = TemporaryFile()  # noqa: SIM115 - lives as long as the object, closed by `close`
        try:
            self._read(path, columns, where)
        except SourceError as error:
            self.close()
            raise EngineError(str(error)) from error
        except EngineError:
            self.close()
            raise

    def close(self) -> None:
        """Delete the temporary file."""
        self._texts.close()

    def available(self, prompt: str) -> int:
        """Number of traces of a prompt."""
        return len(self._places.get(prompt_key(prompt), ())) // PLACE

    def counts(self) -> dict[bytes, int]:
        """Number of traces per `prompt_key`."""
        return {key: len(places) // PLACE for key, places in self._places.items()}

    def read(self, prompt: str, number: int) -> tuple[str, str | None]:
        """Text and reasoning of the trace with that number, 0 to `available` - 1."""
        places = self._places[prompt_key(prompt)]
        offset, text_bytes, reasoning_bytes = places[number * PLACE : (number + 1) * PLACE]
        self._texts.seek(offset)
        text = self._texts.read(text_bytes).decode()
        return text, None if reasoning_bytes == NO_REASONING else self._texts.read(reasoning_bytes).decode()

    def _read(self, path: Path, columns: DatasetColumns, where: str) -> None:
        found: dict[str, None] = {}
        for row in read_file_rows(path, where=where):
            found.update(dict.fromkeys(row))
            prompt = row.get(columns.prompt)
            for text, reasoning in _traces(row, columns):
                if isinstance(prompt, str) and prompt.strip() and isinstance(text, str):
                    self._keep(prompt, text, reasoning if isinstance(reasoning, str) else None)
                else:
                    self.skipped += 1
        wanted = [columns.prompt, columns.completions, *([columns.reasoning] if columns.reasoning else [])]
        missing = [name for name in wanted if name not in found]
        if missing:
            raise EngineError(
                f"{where}, file {str(path)!r}: no row has the column {missing[0]!r}; found "
                f"{', '.join(found) or 'none'}. Correct `columns` in the catalogue file."
            )
        if self.count == 0:
            raise EngineError(
                f"{where}, file {str(path)!r}: found no trace with a prompt and a text ({self.skipped} skipped). "
                "Correct `columns` in the catalogue file; objects need `completion_text`."
            )

    def _keep(self, prompt: str, text: str, reasoning: str | None) -> None:
        offset = self._texts.tell()
        text_bytes = self._texts.write(well_formed(text).encode())
        reasoning_bytes = NO_REASONING if reasoning is None else self._texts.write(well_formed(reasoning).encode())
        self._places.setdefault(prompt_key(prompt), array("q")).extend((offset, text_bytes, reasoning_bytes))
        self.count += 1


def prompt_key(prompt: str) -> bytes:
    """What prompts are compared by: a hash of the normalised text, 16 bytes."""
    return blake2b(normalise_text(prompt).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _traces(row: Row, columns: DatasetColumns) -> Iterator[tuple[object, object]]:
    """Text and reasoning of each trace of a row, as they are in the file."""
    values = _as_list(row.get(columns.completions))
    reasonings = _as_list(row.get(columns.reasoning)) if columns.reasoning else []
    for index, value in enumerate(values):
        text = value.get(columns.completion_text) if isinstance(value, dict) else value
        yield text, reasonings[index] if index < len(reasonings) else None


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]
