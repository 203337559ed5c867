"""What sampling has cost so far, and whether more may be spent."""

from collections.abc import Mapping

import polars as pl

from openreason_dagster.domain.catalogue_entry import Price
from openreason_dagster.domain.errors import RecipeError
from openreason_dagster.domain.inference.allowance import Allowance, limits_of
from openreason_dagster.domain.inference.cost import Cost
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.resources.tables import Tables


def allowance(tables: Tables, recipe: Recipe, *, model: str, price: Price) -> Allowance:
    """What a run of a model that starts now may spend.

    Raises:
        RecipeError: money is limited in another currency than the model's price is stated in.
    """
    budget = recipe.budget
    scopes = {"recipe": budget.recipe, "model": budget.model, "run": budget.run}
    is_money_limited = any(limits.money is not None for limits in scopes.values())
    if is_money_limited and price.currency != budget.currency:
        raise RecipeError(
            f"recipe key `budget.currency` is {budget.currency}, but the price of model {model!r} is in "
            f"{price.currency}. State both in one currency."
        )
    rows = tables.scan("sampling_ledger", recipe=recipe.name)
    spent = {"recipe": _sum(rows), "model": _sum(rows.filter(pl.col("model") == model)), "run": Cost()}
    return Allowance(limits_of(scopes, spent), price)


def _sum(rows: pl.LazyFrame) -> Cost:
    names = ("prompt_tokens", "completion_tokens", "seconds", "money")
    sums: Mapping[str, float] = rows.select(pl.col(*names).sum()).collect().row(0, named=True)
    return Cost(
        prompt_tokens=int(sums["prompt_tokens"]),
        completion_tokens=int(sums["completion_tokens"]),
        seconds=sums["seconds"],
        money=sums["money"],
    )
