"""The report's data beside the page: script files that the page appends when they are asked for.

A page that is opened from disk may not fetch files, but it may load scripts. `index.js` holds what the list of traces
needs; `traces-<n>.js` hold everything about some of them, all traces of a prompt in one file. Texts of models stand in
these files only as JSON in which every `<`, `>` and `&` is escaped.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

import polars as pl

from openreason_dagster.domain.release.trace_sample import trace_details

_ROWS_AT_ONCE = 1_000
_SHARED = ("sampling_record", "environment")
"""Columns with few different values, which a file holds once each."""


def write_trace_files(
    folder: Path,
    tables: Mapping[str, pl.LazyFrame],
    traces: pl.DataFrame,
    *,
    characters_per_file: int = 500_000,
    files_per_bucket: int = 64,
) -> int:
    """Write `index.js` and the files of the traces into a new folder, and say how many bytes they have.

    `traces` is of `choose_traces`; a file holds about `characters_per_file` of text. The rows are first spread over
    buckets on disk, of `files_per_bucket` files each, then each bucket is put in order, so that no more text is in
    memory than Polars reads ahead.
    """
    folder.mkdir(parents=True)
    placed = traces.with_row_index("place").with_columns(file=_file_numbers(tables, traces, characters_per_file))
    buckets = folder / ".buckets"
    details = trace_details(tables, placed, rows_at_once=_ROWS_AT_ONCE)
    _spill(details, buckets, files_per_bucket=files_per_bucket)
    written = [_write_file(folder, number, rows) for number, rows in _files(buckets)]
    shutil.rmtree(buckets, ignore_errors=True)
    return _write(folder / "index.js", "index", trace_index(placed)) + sum(written)


def trace_index(placed: pl.DataFrame) -> dict[str, object]:
    """What the list needs, by column; repeated texts are numbers of their place in a list of all values.

    `placed` has the columns of `choose_traces` and `file`, the number of the file with the trace's details.
    """
    prompts = placed.unique("prompt_id", keep="first", maintain_order=True)
    numbers = dict(zip(prompts["prompt_id"], range(prompts.height), strict=True))
    coded = {name: _coded(placed[name]) for name in ("model", "temperature", "verdict", "domain")}
    return {
        "values": {name: values for name, (values, _) in coded.items()},
        "prompts": {"id": prompts["prompt_id"].to_list(), "start": prompts["start"].to_list()},
        "traces": {name: codes for name, (_, codes) in coded.items()}
        | {
            "id": placed["trace_id"].to_list(),
            "prompt": [numbers[prompt] for prompt in placed["prompt_id"]],
            "sample": placed["sample_index"].to_list(),
            "reward": placed["reward_total"].round(3).to_list(),
            "file": placed["file"].to_list(),
        },
    }


def escaped_json(value: object) -> str:
    """JSON that neither ends a script element nor starts a comment, whatever texts are in it."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_time_as_text)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _coded(values: pl.Series) -> tuple[list[str], list[int | None]]:
    """Different values in order, and for each value its place among them; null stays null."""
    known = values.drop_nulls().unique().sort().to_list()
    places = {value: place for place, value in enumerate(known)}
    return known, [None if value is None else places[value] for value in values]


def _file_numbers(tables: Mapping[str, pl.LazyFrame], traces: pl.DataFrame, characters: int) -> pl.Series:
    """Number of the file of each trace: about so many characters of text each, never a prompt in two."""
    length = pl.sum_horizontal(pl.col("reasoning", "answer").str.len_bytes())
    sizes = tables["sampled_traces"].select("trace_id", length=length)
    sized = traces.lazy().select("trace_id", "prompt_id").join(sizes, on="trace_id", how="left", maintain_order="left")
    known = sized.collect(engine="streaming").with_columns(end=pl.col("length").fill_null(0).cum_sum())
    start = (pl.col("end") - pl.col("length").fill_null(0)).first().over("prompt_id")
    return known.select(((start // characters).rle_id().cast(pl.Int64)).alias("file"))["file"]


def _spill(details: Iterator[pl.DataFrame], buckets: Path, *, files_per_bucket: int) -> None:
    for number, batch in enumerate(details):
        parts = batch.with_columns(bucket=pl.col("file") // files_per_bucket).partition_by("bucket", as_dict=True)
        for (bucket,), part in parts.items():
            folder = buckets / f"{bucket:06d}"
            folder.mkdir(parents=True, exist_ok=True)
            part.write_parquet(folder / f"{number:06d}.parquet", compression="lz4")


def _files(buckets: Path) -> Iterator[tuple[int, pl.DataFrame]]:
    for bucket in sorted(buckets.glob("*")):
        rows = pl.read_parquet(bucket / "*.parquet").drop("bucket").sort("place")
        shutil.rmtree(bucket)
        for (number,), part in rows.group_by("file", maintain_order=True):
            yield int(str(number)), part.drop("file", "place")


def _write_file(folder: Path, number: int, rows: pl.DataFrame) -> int:
    """Seeds as text, because JavaScript rounds numbers of their size."""
    coded = {name: _coded(rows[name]) for name in _SHARED}
    listed = rows.drop(_SHARED).with_columns(
        pl.col("seed").cast(pl.String), *(pl.Series(name, codes) for name, (_, codes) in coded.items())
    )
    content = {"number": number, "rows": listed.to_dicts()} | {name: values for name, (values, _) in coded.items()}
    return _write(folder / f"traces-{number}.js", "traces", content)


def _write(path: Path, name: str, content: object) -> int:
    text = f"openreason.{name}({escaped_json(content)});\n".encode()
    path.write_bytes(text)
    return len(text)


def _time_as_text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    raise TypeError(f"{type(value).__name__} has no place in the report's traces")
