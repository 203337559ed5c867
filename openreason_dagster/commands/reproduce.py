"""`openreason reproduce`: a release built again from what its manifest recorded, and compared row by row."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import dagster as dg
import yaml
from rich.console import Console

from openreason_dagster.commands.dagster_home import explaining_root
from openreason_dagster.commands.printable import plain
from openreason_dagster.commands.run import reasons_of_failure, run_recipe
from openreason_dagster.definitions import build_assets, workspace_of
from openreason_dagster.domain.errors import ReleaseError
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.domain.release.manifest import read_manifest
from openreason_dagster.domain.release.reproduction import Reproduction, compare_releases
from openreason_dagster.jobs import DATASET_ASSETS
from openreason_dagster.resources.progress import ProgressListener
from openreason_dagster.resources.recorded_tables import RecordedTables
from openreason_dagster.resources.recorded_workspace import RecordedWorkspace
from openreason_dagster.resources.settings import Settings

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_LISTED = 10
_BY_MODELS = ("cold_start_data", "preference_votes", "safety_set", "model_rewards")
_REBUILT = tuple(name for name in DATASET_ASSETS if name not in _BY_MODELS)
"""What a writer wrote or a judge found stands as traces do; to do it again, their models would have to be there."""
Rebuild = Callable[[Settings, Path, Path, Console], Path]
"""Settings, manifest, folder to build in, where to print → the release that was built."""


def reproduce(settings: Settings, manifest: Path, console: Console, *, rebuild: Rebuild) -> Reproduction:
    """Build the release of a manifest again in a folder that is removed afterwards, and compare.

    The released files are looked for beside the manifest; without them shards are compared, not rows.

    Raises:
        OpenReasonError: the manifest cannot be read, or the release cannot be built again.
    """
    recorded = read_manifest(manifest)
    with explaining_root(settings):
        settings.root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".reproduce-", dir=settings.root) as folder:
        built = rebuild(settings, manifest, Path(folder), console)
        made = read_manifest(built / "manifest.json")
        return compare_releases(manifest.parent, built, recorded=recorded, made=made)


def rebuild_from_tables(settings: Settings, manifest: Path, folder: Path, console: Console) -> Path:
    """Build the data sets again from traces, verdicts and written data as they stood, by the recorded recipe."""
    recorded = read_manifest(manifest)
    tables = RecordedTables(
        root=str(folder / "tables"), recorded_root=str(settings.tables), versions=recorded["table_versions"]
    )
    workspace = RecordedWorkspace(
        manifest_path=str(manifest.resolve()),
        recipe_path=str(settings.recipe),
        catalogue_path=str(settings.catalogue),
        output_path=str(folder),
    )
    tables.require_versions()
    console.print("Building the data sets again from the tables as they stood")
    everything = build_assets(workspace.recipe())
    selection = dg.AssetSelection.assets("release").upstream() & dg.AssetSelection.assets(*_REBUILT)
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            everything,
            selection=selection,
            resources={"tables": tables, "workspace": workspace, "progress": ProgressListener()},
            instance=instance,
            run_config=_QUIET,
            raise_on_error=False,
        )
        if not result.success:
            raise ReleaseError(f"the release cannot be built again.\n{reasons_of_failure(result)}")
    return workspace.release_folder


def rebuild_from_seeds(settings: Settings, manifest: Path, folder: Path, console: Console) -> Path:
    """Run the recorded recipe from its sources on, with the catalogue at hand, as if nothing had been there."""
    with _recipe_file(settings, manifest) as recipe:
        fresh = replace(settings, root=folder, recipe=recipe)
        run_recipe(fresh, console)
        return workspace_of(fresh).release_folder


@contextmanager
def _recipe_file(settings: Settings, manifest: Path) -> Iterator[Path]:
    """The recorded recipe as a file in the folder of the recipe at hand, whose paths start there."""
    recipe = Recipe.from_values(read_manifest(manifest)["recipe"], path=manifest)
    text = yaml.safe_dump(recipe.model_dump(mode="json"), allow_unicode=True)
    folder = settings.recipe.parent
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", prefix=".reproduce-", dir=folder, encoding="utf-8") as file:
        file.write(text)
        file.flush()
        yield Path(file.name)


def print_reproduction(found: Reproduction, console: Console) -> None:
    """Print whether rows are equal, or which differ and what may be why."""
    if found.is_equal:
        console.print(f"Equal: all {found.rows:,} rows in {len(found.equal_shards)} files, in the same order.")
        console.print(f"{found.equal_files} of {len(found.equal_shards)} files are the same byte by byte.")
        if found.equal_formats:
            console.print(f"All {found.equal_formats} files of other formats are the same byte by byte.")
        _print_list("Different, without an effect on the rows", found.reasons, console)
        return
    console.print(f"Not equal: {len(found.other_shards)} files differ, {len(found.equal_shards)} have the same rows.")
    _print_list("Files that differ", found.other_shards, console)
    if found.differences is None:
        console.print("The released files are not beside the manifest as it describes them, so rows cannot be named.")
    else:
        _print_list("Rows that are missing now", found.differences.missing, console)
        _print_list("Rows that are new", found.differences.added, console)
        _print_list("Rows with other content", found.differences.changed, console)
    _print_list("What is different, and may be why", found.reasons, console)


def _print_list(title: str, lines: Sequence[str], console: Console) -> None:
    if not lines:
        return
    console.print(f"{title} ({len(lines):,}):")
    for line in lines[:_LISTED]:
        console.print(f"  {plain(line)}", soft_wrap=True)
    if len(lines) > _LISTED:
        console.print(f"  … and {len(lines) - _LISTED:,} more")
