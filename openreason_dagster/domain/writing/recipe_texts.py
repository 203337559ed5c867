"""Templates and examples that a recipe names, read and checked."""

from pathlib import Path

from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.domain.recipe_cold_start import ColdStart
from openreason_dagster.domain.recipe_non_reasoning import CotPrompted
from openreason_dagster.domain.writing.cold_start import ColdStartTexts
from openreason_dagster.domain.writing.prompts import read_examples, read_writer_template


def require_writer_texts(recipe: Recipe, recipe_folder: Path) -> None:
    """Read every text that the recipe names.

    Raises:
        RecipeError: one is missing or cannot be used.
    """
    if recipe.cold_start is not None:
        cold_start_texts(recipe.cold_start, recipe_folder)
    if recipe.cot_prompted is not None:
        cot_template(recipe.cot_prompted, recipe_folder)


def cold_start_texts(rules: ColdStart, recipe_folder: Path) -> ColdStartTexts:
    """What the writer of cold-start data is asked with.

    Raises:
        RecipeError: a text is missing or cannot be used.
    """
    rewrite = read_writer_template(
        rules.rewrite_template,
        key="cold_start.rewrite_template",
        recipe_folder=recipe_folder,
        placeholders=("question", "reasoning"),
    )
    summary = read_writer_template(
        rules.summary_template,
        key="cold_start.summary_template",
        recipe_folder=recipe_folder,
        placeholders=("question", "reasoning", "answer"),
    )
    examples = read_examples(rules.examples, key="cold_start.examples", recipe_folder=recipe_folder)
    return ColdStartTexts(rewrite=rewrite, summary=summary, examples=examples)


def cot_template(rules: CotPrompted, recipe_folder: Path) -> str:
    """What the writer of answers after a chain of thought is asked with.

    Raises:
        RecipeError: it is missing or cannot be used.
    """
    return read_writer_template(
        rules.template, key="cot_prompted.template", recipe_folder=recipe_folder, placeholders=("question",)
    )
