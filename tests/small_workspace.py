"""A small real workspace: recipe, catalogue and root in a temporary folder."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import yaml

from openreason_dagster.definitions import build_definitions, default_resources
from openreason_dagster.partitions import MODELS, range_tags
from openreason_dagster.resources.settings import Settings
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace

STARTER_MODELS = Path(__file__).parents[1] / "openreason_dagster" / "starter_models"
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

RECIPE = {
    "name": "small",
    "title": "Small",
    "seed": 0,
    "sources": [
        {
            "name": "sums",
            "kind": "procedural",
            "task": "starter/addition",
            "count": 6,
            "seed": 1,
            "license": "Apache-2.0",
        },
        {
            "name": "rows",
            "kind": "procedural",
            "task": "starter/ordering",
            "count": 4,
            "seed": 2,
            "license": "Apache-2.0",
        },
    ],
    "models": ["*"],
    "temperatures": [0.3, 1.2],
    "sampling": {"samples_per_prompt": 4, "max_tokens": 120, "commit_rows": 16},
    "reasoning_data": {"traces_per_prompt": 2},
    "sft_mix": {"validation_share": 0.3},
    "release": {"license": "Apache-2.0"},
}


def starter_entry(name: str, weights: str = "starter-base") -> dict[str, object]:
    return {
        "name": name,
        "engine": "transformers",
        "path": str(STARTER_MODELS / weights),
        "revision": "1",
        "license": "Apache-2.0",
        "dtype": "float64",
        "batch_size": 48,
    }


@dataclass
class SmallWorkspace:
    """Everything a test needs to run jobs for real."""

    folder: Path

    @property
    def settings(self) -> Settings:
        return Settings(
            root=self.folder / "data", recipe=self.folder / "recipe.yaml", catalogue=self.folder / "catalogue"
        )

    @property
    def tables(self) -> Tables:
        return default_resources(self.settings)["tables"]

    @property
    def workspace(self) -> Workspace:
        return default_resources(self.settings)["workspace"]

    def copied_to(self, folder: Path) -> "SmallWorkspace":
        """The same in another folder, which must not exist yet: what is done there is not seen here."""
        shutil.copytree(self.folder, folder)
        return SmallWorkspace(folder)

    def write_recipe(self, **changes: object) -> None:
        self.settings.recipe.write_text(yaml.safe_dump(RECIPE | changes), encoding="utf-8")

    def write_model(self, entry: dict[str, object]) -> None:
        path = self.settings.catalogue / f"{entry['name']}.yaml"
        path.write_text(yaml.safe_dump(entry), encoding="utf-8")

    def definitions(self) -> dg.Definitions:
        return build_definitions(self.settings)

    def run(
        self, job: str, instance: dg.DagsterInstance, tags: dict[str, str] | None = None, *, raise_on_error: bool = True
    ) -> dg.ExecuteInProcessResult:
        return (
            self.definitions()
            .resolve_job_def(job)
            .execute_in_process(instance=instance, tags=tags or {}, run_config=QUIET, raise_on_error=raise_on_error)
        )

    def collect(self, instance: dg.DagsterInstance) -> tuple[dg.ExecuteInProcessResult, ...]:
        recipe = self.workspace.recipe()
        names = [source.name for source in recipe.sources]
        tags = {"dagster/asset_partition_range_start": names[0], "dagster/asset_partition_range_end": names[-1]}
        seeds, pool = self.run("collect_seeds", instance, tags), self.run("build_pool", instance)
        return seeds, pool, self.run("build_non_reasoning", instance)

    def sample(
        self, model: str, instance: dg.DagsterInstance, *, raise_on_error: bool = True
    ) -> dg.ExecuteInProcessResult:
        instance.add_dynamic_partitions(MODELS.name, [model])
        tags = range_tags(model, self.workspace.recipe())
        return self.run("sample_model", instance, tags, raise_on_error=raise_on_error)


def workspace_with_starter(folder: Path) -> SmallWorkspace:
    """Recipe `small` with one starter model in its catalogue."""
    workspace = SmallWorkspace(folder)
    workspace.settings.catalogue.mkdir()
    workspace.write_recipe()
    workspace.write_model(starter_entry("starter-base"))
    return workspace
