"""What sampling has cost so far, and whether more may be spent."""

from collections.abc import Mapping

import polars as pl

from openreason_dagster.domain.catalogue_entry import CatalogueModel, DatasetModel
from openreason_dagster.domain.errors import RecipeError
from openreason_dagster.domain.inference.allowance import Allowance, Limit, limits_of
from openreason_dagster.domain.inference.cost import Cost
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.resources.tables import Tables


def allowance(tables: Tables, recipe: Recipe, entry: CatalogueModel) -> Allowance:
    """What a run of a model that starts now may spend.

    Raises:
        RecipeError: money is limited in another currency than the model's price is stated in.
    """
    if isinstance(entry, DatasetModel):
        return Allowance([], entry.price)  # imported traces cost nothing
    budget, in_force = recipe.budget, limits(tables, recipe, model=entry.name)
    if any(limit.kind == "money" for limit in in_force) and entry.price.currency != budget.currency:
        raise RecipeError(
            f"recipe key `budget.currency` is {budget.currency}, but the price of model {entry.name!r} is in "
            f"{entry.price.currency}. State both in one currency."
        )
    return Allowance(in_force, entry.price)


def limits(tables: Tables, recipe: Recipe, *, model: str) -> list[Limit]:
    """Every limit that a run of a model which starts now has to keep, with what was spent of it before."""
    budget, rows = recipe.budget, tables.scan("sampling_ledger", recipe=recipe.name)
    spent = {"recipe": _sum(rows), "model": _sum(rows.filter(pl.col("model") == model)), "run": Cost()}
    return limits_of({"recipe": budget.recipe, "model": budget.model, "run": budget.run}, spent)


def _sum(rows: pl.LazyFrame) -> Cost:
    names = ("prompt_tokens", "completion_tokens", "seconds", "money")
    sums: Mapping[str, float] = rows.select(pl.col(*names).sum()).collect().row(0, named=True)
    return Cost(
        prompt_tokens=int(sums["prompt_tokens"]),
        completion_tokens=int(sums["completion_tokens"]),
        seconds=sums["seconds"],
        money=sums["money"],
    )
