"""`openreason run`: the whole graph of a recipe in this process, recorded in the same instance the web UI shows."""

from collections.abc import Mapping
from time import sleep

import dagster as dg
from dagster_shared.error import SerializableErrorInfo
from rich.console import Console

from openreason_dagster.assets.traces import SAMPLING_POOL
from openreason_dagster.commands.dagster_home import dagster_instance, fail_lost_runs, process_tag, runs_in_pool
from openreason_dagster.commands.summary import print_summary
from openreason_dagster.commands.terminal_progress import TerminalProgress
from openreason_dagster.definitions import build_definitions, tables_of, workspace_of
from openreason_dagster.domain.errors import OpenReasonError, RecipeError
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.domain.recipe_checks import load_recipe
from openreason_dagster.partitions import MODELS, range_tags
from openreason_dagster.resources.settings import Settings
from openreason_dagster.resources.workspace import Workspace

_OWN_ERRORS = f"{OpenReasonError.__module__}."
_POLL_SECONDS = 2.0
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def run_recipe(settings: Settings, console: Console, *, only_model: str | None = None) -> None:
    """Collect seeds, build the pool, sample each model, build the data sets, and print a summary.

    Raises:
        OpenReasonError: with the message of the stage that failed; what was committed stays, and running again goes on.
    """
    recipe = load_recipe(settings.recipe)
    models = _models(workspace_of(settings), only_model)
    with TerminalProgress(console) as progress, dagster_instance(settings) as instance:
        fail_lost_runs(instance)
        defs = build_definitions(settings, resources={"progress": progress})
        pipeline = _Pipeline(defs, instance)
        progress.stage("Collecting seed prompts")
        pipeline.execute("collect_seeds", _source_range(recipe))
        before = "Taking over conversations, then building" if recipe.chat_sources else "Building"
        progress.stage(f"{before} the prompt pool: duplicates, contamination, references")
        pipeline.execute("build_pool", {})
        if recipe.chat_sources or recipe.cot_prompted:
            progress.stage("Building non-reasoning data: answers after thinking, and conversations")
        if recipe.cot_prompted is not None:
            _wait_for_place(instance, progress)
        pipeline.execute("build_non_reasoning", {})
        instance.add_dynamic_partitions(MODELS.name or "", models)
        for model in models:
            progress.stage(f"Sampling, verifying and scoring {model}")
            _wait_for_place(instance, progress)
            pipeline.execute("sample_model", range_tags(model, recipe))
        progress.stage("Building data sets, release and report")
        if recipe.asked_models:
            _wait_for_place(instance, progress)
        pipeline.execute("build_datasets", {})
    print_summary(tables_of(settings), workspace_of(settings), console, sampled_now=progress.sampled)


def _wait_for_place(instance: dg.DagsterInstance, progress: TerminalProgress) -> None:
    """Wait until no other run is sampling, and say which one is; one that dies meanwhile is not waited for."""
    told: set[str] = set()
    while runs := runs_in_pool(instance, SAMPLING_POOL):
        if runs - told:
            progress.stage(f"Waiting for another run to finish sampling: {', '.join(sorted(runs))} (Ctrl-C to stop)")
            told |= runs
        sleep(_POLL_SECONDS)
        fail_lost_runs(instance)


class _Pipeline:
    def __init__(self, defs: dg.Definitions, instance: dg.DagsterInstance) -> None:
        self._defs = defs
        self._instance = instance

    def execute(self, job: str, tags: Mapping[str, str]) -> None:
        """Run one job to its end; the message of the step that failed becomes the error."""
        definition = self._defs.resolve_job_def(job)
        result = definition.execute_in_process(
            instance=self._instance, tags={**tags, **process_tag()}, run_config=_QUIET, raise_on_error=False
        )
        if not result.success:
            raise OpenReasonError(f"{job} failed (Dagster run {result.run_id}).\n{reasons_of_failure(result)}")


def reasons_of_failure(result: dg.ExecuteInProcessResult) -> str:
    """Which steps failed with which message, or which blocking checks did not pass."""
    reasons = [
        f"{event.step_key}: {_reason(event.step_failure_data.error)}" for event in result.get_step_failure_events()
    ]
    failed_checks = [
        f"check {evaluation.check_name} of {evaluation.asset_key.to_user_string()} did not pass"
        for evaluation in result.get_asset_check_evaluations()
        if not evaluation.passed and evaluation.blocking
    ]
    return "\n".join(failed_checks or reasons) or "See the run in the web UI."


def _reason(error: SerializableErrorInfo | None) -> str:
    """The message of our own error in the chain of causes; where there is none, that of the first cause."""
    message = "no message"
    while error is not None:
        message = error.message.strip()
        if message.startswith(_OWN_ERRORS):
            return message.partition(": ")[2]
        error = error.cause
    return message


def _models(workspace: Workspace, only_model: str | None) -> list[str]:
    """The models to sample, each with an entry that can be used at a temperature of the recipe.

    Raises:
        RecipeError: the recipe wants models and the catalogue has none of them, or an entry, also of a judge, a writer
            or a reward model, is broken or cannot be used as the recipe says.
    """
    selected = workspace.selected_models()
    if only_model is not None and only_model not in selected:
        raise RecipeError(
            f"model {only_model!r} is not selected by the recipe. Selected: {', '.join(selected) or 'none'}. "
            f"Add {only_model}.yaml to the catalogue or adjust the recipe's `models`."
        )
    if not selected and workspace.recipe().models:
        raise RecipeError(
            f"recipe key `models` selects nothing from the catalogue {str(workspace.catalogue_folder)!r}. "
            "Add a model file."
        )
    chosen = selected if only_model is None else [only_model]
    for name in chosen:
        workspace.usable_model(name)
    for key, (role, name) in workspace.recipe().asked_models.items():  # found out after sampling, it would cost hours
        workspace.model_in_role(name, role, key=key)
    return chosen


def _source_range(recipe: Recipe) -> dict[str, str]:
    return {
        "dagster/asset_partition_range_start": recipe.sources[0].name,
        "dagster/asset_partition_range_end": recipe.sources[-1].name,
    }
