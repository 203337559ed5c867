"""`openreason publish`: the release folder as a data set repository on the Hugging Face Hub."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from openreason_dagster.definitions import workspace_of
from openreason_dagster.domain.errors import ReleaseError
from openreason_dagster.domain.release.manifest import read_manifest
from openreason_dagster.domain.release.released_rows import shard_problem
from openreason_dagster.resources.hub import Visibility, publish_folder
from openreason_dagster.resources.settings import Settings

_CARD, _MANIFEST = "README.md", "manifest.json"


def publish(
    settings: Settings, source: Path | None, console: Console, *, repository: str | None, visibility: Visibility
) -> None:
    """Upload the release of a recipe, or a release folder, and keep its manifest.

    `source` is a release folder or a recipe's file; without it the recipe of the settings is meant. The token is read
    from the environment variable HF_TOKEN. Without `repository` the recipe's `release.repository` is taken.

    Raises:
        ReleaseError: no release, a damaged one, no token, no repository named, or the server refuses.
    """
    folder, own = _release(settings, source)
    manifest = read_manifest(folder / _MANIFEST)
    recipe = manifest["recipe"]
    target = repository or own or recipe.get("release", {}).get("repository")
    if not target:
        raise ReleaseError(
            f"recipe {recipe['name']!r} does not say where its release goes. Give --repository owner/name, or set "
            "`release.repository`."
        )
    token = os.environ.get("HF_TOKEN")
    if not token:
        raise ReleaseError(
            "the environment variable HF_TOKEN is not set. Set it to a token with the permission to write "
            "(on the Hub: Settings, Access Tokens)."
        )
    files = _sound_files(folder, [*manifest["shards"], *manifest.get("configurations", [])])
    console.print(f"Uploading {len(files)} files, {_megabytes(folder, files):,.1f} MB, to {target}", soft_wrap=True)
    done = publish_folder(folder, files, repository=target, token=token, visibility=visibility)
    _keep_manifest(settings.root / "published" / recipe["name"], folder / _MANIFEST, commit=done.commit)
    console.print(f"Published, {done.visibility}: {done.url} at commit {done.commit}", soft_wrap=True)


def _release(settings: Settings, source: Path | None) -> tuple[Path, str | None]:
    """The release folder, and the repository that the recipe's file names now, if a recipe is meant."""
    if source is not None and source.is_dir():
        return source, None
    recipe_file = settings.recipe if source is None else source.resolve()
    workspace = workspace_of(replace(settings, recipe=recipe_file))
    if not workspace.release_folder.is_dir():
        raise ReleaseError(
            f"{str(workspace.release_folder)!r} does not exist: the recipe {str(recipe_file)!r} has no release yet. "
            "Run it first, or give the folder of a release."
        )
    return workspace.release_folder, workspace.recipe().release.repository


def _sound_files(folder: Path, listed: list[dict[str, str]]) -> list[str]:
    """What the manifest lists, and the card and the manifest itself; ReleaseError if any of it is not as it says."""
    problems = [problem for file in listed if (problem := shard_problem(folder, file)) is not None]
    problems += [f"{name} is missing" for name in (_CARD,) if not (folder / name).is_file()]
    if problems:
        raise ReleaseError(f"{folder}: {'; '.join(problems)}. Materialise `release` again.")
    return [_CARD, _MANIFEST, *(file["path"] for file in listed)]


def _megabytes(folder: Path, files: list[str]) -> float:
    return sum((folder / name).stat().st_size for name in files) / 1e6


def _keep_manifest(folder: Path, manifest: Path, *, commit: str) -> None:
    """Keep the manifest of what was published, whose table versions housekeeping then keeps."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(manifest, folder / f"manifest-{commit[:12]}.json")
