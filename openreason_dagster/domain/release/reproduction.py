"""Whether a release that was built again has the same rows, which differ, and what can be the reason."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openreason_dagster.domain.release.released_rows import shard_problem
from openreason_dagster.domain.release.row_hashes import hashed_rows

Manifest = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class RowDifferences:
    """trace_ids, each list sorted."""

    missing: Sequence[str]
    """In the release, not in what was built."""
    added: Sequence[str]
    changed: Sequence[str]
    """In both, with other content or in another split."""


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """How what was built compares with the release."""

    rows: int
    """Rows that the manifest states."""
    equal_shards: Sequence[str]
    """Shards whose rows are the same, in the same order."""
    other_shards: Sequence[str]
    """Shards that differ, are missing or are new."""
    equal_files: int
    """Shards that are the same byte by byte."""
    equal_formats: int
    """Files of the other formats that are the same byte by byte; one that is not is among `other_shards`."""
    differences: RowDifferences | None
    """None where all shards are equal, or the release's own files are not there to look into."""
    reasons: Sequence[str]
    """Why they may differ; for equal rows, what was different and made no difference."""

    @property
    def is_equal(self) -> bool:
        """Whether every row is there with the same content in the same place."""
        return not self.other_shards


def compare_releases(released: Path, rebuilt: Path, *, recorded: Manifest, made: Manifest) -> Reproduction:
    """Compare two release folders by the hashes in their manifests, and row by row where these differ.

    Args:
        released: Folder of the released files; they are looked into only if they are as the manifest says.
        rebuilt: Folder of what was built.
        recorded: The release's manifest.
        made: The manifest of what was built.
    """
    then = {shard["path"]: shard for shard in recorded["shards"]}
    now = {shard["path"]: shard for shard in made["shards"]}
    equal = [path for path, shard in then.items() if path in now and _rows(now[path]) == _rows(shard)]
    other = sorted((set(then) | set(now)) - set(equal))
    other_formats = _other_formats(_formats(recorded), _formats(made))
    sound = all(shard_problem(released, shard) is None for shard in then.values())
    return Reproduction(
        rows=sum(shard["rows"] for shard in then.values()),
        equal_shards=equal,
        other_shards=[*other, *other_formats],
        equal_files=sum(then[path]["sha256"] == now[path]["sha256"] for path in equal),
        differences=_row_differences(released, rebuilt, then=then, now=now) if other and sound else None,
        equal_formats=len(recorded.get("configurations", [])) - len(set(other_formats) & _formats(recorded).keys()),
        reasons=list(_reasons(recorded, made)),
    )


def _formats(manifest: Manifest) -> dict[str, str]:
    """Path and hash of each file of the other formats."""
    return {file["path"]: file["sha256"] for file in manifest.get("configurations", [])}


def _other_formats(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Files that are not in both, or differ in a byte."""
    return sorted(path for path in then.keys() | now.keys() if then.get(path) != now.get(path))


def _rows(shard: Mapping[str, Any]) -> tuple[str, str, int]:
    return shard["split"], shard["rows_sha256"], shard["rows"]


def _row_differences(
    released: Path, rebuilt: Path, *, then: Mapping[str, Manifest], now: Mapping[str, Manifest]
) -> RowDifferences:
    old, new = _hashes(released, then), _hashes(rebuilt, now)
    return RowDifferences(
        missing=sorted(old.keys() - new.keys()),
        added=sorted(new.keys() - old.keys()),
        changed=sorted(name for name in old.keys() & new.keys() if old[name] != new[name]),
    )


def _hashes(folder: Path, shards: Mapping[str, Manifest]) -> dict[str, tuple[str, bytes]]:
    """Split and hash per trace_id."""
    return {
        name: (shard["split"], digest) for path, shard in shards.items() for name, digest in hashed_rows(folder / path)
    }


def _reasons(recorded: Manifest, made: Manifest) -> Iterator[str]:
    then, now = recorded["code"], made["code"]
    if then["version"] != now["version"]:
        yield f"the code is version {now['version']}, the release was made with {then['version']}"
    elif then["hash"] != now["hash"]:
        yield f"the code of version {now['version']} was changed since ({then['hash'][:12]} → {now['hash'][:12]})"
    yield from _other_values("package", recorded["packages"], made["packages"])
    if recorded.get("python") != made.get("python"):
        yield f"Python is {made.get('python')}, it was {recorded.get('python')}"
    for name in sorted(recorded["catalogue"].keys() | made["catalogue"].keys()):
        if recorded["catalogue"].get(name) != made["catalogue"].get(name):
            yield f"the catalogue's entry of model {name} is another"
    yield from _other_settings(recorded["fingerprints"], made["fingerprints"])
    before, after = recorded.get("verifiers", []), made.get("verifiers", [])
    if before != after:
        yield f"verdicts are of {', '.join(after) or 'no verifier'}, they were of {', '.join(before) or 'none'}"


def _other_values(what: str, then: Mapping[str, object], now: Mapping[str, object]) -> Iterator[str]:
    for name in sorted(then.keys() | now.keys()):
        if then.get(name) != now.get(name):
            yield f"{what} {name}: {now.get(name, 'none')}, it was {then.get(name, 'none')}"


def _other_settings(then: Mapping[str, Manifest], now: Mapping[str, Manifest]) -> Iterator[str]:
    """Parts of the sampling records, weights among them, that only one of the releases has."""
    for key in sorted({part for record in (*then.values(), *now.values()) for part in record}):
        before, after = _values(then, key), _values(now, key)
        if before != after:
            yield f"traces were sampled with another `{key}`: {_short(after)}, it was {_short(before)}"


def _values(records: Mapping[str, Manifest], key: str) -> list[str]:
    return sorted({json.dumps(record.get(key), sort_keys=True, ensure_ascii=False) for record in records.values()})


def _short(values: Sequence[str]) -> str:
    text = " and ".join(values) or "none"
    return text if len(text) <= 120 else text[:119] + "…"
