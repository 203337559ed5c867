"""Strict pydantic models read from YAML files, with errors that name file, key, value and remedy."""

from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from openreason_dagster.domain.errors import RecipeError

Share = Annotated[float, Field(ge=0, le=1)]
"""A part of a whole, from 0 to 1."""


class YamlModel(BaseModel):
    """A frozen model that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @classmethod
    def from_yaml(cls, path: Path) -> Self:
        """Read one YAML file.

        Raises:
            RecipeError: the file is missing, is not YAML, or does not fit the model.
        """
        return cls.from_values(read_yaml(path), path=path)

    @classmethod
    def from_values(cls, values: object, *, path: Path) -> Self:
        """Check parsed YAML; `path` is only named in errors."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise RecipeError(_explain(cls, path, error)) from error

    @staticmethod
    def require_file(key: str, file: Path, *, recipe_path: Path) -> None:
        """Raise RecipeError unless `file` exists."""
        if not file.exists():
            raise RecipeError(
                f"{recipe_path}: key `{key}` names {str(file)!r}, which does not exist. "
                f"Paths are relative to {str(recipe_path.parent)!r}; correct the path or put the file there."
            )


def read_yaml(path: Path) -> object:
    """Parse one YAML file safely; RecipeError says where it broke, or which key stands twice."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read ({error}). Give the path of a UTF-8 YAML file.") from error
    try:
        return _parse_quickly(text, path)
    except yaml.YAMLError as error:
        raise RecipeError(f"{path}: is not valid YAML: {error}\nCorrect the file at that place.") from error


def _parse_quickly(text: str, path: Path) -> object:
    """In C if PyYAML was built with it: a run reads its recipe many hundred times. Only Python shows the line."""
    if yaml.__with_libyaml__:
        with suppress(yaml.YAMLError):
            return _parse(yaml.CSafeLoader(text), path)
    return _parse(yaml.SafeLoader(text), path)


def _parse(loader: yaml.SafeLoader | yaml.CSafeLoader, path: Path) -> object:
    try:
        root = loader.get_single_node()
        _require_distinct_keys(root, path)
        return None if root is None else loader.construct_document(root)
    finally:
        loader.dispose()


def _require_distinct_keys(root: yaml.Node | None, path: Path) -> None:
    """Of two equal keys YAML would take the last and say nothing."""
    waiting, seen = [root], set[int]()
    while waiting:
        node = waiting.pop()
        if node is None or id(node) in seen:  # an alias gives the node of its anchor
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            waiting += [value for _, value in node.value]
            _require_distinct([key for key, _ in node.value if isinstance(key, yaml.ScalarNode)], path)


def _require_distinct(keys: list[yaml.ScalarNode], path: Path) -> None:
    lines: dict[tuple[str, str], int] = {}
    for key in keys:
        name, line = (key.tag, key.value), key.start_mark.line + 1
        if name in lines:
            raise RecipeError(
                f"{path}, line {line}: key `{key.value}` is given twice, first on line {lines[name]}. "
                "Remove one of them."
            )
        lines[name] = line


def _explain(model: type[BaseModel], path: Path, error: ValidationError) -> str:
    lines = [_explain_one(model, problem) for problem in error.errors(include_url=False)]
    return f"{path}: {len(lines)} problem(s)\n" + "\n".join(f"  - {line}" for line in lines)


def _explain_one(model: type[BaseModel], problem: ErrorDetails) -> str:
    key = ".".join(str(part) for part in problem["loc"]) or "(whole file)"
    found = repr(problem["input"])
    found = found if len(found) <= 80 else found[:77] + "..."
    if problem["type"] == "extra_forbidden":
        return f"unknown key `{key}` (value {found}). {_nearest_key(model, problem['loc'])}"
    if problem["type"] == "missing":
        return f"key `{key}` is missing. Add it."
    return f"key `{key}`: found {found}; {problem['msg'].removeprefix('Value error, ')}"


def _nearest_key(model: type[BaseModel], place: tuple[int | str, ...]) -> str:
    key, own = str(place[-1]), sorted(_keys_beside(model, place))
    near = get_close_matches(key, own, n=1) or get_close_matches(key, sorted(_all_keys(model, set())), n=1)
    return f"Did you mean `{near[0]}`? Otherwise remove it." if near else "Remove it or correct its name."


def _keys_beside(model: type[BaseModel], place: tuple[int | str, ...]) -> set[str]:
    """Keys of the section that `place` is in, or of each kind of section that may stand there."""
    sections = {model}
    for part in place[:-1]:
        annotations = [section.model_fields[part].annotation for section in sections if part in section.model_fields]
        sections = _models_within(annotations) or sections  # places in lists and tags of unions name no field
    return {key for section in sections for key in section.model_fields}


def _all_keys(model: type[BaseModel], seen: set[type[BaseModel]]) -> set[str]:
    if model in seen:
        return set()
    seen.add(model)
    keys = set(model.model_fields)
    for part in _models_within([field.annotation for field in model.model_fields.values()]):
        keys |= _all_keys(part, seen)
    return keys


def _models_within(annotations: list[Any]) -> set[type[BaseModel]]:
    found: set[type[BaseModel]] = set()
    for annotation in annotations:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            found.add(annotation)
        found |= _models_within(list(getattr(annotation, "__args__", ())))
    return found
