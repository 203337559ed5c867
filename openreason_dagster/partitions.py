"""What assets are partitioned by: sources, and models × temperatures.

Dagster allows two dimensions, and both are taken by model and temperature. Shards of prompts and revisions of a model
are columns inside a partition, never a third dimension.
"""

from collections.abc import Iterable
from typing import Any

import dagster as dg

from openreason_dagster.domain.recipe import Recipe

MODELS = dg.DynamicPartitionsDefinition(name="models")
"""Grows when a file appears in the model catalogue."""


def source_partitions(recipe: Recipe) -> dg.StaticPartitionsDefinition:
    """One partition per source of the recipe."""
    return dg.StaticPartitionsDefinition([source.name for source in recipe.sources])


def trace_partitions(recipe: Recipe) -> dg.MultiPartitionsDefinition:
    """Every model at every temperature of the recipe."""
    return dg.MultiPartitionsDefinition(
        {"model": MODELS, "temperature": dg.StaticPartitionsDefinition(recipe.temperature_keys)}
    )


def temperatures_by_model(partition_keys: Iterable[Any]) -> dict[str, list[str]]:
    """Temperature keys per model, both in a fixed order.

    A backfill of many models arrives grouped by temperature, so one run may hold several models; grouping by model
    loads the weights of each once.
    """
    grouped: dict[str, list[str]] = {}
    for key in sorted(partition_keys, key=str):
        grouped.setdefault(key.keys_by_dimension["model"], []).append(key.keys_by_dimension["temperature"])
    return grouped


def trace_key(model: str, temperature: str) -> dg.MultiPartitionKey:
    """The partition key of one model at one temperature."""
    return dg.MultiPartitionKey({"model": model, "temperature": temperature})


def range_tags(model: str, recipe: Recipe) -> dict[str, str]:
    """Run tags that ask for one run over all temperatures of a model."""
    keys = recipe.temperature_keys
    return {
        "dagster/asset_partition_range_start": str(trace_key(model, keys[0])),
        "dagster/asset_partition_range_end": str(trace_key(model, keys[-1])),
    }
