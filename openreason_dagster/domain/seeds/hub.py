"""Rows of a `datasets` repository, streamed at a pinned revision, or of a local folder in the hub's layout."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from openreason_dagster.domain.errors import SourceError
from openreason_dagster.domain.recipe_sources import HubLocation


def read_hub_rows(source: HubLocation, base_folder: Path, *, where: str) -> Iterator[Mapping[str, object]]:
    """Yield the rows of one split in order; a local folder is relative to `base_folder`.

    Raises:
        SourceError: the repository, configuration or split does not exist, or cannot be read; `where` names the
            source.
    """
    import pyarrow as pa
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError

    repository = str((base_folder / source.repository).resolve()) if source.is_local else source.repository
    revision = None if source.is_local else source.revision
    asked = f"{source.repository!r}, config {source.config!r}, split {source.split!r}, revision {revision!r}"
    if source.is_local and not Path(repository).is_dir():
        raise SourceError(f"{where}: folder {repository!r} does not exist. Correct `repository` or put it there.")
    try:
        yield from load_dataset(repository, source.config, split=source.split, revision=revision, streaming=True)
    except (DatasetsError, ValueError, OSError, RuntimeError, pa.ArrowException) as error:
        raise SourceError(
            f"{where}: {asked} cannot be read ({type(error).__name__}: {error}). Correct `repository`, `config`, "
            f"`split` or `revision`, or check the connection."
        ) from error
