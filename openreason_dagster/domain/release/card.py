"""The dataset card: a YAML header that the Hub and `datasets` read, and the counts behind the data in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

import polars as pl
import yaml

from openreason_dagster import __version__
from openreason_dagster.domain.catalogue_entry import CatalogueModel
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.domain.release.configurations import ConfigurationFile, data_files
from openreason_dagster.domain.release.export import Shard
from openreason_dagster.domain.release.gates import GateResult

_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)
COMPONENTS = {
    "reasoning_data": "traces that were sampled, verified and chosen",
    "cold_start_data": "verified traces that a model made readable, verified again",
    "non_reasoning_data": "conversations taken over, and answers of a model that was asked to think first",
}
"""What the components of the mix are, in words."""


@dataclass(frozen=True, kw_only=True)
class CardCounts:
    """Small frames that the card prints."""

    by_source: pl.DataFrame
    """Columns source, license, rows."""
    by_component: pl.DataFrame
    """Columns component, rows."""
    languages: Sequence[str]
    """ISO 639-1 codes of the rows."""
    models: Sequence[str]
    """Catalogue names of the models that sampled or wrote a row."""
    by_model: pl.DataFrame
    """Columns model, temperature, sampled, correct, rows."""
    verdicts: pl.DataFrame
    """Columns verdict, traces."""
    verifiers: Sequence[str]
    """Versions of the verifiers that judged the released rows."""
    verifier_errors: pl.DataFrame
    """Columns as of `canaries.error_rates`."""
    doubted: pl.DataFrame
    """Columns treatment, prompts, rows: prompts with a suspect reference, and rows made from them."""
    left_out: pl.DataFrame
    """Columns stage, what, reason, rows (see left_out)."""


def dataset_card(
    recipe: Recipe,
    shards: Sequence[Shard],
    *,
    counts: CardCounts,
    models: Mapping[str, CatalogueModel],
    gates: Sequence[GateResult],
    year: int,
    configurations: Sequence[ConfigurationFile] = (),
) -> str:
    """README.md of the release: header, how to load, counts, sources, models, verification, gates, limits, citation."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)  # noqa: S701 - Markdown, and every value is ours or a name checked by the recipe
    template = files("openreason_dagster.domain.release").joinpath("templates/card.md").read_text(encoding="utf-8")
    return environment.from_string(template).render(
        header=_header(recipe, shards, counts=counts, configurations=configurations),
        configurations=configurations,
        recipe=recipe,
        splits=_rows_per_split(shards),
        counts=counts,
        components=COMPONENTS,
        models=models,
        gates=gates,
        bytes=sum(shard.bytes for shard in shards),
        citation={"version": __version__, "year": year},
    )


def _rows_per_split(shards: Sequence[Shard]) -> dict[str, int]:
    splits: dict[str, int] = {}
    for shard in shards:
        splits[shard.split] = splits.get(shard.split, 0) + shard.rows
    return splits


def _header(
    recipe: Recipe, shards: Sequence[Shard], *, counts: CardCounts, configurations: Sequence[ConfigurationFile]
) -> str:
    rows = sum(_rows_per_split(shards).values())
    header = {
        "license": recipe.release.license.lower(),
        "pretty_name": recipe.title,
        "language": list(counts.languages),
        "task_categories": ["text-generation"],
        "tags": ["reasoning", "chain-of-thought", "sft", "openreason"],
        "size_categories": [next((label for limit, label in _SIZES if rows < limit), "10M<n<100M")],
        "configs": [*_default_configuration(shards), *data_files(configurations)],
    }
    return str(yaml.safe_dump(header, sort_keys=False, allow_unicode=True)).strip()


def _default_configuration(shards: Sequence[Shard]) -> list[dict[str, object]]:
    """The configuration of the mix; none for a mix without rows, because `datasets` takes no pattern without files."""
    paths = [{"split": split, "path": f"data/{split}-*.parquet"} for split in _rows_per_split(shards)]
    return [{"config_name": "default", "data_files": paths}] if paths else []
