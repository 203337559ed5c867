"""What sampling has cost so far, and whether more may be spent."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

import polars as pl

from openreason_dagster.domain.catalogue_entry import CatalogueModel, DatasetModel
from openreason_dagster.domain.errors import RecipeError
from openreason_dagster.domain.inference.allowance import Allowance, Limit, limits_of
from openreason_dagster.domain.inference.cost import Cost, cost_of
from openreason_dagster.domain.inference.paid_tokens import paid_tokens
from openreason_dagster.domain.inference.sampler import Batch
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.domain.schemas import SAMPLING_LEDGER
from openreason_dagster.resources.tables import Tables


def allowance(tables: Tables, recipe: Recipe, entry: CatalogueModel, *, run_id: str | None = None) -> Allowance:
    """What a run of a model that starts now may spend.

    Args:
        tables: Where the ledger is.
        recipe: Whose budget counts.
        entry: The model, with its price.
        run_id: The run, where the model may have spent something in it before, as another stage's model.

    Raises:
        RecipeError: money is limited in another currency than the model's price is stated in.
    """
    if isinstance(entry, DatasetModel):
        return Allowance([], entry.price)  # imported traces cost nothing
    budget, in_force = recipe.budget, limits(tables, recipe, model=entry.name, run_id=run_id)
    if any(limit.kind == "money" for limit in in_force) and entry.price.currency != budget.currency:
        raise RecipeError(
            f"recipe key `budget.currency` is {budget.currency}, but the price of model {entry.name!r} is in "
            f"{entry.price.currency}. State both in one currency."
        )
    return Allowance(in_force, entry.price)


def limits(tables: Tables, recipe: Recipe, *, model: str, run_id: str | None = None) -> list[Limit]:
    """Every limit that a run of a model which starts now has to keep, with what was spent of it before."""
    budget, rows = recipe.budget, tables.scan("sampling_ledger", recipe=recipe.name)
    own = rows.filter(pl.col("model") == model)
    in_run = Cost() if run_id is None else _sum(own.filter(pl.col("run_id") == run_id))
    spent = {"recipe": _sum(rows), "model": _sum(own), "run": in_run}
    return limits_of({"recipe": budget.recipe, "model": budget.model, "run": budget.run}, spent)


def ledger_rows(batch: Batch, entry: CatalogueModel, *, recipe: str, run_id: str, seconds: float) -> pl.DataFrame:
    """What a batch has cost: rows of `sampling_ledger`, one per temperature key.

    Args:
        batch: Results of one commit.
        entry: The model that gave them, with its price.
        recipe: Name of the recipe that pays.
        run_id: The Dagster run.
        seconds: Time since the last commit, shared among the temperatures by results.
    """
    answered = Counter(result.request.temperature_key for result in batch.results)
    price, now = entry.price, datetime.now(UTC)
    rows = []
    for key, count in answered.items():
        completions = [each for each in batch.completions if each.request.temperature_key == key]
        paid = [paid_tokens(completion) for completion in completions]
        cost = cost_of(
            price,
            prompt_tokens=sum(prompt for prompt, _ in paid),
            completion_tokens=sum(generated for _, generated in paid),
            seconds=seconds * count / answered.total(),
        )
        rows.append({
            "recipe": recipe, "run_id": run_id, "model": entry.name, "temperature": key,
            "traces": len(completions), "failures": count - len(completions),
            "prompt_tokens": cost.prompt_tokens, "completion_tokens": cost.completion_tokens,
            "seconds": cost.seconds, "money": cost.money, "currency": price.currency, "recorded_at": now,
        })  # fmt: skip
    return SAMPLING_LEDGER.frame(rows)


def _sum(rows: pl.LazyFrame) -> Cost:
    names = ("prompt_tokens", "completion_tokens", "seconds", "money")
    sums: Mapping[str, float] = rows.select(pl.col(*names).sum()).collect().row(0, named=True)
    return Cost(
        prompt_tokens=int(sums["prompt_tokens"]),
        completion_tokens=int(sums["completion_tokens"]),
        seconds=sums["seconds"],
        money=sums["money"],
    )
