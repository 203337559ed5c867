"""Files of a release beside the mix, a folder per layout: written, listed for `datasets`, compared with tables."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from openreason_dagster.domain.errors import ReleaseError
from openreason_dagster.domain.inference.prompts import PLACEHOLDER, build_messages, read_template
from openreason_dagster.domain.provenance import file_hash
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.domain.recipe_formats import Format
from openreason_dagster.domain.release.export import SPLITS
from openreason_dagster.domain.release.layouts import LAYOUTS, Layout, Question
from openreason_dagster.domain.release.row_files import write_row_files

_ROWS_PER_FRAME = 1_000


@dataclass(frozen=True, kw_only=True)
class ConfigurationFile:
    """One written file; `path` is relative to the release folder."""

    configuration: Format
    split: str
    path: str
    rows: int
    bytes: int
    sha256: str


def policy_question(recipe: Recipe, recipe_folder: Path) -> Question:
    """How the recipe asks a policy: by its template for RL prompts, else by the one that its samples were asked with.

    Raises:
        RecipeError: the template cannot be read.
    """
    rules, sampling = recipe.rl_prompts, recipe.sampling
    key = "sampling.template" if rules.template is None else "rl_prompts.template"
    template = read_template(rules.template or sampling.template, recipe_folder=recipe_folder, key=key)
    system_prompt = sampling.system_prompt if rules.system_prompt is None else rules.system_prompt
    return Question(messages=build_messages(PLACEHOLDER, template, system_prompt), form=rules.prompt_form)


def write_configurations(
    folder: Path,
    formats: Sequence[Format],
    *,
    rows: Callable[[Layout, str], Iterable[pl.DataFrame]],
    per_file: int,
) -> list[ConfigurationFile]:
    """Write `<format>/<split>-00000-of-0000N.<suffix>` for each format and split that has rows; holds one frame.

    `rows` gives the arranged rows of a layout and a split.
    """
    return [
        described_file(folder, path, name, rows=count, split=split)
        for name in dict.fromkeys(formats)
        for split in SPLITS
        for path, count in write_row_files(
            folder / name,
            split,
            rows(LAYOUTS[name], split),
            rows_per_file=per_file,
            suffix=LAYOUTS[name].suffix,
        )
    ]


def described_file(folder: Path, path: Path, name: Format, *, rows: int, split: str) -> ConfigurationFile:
    """What the manifest says of a written file; `folder` is the release's."""
    return ConfigurationFile(
        configuration=name,
        split=split,
        path=str(path.relative_to(folder)),
        rows=rows,
        bytes=path.stat().st_size,
        sha256=file_hash(path),
    )


def arranged_frames(part: pl.LazyFrame, layout: Layout, question: Question) -> Iterator[pl.DataFrame]:
    """Rows of a layout's table as rows of its files, in the same order, in frames of a thousand."""
    arranged = layout.arrange(part, question).drop("split", strict=False)
    return arranged.collect_batches(chunk_size=_ROWS_PER_FRAME, engine="streaming", maintain_order=True)


def data_files(files: Sequence[ConfigurationFile]) -> list[dict[str, object]]:
    """The `configs` of a card's header that make `load_dataset(folder, name)` work; JSON lines have none."""
    splits: dict[str, dict[str, str]] = {}
    for file in files:
        if LAYOUTS[file.configuration].suffix == "parquet":
            pattern = f"{file.configuration}/{file.split}-*.parquet"
            splits.setdefault(file.configuration, {})[file.split] = pattern
    return [
        {"config_name": name, "data_files": [{"split": split, "path": path} for split, path in paths.items()]}
        for name, paths in splits.items()
    ]


def configuration_differences(folder: Path, formats: Sequence[Format], tables: Mapping[str, pl.LazyFrame]) -> list[str]:
    """What differs between the files of the formats, the manifest and the tables; empty when all agree.

    Raises:
        ReleaseError: the folder has no readable manifest.
    """
    try:
        listed = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["configurations"]
        files = [ConfigurationFile(**file) for file in listed]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReleaseError(f"{folder}: no readable manifest.json ({error}). Materialise `release` again.") from error
    changed = [
        f"{file.path} is missing or has not the manifest's hash"
        for file in files
        if not (folder / file.path).is_file() or file_hash(folder / file.path) != file.sha256
    ]
    return changed or [problem for name in formats for problem in _row_differences(folder, files, name, tables=tables)]


def _row_differences(
    folder: Path, files: Sequence[ConfigurationFile], name: Format, *, tables: Mapping[str, pl.LazyFrame]
) -> list[str]:
    layout = LAYOUTS[name]
    scan = pl.scan_ndjson if layout.suffix == "jsonl" else pl.scan_parquet
    expected = layout.rows_of(tables[layout.table]).select(layout.key, "split").collect()
    parts = [
        scan(folder / file.path).select(layout.key, split=pl.lit(file.split)).collect()
        for file in files
        if file.configuration == name
    ]
    found = pl.concat([expected.clear(), *parts])
    missing = expected.join(found, on=[layout.key, "split"], how="anti").height
    unknown = found.join(expected, on=[layout.key, "split"], how="anti").height
    if missing or unknown or found.height != expected.height:
        return [f"{name}: {missing} rows of {layout.table} are missing, {unknown} rows are unknown to it"]
    return []
