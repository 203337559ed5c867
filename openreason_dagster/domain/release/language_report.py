"""Language consistency (OR5) by the language of the prompt, model and temperature."""

from collections.abc import Mapping

import polars as pl

from openreason_dagster.domain.release.temperature_order import temperature_order

GROUP = ("language", "model", "temperature")


def language_consistency(tables: Mapping[str, pl.LazyFrame]) -> pl.DataFrame:
    """One row per language of the prompt, model and temperature that has traces, in that order.

    Needs `scored_traces` and `prompt_pool`. Columns besides: `traces`; `words` counted in their reasoning;
    `mean_consistency` over the traces that have one; `in_another_language`, the share of traces with words whose
    dominant language is not the prompt's; `most_frequent_other`, the dominant language of most of these. The last
    three are null where nothing is known.
    """
    languages = tables["prompt_pool"].select("prompt_id", "language")
    rows = tables["scored_traces"].join(languages, on="prompt_id", how="inner")
    dominant = pl.col("dominant_language")
    other = dominant.filter(dominant != pl.col("language"))
    found = rows.group_by(GROUP).agg(
        traces=pl.len(),
        words=pl.col("reasoning_words").sum(),
        mean_consistency=pl.col("reward_language_consistency").mean(),
        in_another_language=(dominant != pl.col("language")).mean(),
        most_frequent_other=other.drop_nulls().mode().sort().first(),
    )
    return found.collect(engine="streaming").sort("language", "model", temperature_order(pl.col("temperature")))
