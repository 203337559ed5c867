"""Texts that a recipe names: shipped ones by their stem, others by their path."""

from collections.abc import Collection
from pathlib import Path

from openreason_dagster.domain.errors import RecipeError


def read_named_text(name: str, suffix: str, *, shipped: Path, key: str, recipe_folder: Path) -> str:
    """Text of a file.

    Args:
        name: Stem of a file in `shipped`, or a path.
        suffix: Of shipped files, with its dot.
        shipped: Folder of the texts that come with the package.
        key: Recipe key that names it, for messages.
        recipe_folder: Where paths start.

    Raises:
        RecipeError: there is no such file, or it cannot be read.
    """
    known = {path.stem: path for path in shipped.glob(f"*{suffix}")}
    path = known.get(name, recipe_folder / name)
    if not path.is_file():
        raise RecipeError(
            f"recipe key `{key}`: found {name!r}, which is neither shipped ({', '.join(sorted(known))}) nor a file "
            f"below {str(recipe_folder)!r}. Use a shipped name, or add the file."
        )
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"recipe key `{key}`: {path} cannot be read ({error}). Give a UTF-8 text file.") from error


def read_named_template(
    name: str, *, shipped: Path, key: str, recipe_folder: Path, placeholders: Collection[str]
) -> str:
    """Text of a template, without the line break at its end; arguments as for `read_named_text`.

    `placeholders` are names that have to stand in it in braces.

    Raises:
        RecipeError: there is no such file, it cannot be read, or it lacks a placeholder.
    """
    text = read_named_text(name, ".txt", shipped=shipped, key=key, recipe_folder=recipe_folder)
    missing = [f"{{{placeholder}}}" for placeholder in placeholders if f"{{{placeholder}}}" not in text]
    if missing:
        raise RecipeError(f"recipe key `{key}`: template {name!r} lacks {', '.join(missing)}. Add it to the text.")
    return text.removesuffix("\n").removesuffix("\r")
