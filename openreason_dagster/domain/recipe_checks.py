"""Reading a recipe: what it names must exist and must fit together, so that nothing fails after hours of sampling."""

from pathlib import Path

from openreason_dagster.domain.errors import RecipeError, SourceError
from openreason_dagster.domain.inference.prompts import read_template
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.domain.recipe_sources import FileLocation, HubLocation, ProceduralSource, Source
from openreason_dagster.domain.release.configurations import policy_question
from openreason_dagster.domain.seeds.procedural import require_usable_task
from openreason_dagster.domain.seeds.starter_tasks import family_domain
from openreason_dagster.domain.verification.judge_texts import judge_template
from openreason_dagster.domain.writing.recipe_texts import require_writer_texts


def load_recipe(path: Path) -> Recipe:
    """Read and check a recipe: files, template, tasks and domains that it names must exist.

    Raises:
        RecipeError: naming file, key, value and remedy.
    """
    recipe = Recipe.from_yaml(path)
    _require_files(recipe, path)
    _require_usable_tasks(recipe, path)
    _require_domains_of_sources(recipe, path)
    try:
        read_template(recipe.sampling.template, recipe_folder=path.parent)
        policy_question(recipe, path.parent)
        require_writer_texts(recipe, path.parent)
        for key, judge in recipe.judges.items():
            judge_template(judge.template, key=f"{key}.template", recipe_folder=path.parent)
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from error
    return recipe


def _require_files(recipe: Recipe, path: Path) -> None:
    entries = [
        *(("sources", source) for source in recipe.sources),
        *(("benchmarks", one) for one in recipe.benchmarks),
        *(("chat_sources", one) for one in recipe.chat_sources),
    ]
    for section, entry in entries:
        if isinstance(entry, FileLocation):
            recipe.require_file(f"{section}.{entry.name}.path", path.parent / entry.path, recipe_path=path)
        elif isinstance(entry, HubLocation) and entry.is_local:
            key = f"{section}.{entry.name}.repository"
            recipe.require_file(key, path.parent / entry.repository, recipe_path=path)
    for key in ("semantic_duplicates", "topics"):
        vectors = getattr(recipe.pool, key)
        if vectors is not None and vectors.is_local:
            recipe.require_file(f"pool.{key}.model", path.parent / vectors.model, recipe_path=path)


def _require_usable_tasks(recipe: Recipe, path: Path) -> None:
    for source in recipe.sources:
        if isinstance(source, ProceduralSource):
            try:
                require_usable_task(source.task)
            except SourceError as error:
                raise RecipeError(f"{path}: key `sources.{source.name}.task`: {error}") from error


def _require_domains_of_sources(recipe: Recipe, path: Path) -> None:
    known = {_domain(source) for source in recipe.sources} | {str(source.domain) for source in recipe.chat_sources}
    for domain, share in (recipe.sft_mix.domain_shares or {}).items():
        if domain not in known:
            raise RecipeError(
                f"{path}: key `sft_mix.domain_shares.{domain}` asks for a share of {share:g}, but no source has that "
                f"domain; found: {', '.join(sorted(known))}. Add a source of the domain or remove the share."
            )


def _domain(source: Source) -> str:
    """The domain of a source's rows; usable starter families know their own."""
    return source.domain or family_domain(source.task.removeprefix("starter/"))
