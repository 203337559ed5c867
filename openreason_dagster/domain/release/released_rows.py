"""Compares a release folder with what it should hold."""

import json
from pathlib import Path

import polars as pl

from openreason_dagster.domain.errors import ReleaseError
from openreason_dagster.domain.provenance import file_hash


def release_differences(folder: Path, mix: pl.LazyFrame) -> list[str]:
    """What differs between the files, the manifest and the mix (columns trace_id and split); empty when all agree.

    Raises:
        ReleaseError: the folder has no readable manifest.
    """
    try:
        shards = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["shards"]
    except (OSError, ValueError, KeyError) as error:
        raise ReleaseError(f"{folder}: no readable manifest.json ({error}). Materialise `release` again.") from error
    differences = [problem for shard in shards if (problem := shard_problem(folder, shard)) is not None]
    if differences:
        return differences
    released = [
        pl.scan_parquet(folder / shard["path"]).select("trace_id", split=pl.lit(shard["split"])) for shard in shards
    ]
    expected = mix.collect()
    found = pl.concat(released).collect() if released else expected.clear()
    missing = expected.join(found, on=["trace_id", "split"], how="anti").height
    unknown = found.join(expected, on=["trace_id", "split"], how="anti").height
    if missing or unknown or found.height != expected.height:
        differences.append(f"{missing} rows of the mix are missing, {unknown} rows are unknown to it")
    return differences


def shard_problem(folder: Path, shard: dict[str, str]) -> str | None:
    """What is wrong with a file that a manifest lists, or None."""
    path = folder / shard["path"]
    if not path.is_file():
        return f"{shard['path']} is missing"
    found = file_hash(path)
    return (
        None if found == shard["sha256"] else f"{shard['path']} has hash {found}, the manifest says {shard['sha256']}"
    )
