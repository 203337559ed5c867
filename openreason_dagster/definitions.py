"""The code location, assembled in one function whose every part can be replaced."""

import warnings
from collections.abc import Mapping

import dagster as dg

from openreason_dagster.assets.cold_start import cold_start_data
from openreason_dagster.assets.conversations import chat_sft_data, cot_prompted_traces, non_reasoning_data
from openreason_dagster.assets.datasets import reasoning_data, sft_mix
from openreason_dagster.assets.judged_answers import preference_votes, safety_set
from openreason_dagster.assets.learning import preference_pairs, rl_prompts
from openreason_dagster.assets.pool import prompt_pool
from openreason_dagster.assets.references import suspect_references
from openreason_dagster.assets.release import dataset_report, release
from openreason_dagster.assets.rewards import model_rewards, scored_traces
from openreason_dagster.assets.seeds import benchmark_prompts, seed_prompts
from openreason_dagster.assets.statistics import prompt_statistics
from openreason_dagster.assets.traces import sampled_traces
from openreason_dagster.assets.verdicts import verified_traces
from openreason_dagster.automation import automation_sensor
from openreason_dagster.checks.conversations import (
    chat_conversations_are_well_formed,
    chat_licences_are_allowed,
    cot_answers_follow_reasoning,
    non_reasoning_rows_are_unique,
)
from openreason_dagster.checks.datasets import (
    cold_start_data_is_verified,
    conversations_are_well_formed,
    mix_keeps_clear_of_benchmarks,
    no_cluster_is_in_two_splits,
    reasoning_data_is_correct,
    release_holds_every_format,
    release_holds_the_mix,
)
from openreason_dagster.checks.learning import (
    no_cluster_is_in_two_splits_of_any_set,
    pairs_and_dropped_are_the_pool,
    pairs_are_correct_against_incorrect,
    pairs_by_votes_are_decided,
    responses_are_labelled_once,
    reward_models_gave_numbers,
    rl_prompts_and_dropped_are_the_pool,
)
from openreason_dagster.checks.pool import (
    pool_keeps_clear_of_benchmarks,
    pool_prompts_are_unique,
    pool_prompts_have_one_cluster,
    refused_share_is_low,
)
from openreason_dagster.checks.schema import schema_checks
from openreason_dagster.checks.traces import trace_checks
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.domain.recipe_checks import load_recipe
from openreason_dagster.domain.schemas import TABLES
from openreason_dagster.jobs import build_jobs
from openreason_dagster.maintenance import maintain_tables, maintain_tables_daily
from openreason_dagster.partitions import source_partitions, trace_partitions
from openreason_dagster.resources.progress import ProgressListener
from openreason_dagster.resources.settings import Settings
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace
from openreason_dagster.sensors import new_models, stale_models


def build_definitions(settings: Settings, *, resources: Mapping[str, object] | None = None) -> dg.Definitions:
    """Assets, checks, jobs, sensors, schedules and resources for one recipe; `resources` replaces any resource by name.

    Raises:
        RecipeError: the recipe cannot be used.
    """
    recipe = load_recipe(settings.recipe)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # backfill policies
        warnings.simplefilter("ignore", dg.PreviewWarning)  # partitioned checks; tests cover both
        return dg.Definitions(
            assets=build_assets(recipe),
            asset_checks=build_checks(recipe),
            jobs=[*build_jobs(), maintain_tables],
            schedules=[maintain_tables_daily],
            sensors=[new_models, stale_models, automation_sensor()],
            resources=default_resources(settings) | dict(resources or {}),
            executor=dg.in_process_executor,
        )


def build_assets(recipe: Recipe) -> list[dg.AssetsDefinition]:
    """Every asset of the graph, in the order of R1's diagram."""
    sources, traces = source_partitions(recipe), trace_partitions(recipe)
    return [
        seed_prompts(sources),
        benchmark_prompts,
        prompt_pool,
        sampled_traces(traces),
        verified_traces(traces, recipe.verification),
        scored_traces(traces),
        prompt_statistics,
        suspect_references,
        model_rewards(recipe),
        cold_start_data(recipe),
        chat_sft_data,
        reasoning_data,
        cot_prompted_traces(recipe),
        non_reasoning_data,
        sft_mix,
        rl_prompts,
        preference_votes(recipe),
        preference_pairs,
        safety_set(recipe),
        release,
        dataset_report,
    ]


def build_checks(recipe: Recipe) -> list[dg.AssetChecksDefinition]:
    """Every check: schemas of all tables, and what must hold of each stage."""
    stored = [asset.key.to_user_string() for asset in build_assets(recipe)]
    return [
        *schema_checks(name for name in stored if name in TABLES),
        pool_keeps_clear_of_benchmarks,
        pool_prompts_are_unique,
        pool_prompts_have_one_cluster,
        refused_share_is_low,
        *trace_checks(trace_partitions(recipe)),
        reasoning_data_is_correct,
        cold_start_data_is_verified,
        chat_conversations_are_well_formed,
        chat_licences_are_allowed,
        cot_answers_follow_reasoning,
        non_reasoning_rows_are_unique,
        mix_keeps_clear_of_benchmarks,
        no_cluster_is_in_two_splits,
        conversations_are_well_formed,
        rl_prompts_and_dropped_are_the_pool,
        no_cluster_is_in_two_splits_of_any_set,
        pairs_and_dropped_are_the_pool,
        pairs_are_correct_against_incorrect,
        pairs_by_votes_are_decided,
        responses_are_labelled_once,
        reward_models_gave_numbers,
        release_holds_the_mix,
        release_holds_every_format,
    ]


def default_resources(settings: Settings) -> dict[str, object]:
    """Tables under the root, recipe and catalogue from their files, and a listener that keeps silent."""
    return {"tables": tables_of(settings), "workspace": workspace_of(settings), "progress": ProgressListener()}


def tables_of(settings: Settings) -> Tables:
    """The tables under the root."""
    return Tables(root=str(settings.tables))


def workspace_of(settings: Settings) -> Workspace:
    """Recipe, catalogue and output folder."""
    return Workspace(
        recipe_path=str(settings.recipe), catalogue_path=str(settings.catalogue), output_path=str(settings.root)
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What `dagster dev` loads: the installation described by the environment."""
    return build_definitions(Settings.from_environment())
