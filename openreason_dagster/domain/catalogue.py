"""The model catalogue: one YAML file per model; adding a file is how a model appears.

Values may hold `${NAME}` or `${NAME:-default}`; the caller passes the variables, so nothing here reads the
environment.
"""

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from openreason_dagster.domain.catalogue_entry import ENTRY_BY_ENGINE, CatalogueModel, DatasetModel, WeightsModel
from openreason_dagster.domain.errors import RecipeError
from openreason_dagster.domain.recipe_sources import require_commit
from openreason_dagster.domain.yaml_model import read_yaml

_VARIABLE = re.compile(r"\$\{(?P<name>[A-Z0-9_]+)(?::-(?P<default>[^}]*))?\}")


def model_names(folder: Path) -> list[str]:
    """Names of the catalogue's models, which are the stems of its files, sorted.

    Raises:
        RecipeError: the folder does not exist.
    """
    if not folder.is_dir():
        raise RecipeError(f"catalogue folder {str(folder)!r} does not exist; create it with one YAML file per model.")
    return sorted(path.stem for path in folder.glob("*.yaml"))


def load_model(folder: Path, name: str, *, variables: Mapping[str, str]) -> CatalogueModel:
    """Read and check one catalogue file.

    Raises:
        RecipeError: unknown model, broken file, unset variable, or a name that differs from the file's stem.
    """
    path = folder / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(model_names(folder)) or "none"
        raise RecipeError(
            f"model {name!r} is not in the catalogue {str(folder)!r}. Known models: {known}. Add {path.name}."
        )
    values = _substitute(read_yaml(path), variables, path)
    engine = values.get("engine") if isinstance(values, dict) else None
    if not isinstance(engine, str) or engine not in ENTRY_BY_ENGINE:
        raise RecipeError(f"{path}: key `engine`: found {engine!r}; expected one of {', '.join(ENTRY_BY_ENGINE)}.")
    model = ENTRY_BY_ENGINE[engine].from_values(values, path=path)
    if model.name != name:
        raise RecipeError(f"{path}: key `name` is {model.name!r} but the file is named {name!r}; make them equal.")
    _require_local_path(model, path)
    _require_pinned(model, path)
    return model


def select_models(patterns: Sequence[str], names: Sequence[str]) -> list[str]:
    """The catalogue names that a recipe's `models` selects, in catalogue order.

    Raises:
        RecipeError: a pattern without `*` names a model that the catalogue lacks.
    """
    wanted = [pattern for pattern in patterns if not pattern.startswith("!")]
    excluded = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
    missing = [pattern for pattern in wanted if "*" not in pattern and pattern not in names]
    if missing:
        known = ", ".join(names) or "none"
        raise RecipeError(
            f"recipe key `models`: {missing[0]!r} is not in the catalogue. Known models: {known}. "
            "Correct the name, or add its file."
        )
    return [
        name
        for name in names
        if any(fnmatchcase(name, pattern) for pattern in wanted)
        and not any(fnmatchcase(name, pattern) for pattern in excluded)
    ]


def _require_local_path(model: CatalogueModel, path: Path) -> None:
    found = _local_path(model)
    if found is None:
        return
    key, place = found
    if not (path.parent / place).exists():
        raise RecipeError(
            f"{path}: key `{key}` names {place!r}, which does not exist. Paths start from {str(path.parent)!r}; "
            "correct it, or name a hub repository as owner/name."
        )


def _local_path(model: CatalogueModel) -> tuple[str, str] | None:
    """Key and value of the entry's path, if it is one on this machine."""
    if isinstance(model, DatasetModel) and model.path is not None:
        return "path", model.path
    if isinstance(model, DatasetModel) and model.hub is not None and model.hub.is_local:
        return "repository", model.hub.repository
    if isinstance(model, WeightsModel) and model.path.startswith((".", "/")):
        return "path", model.path
    return None


def _require_pinned(model: CatalogueModel, path: Path) -> None:
    if isinstance(model, WeightsModel) and not model.path.startswith((".", "/")):
        try:
            require_commit(model.revision)
        except ValueError as error:
            raise RecipeError(
                f"{path}: key `revision`: found {model.revision!r} for the hub repository {model.path!r}; {error}. "
                "If `path` is a local folder, start it with `./`."
            ) from error


def _substitute(value: object, variables: Mapping[str, str], path: Path) -> object:
    if isinstance(value, dict):
        return {key: _substitute(item, variables, path) for key, item in value.items()}
    if isinstance(value, list):
        return [_substitute(item, variables, path) for item in value]
    if isinstance(value, str):
        return _VARIABLE.sub(lambda match: _variable(match, variables, path), value)
    return value


def _variable(match: re.Match[str], variables: Mapping[str, str], path: Path) -> str:
    name, default = match["name"], match["default"]
    if name in variables:
        return variables[name]
    if default is None:
        raise RecipeError(
            f"{path}: uses ${{{name}}}, but the environment variable {name} is not set. Set it and try again."
        )
    return default
