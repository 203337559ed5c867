"""Named selections that people and sensors launch."""

from collections.abc import Sequence

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

PROMPT_ASSETS = ("seed_prompts",)
POOL_ASSETS = ("benchmark_prompts", "chat_sft_data", "prompt_pool")
NON_REASONING_ASSETS = ("cot_prompted_traces", "non_reasoning_data")
TRACE_ASSETS = ("sampled_traces", "verified_traces", "scored_traces")
DATASET_ASSETS = (
    "prompt_statistics",
    "suspect_references",
    "model_rewards",
    "reasoning_data",
    "cold_start_data",
    "sft_mix",
    "rl_prompts",
    "preference_votes",
    "preference_pairs",
    "safety_set",
    "release",
    "dataset_report",
)


def build_jobs() -> Sequence[UnresolvedAssetJobDefinition]:
    """The five stages of a full run; a job of partitioned assets takes one key or a range."""
    return [
        _job("collect_seeds", PROMPT_ASSETS, "Read every source of the recipe."),
        _job("build_pool", POOL_ASSETS, "Take over conversations; deduplicate, decontaminate and audit the seeds."),
        _job("build_non_reasoning", NON_REASONING_ASSETS, "Answer prompts after thinking, beside the conversations."),
        _job("sample_model", TRACE_ASSETS, "Sample, verify and score one model at all temperatures."),
        _job("build_datasets", DATASET_ASSETS, "Select, mix, release and report."),
    ]


def _job(name: str, assets: Sequence[str], description: str) -> UnresolvedAssetJobDefinition:
    return dg.define_asset_job(
        name,
        selection=dg.AssetSelection.assets(*assets),
        description=description,
        executor_def=dg.in_process_executor,
    )
