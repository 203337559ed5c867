"""The mix's files of a release, made in parts.

The table's files are spread over folders, one per shard; then each shard is put in order and written, with the files of
other layouts that hold its rows. So nothing is held but a part, and each part may be done by another machine.
"""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from openreason_dagster.domain.datasets.replaced_references import with_judged_against
from openreason_dagster.domain.each_part import EachPart, file_parts
from openreason_dagster.domain.errors import ReleaseError
from openreason_dagster.domain.recipe_formats import Format
from openreason_dagster.domain.release.configurations import ConfigurationFile, arranged_frames, described_file
from openreason_dagster.domain.release.export import SPLITS, Shard, described_shard
from openreason_dagster.domain.release.layouts import LAYOUTS, Question
from openreason_dagster.domain.release.row_files import write_row_file
from openreason_dagster.domain.release.sorted_rows import gathered, sorted_rows
from openreason_dagster.domain.schemas import SFT_MIX

_MOST_PARTS = 200
_WRITTEN = pl.Schema(
    {"configuration": pl.String(), "split": pl.String(), "path": pl.String(), "rows": pl.Int64(), "bytes": pl.Int64()}
    | {"sha256": pl.String(), "rows_sha256": pl.String()}
)
"""What comes back of each file; those of the mix itself have no configuration."""


@dataclass(frozen=True, kw_only=True)
class ReleaseParts:
    """What every part has to know. Folders have the same path wherever a part is done."""

    building: Path
    """The release's folder while it is built."""
    spreading: Path
    """Holds the mix, compressed, while its rows are put in order; removed at the end."""
    rows_per_shard: int
    rows_per_frame: int
    """Rows that are read back at once, and so of a row group."""
    formats: Sequence[Format]
    """Those made of rows of the mix."""
    question: Question


def write_in_parts(
    plan: ReleaseParts, files: Sequence[str], rows: pl.DataFrame, *, replaced: pl.DataFrame, each: EachPart
) -> tuple[list[Shard], list[ConfigurationFile]]:
    """Write the mix and what is made of it, and say what was written.

    Args:
        plan: Where, and in which form.
        files: Parquet files with the rows of sft_mix.
        rows: trace_id and split of every row; alone these are held in memory here.
        replaced: As `judged_against` gives it.
        each: Does the parts. A part holds `BYTES_AT_ONCE` of the table's rows.

    Raises:
        ReleaseError: rows or files are missing, as when not all parts see the same folders.
    """
    places = _places(rows, plan.rows_per_shard)
    shards = _shards(places)
    (plan.building / "data").mkdir(parents=True)
    shutil.rmtree(plan.spreading, ignore_errors=True)
    try:
        plan.spreading.mkdir()
        for _ in each(spread_rows, _numbered(files), plan=plan, places=places):
            pass
        found = each(write_shard, shards.iter_slices(1), plan=plan, places=places, replaced=replaced)
        written = pl.concat([_WRITTEN.to_frame(), *found])
    finally:
        shutil.rmtree(plan.spreading, ignore_errors=True)
    _require_all(plan, shards, written)
    return _described(written, plan.formats)


