"""What the traces cost: tokens, time and money per model and temperature, and per trace that was kept."""

from collections.abc import Mapping

import polars as pl

from openreason_dagster.domain.release.temperature_order import temperature_order

_KEYS = ["model", "temperature", "currency"]


def sampling_costs(tables: Mapping[str, pl.LazyFrame]) -> pl.DataFrame:
    """One row per model, temperature and currency of the ledger.

    Columns: model, temperature, runs, traces, prompt_tokens, completion_tokens, minutes, money, currency, kept (rows
    of reasoning_data), tokens_per_kept (generated ones) and money_per_kept, both null where none was kept. Everything
    that was ever spent for the recipe counts, also on settings that are no longer in effect. A model that was asked in
    a role has the role in the place of the temperature, its replies count as traces, and it has nothing kept.
    """
    spent = tables["sampling_ledger"].group_by(_KEYS).agg(
        runs=pl.col("run_id").n_unique(),
        traces=pl.col("traces").sum(),
        prompt_tokens=pl.col("prompt_tokens").sum(),
        completion_tokens=pl.col("completion_tokens").sum(),
        minutes=pl.col("seconds").sum() / 60,
        money=pl.col("money").sum(),
    )  # fmt: skip
    kept = tables["reasoning_data"].group_by("model", "temperature").len("kept")
    per_kept = pl.when(pl.col("kept") > 0)
    return (
        spent.join(kept, on=["model", "temperature"], how="left")
        .with_columns(pl.col("kept").fill_null(0))
        .select(
            "model", "temperature", "runs", "traces", "prompt_tokens", "completion_tokens", "minutes", "money",
            "currency", "kept",
            tokens_per_kept=per_kept.then(pl.col("completion_tokens") / pl.col("kept")),
            money_per_kept=per_kept.then(pl.col("money") / pl.col("kept")),
        )
        .sort("model", temperature_order(pl.col("temperature")), "currency")
        .collect()
    )  # fmt: skip