def _places(rows: pl.DataFrame, rows_per_shard: int) -> pl.DataFrame:
    """trace_id, split and number of the shard of each row."""
    place = pl.int_range(pl.len()).over("split")
    return rows.sort("trace_id").select("trace_id", "split", shard=place // rows_per_shard)


def _shards(places: pl.DataFrame) -> pl.DataFrame:
    """split, shard, rows and how many `shards` the split has, in the order in which they are listed."""
    counted = places.group_by("split", "shard").len("rows").with_columns(shards=pl.len().over("split"))
    return counted.sort(pl.col("split").cast(pl.Enum(SPLITS)), "shard")


def _numbered(files: Sequence[str]) -> Iterator[pl.DataFrame]:
    """The files as parts with a number each. Few parts are few files to read a shard from."""
    for number, part in enumerate(file_parts(files, most=_MOST_PARTS)):
        yield part.with_columns(number=pl.lit(number))


def spread_rows(files: pl.DataFrame, *, plan: ReleaseParts, places: pl.DataFrame) -> pl.DataFrame:
    """Write the rows of a part's files to the folders of their shards. Done again it writes the same files."""
    part = files["number"][0]
    read = (rows for path in files["path"] for rows in _batches(path, plan.rows_per_frame))
    for number, rows in enumerate(gathered(read)):
        placed = rows.drop("split").join(places, on="trace_id")
        for (split, shard), found in placed.partition_by("split", "shard", as_dict=True).items():
            folder = _folder(plan, split, shard)
            folder.mkdir(parents=True, exist_ok=True)
            target = folder / f"{part:06d}-{number:06d}.arrow"
            found.drop("split", "shard").write_ipc(target, compression="lz4")
    return pl.DataFrame()


def _batches(path: str, rows_at_once: int) -> Iterator[pl.DataFrame]:
    rows = SFT_MIX.complete(pl.scan_parquet(path, hive_partitioning=False))
    return rows.collect_batches(chunk_size=rows_at_once, engine="streaming", maintain_order=True)


def write_shard(
    shards: pl.DataFrame, *, plan: ReleaseParts, places: pl.DataFrame, replaced: pl.DataFrame
) -> pl.DataFrame:
    """Put shards in order, write and hash them, with the files made of their rows. Done again it writes the same."""
    files: list[Shard | ConfigurationFile] = []
    for split, shard, rows, of in shards.select("split", "shard", "rows", "shards").iter_rows():
        name = f"{split}-{shard:05d}-of-{of:05d}.parquet"
        path = plan.building / "data" / name
        keys = places.filter(split=split, shard=shard)["trace_id"]
        written = write_row_file(path, with_judged_against(_frames(plan, split, shard, keys=keys), replaced))
        if written != rows:
            raise ReleaseError(
                f"{path}: found {written} rows of the mix under {plan.spreading}, expected {rows}. Every machine must "
                "see the same folder there; if all do, materialise sft_mix and release again."
            )
        files.append(described_shard(plan.building, path, split=split, rows=rows))
        files += [_arranged(plan, path, form, split=split) for form in plan.formats]
    return pl.DataFrame([asdict(file) for file in files], schema=_WRITTEN)


def _frames(plan: ReleaseParts, split: str, shard: int, *, keys: pl.Series) -> Iterator[pl.DataFrame]:
    """Rows of a shard in order; they are put in order on the machine's own disk."""
    parts = sorted(_folder(plan, split, shard).glob("*.arrow"))
    with tempfile.TemporaryDirectory(prefix="openreason-shard-") as own:
        yield from sorted_rows(
            (pl.read_ipc(part.read_bytes()) for part in parts),
            keys,
            folder=Path(own) / "sorting",
            rows_per_frame=plan.rows_per_frame,
        )


def _arranged(plan: ReleaseParts, shard: Path, form: Format, *, split: str) -> ConfigurationFile:
    folder = plan.building / form
    folder.mkdir(exist_ok=True)
    frames = arranged_frames(pl.scan_parquet(shard), LAYOUTS[form], plan.question)
    rows = write_row_file(folder / shard.name, frames)
    return described_file(plan.building, folder / shard.name, form, rows=rows, split=split)


def _folder(plan: ReleaseParts, split: str, shard: int) -> Path:
    return plan.spreading / f"{split}-{shard:05d}"


def _require_all(plan: ReleaseParts, shards: pl.DataFrame, written: pl.DataFrame) -> None:
    """Raise ReleaseError unless every file that was described is in the folder that this process sees."""
    expected = shards.height * (1 + len(plan.formats))
    sizes = {plan.building / path: size for path, size in written.select("path", "bytes").iter_rows()}
    missing = [path for path, size in sizes.items() if not path.is_file() or path.stat().st_size != size]
    if missing or written.height != expected:
        raise ReleaseError(
            f"{written.height} files of the release were written, expected {expected}; {len(missing)} of them are not "
            f"in {plan.building}, the first is {missing[:1]}. Every machine must see the same folder there."
        )


def _described(written: pl.DataFrame, formats: Sequence[Format]) -> tuple[list[Shard], list[ConfigurationFile]]:
    shards = written.filter(pl.col("configuration").is_null()).drop("configuration")
    others = [written.filter(configuration=form).drop("rows_sha256") for form in formats]
    return (
        [Shard(**row) for row in shards.iter_rows(named=True)],
        [ConfigurationFile(**row) for rows in others for row in rows.iter_rows(named=True)],
    )
