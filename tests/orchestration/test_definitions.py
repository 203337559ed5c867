"""The graph is the one the design describes, it loads fast and light, and broken recipes do not load."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from openreason_dagster.domain.errors import RecipeError
from openreason_dagster.domain.schemas import TABLES
from openreason_dagster.partitions import MODELS

OPEN_ANSWERS = {
    "chat_sft_data", "cot_prompted_traces", "scored_traces", "verified_traces", "sampled_traces", "prompt_pool",
}  # fmt: skip
ASSETS = {
    "seed_prompts": set(),
    "benchmark_prompts": set(),
    "prompt_pool": {"seed_prompts", "benchmark_prompts", "chat_sft_data"},
    "sampled_traces": {"prompt_pool"},
    "verified_traces": {"sampled_traces", "prompt_pool"},
    "scored_traces": {"sampled_traces", "verified_traces", "prompt_pool"},
    "prompt_statistics": {"scored_traces", "verified_traces", "prompt_pool"},
    "suspect_references": {"scored_traces", "verified_traces", "sampled_traces", "prompt_pool"},
    "reasoning_data": {"scored_traces", "verified_traces", "suspect_references", "sampled_traces", "prompt_pool"},
    "cold_start_data": {"scored_traces", "verified_traces", "sampled_traces", "prompt_pool"},
    "chat_sft_data": {"benchmark_prompts"},
    "cot_prompted_traces": {"chat_sft_data", "prompt_pool"},
    "non_reasoning_data": {"chat_sft_data", "cot_prompted_traces"},
    "sft_mix": {
        "reasoning_data",
        "cold_start_data",
        "non_reasoning_data",
        "sampled_traces",
        "prompt_pool",
        "prompt_statistics",
    },
    "dataset_report": {
        "prompt_statistics",
        "suspect_references",
        "scored_traces",
        "sft_mix",
        "rl_prompts",
        "preference_pairs",
        "safety_set",
        "model_rewards",
    },
    "rl_prompts": {"scored_traces", "verified_traces", "suspect_references", "prompt_pool"},
    "preference_votes": OPEN_ANSWERS,
    "preference_pairs": {
        "preference_votes",
        "scored_traces",
        "verified_traces",
        "suspect_references",
        "sampled_traces",
        "prompt_pool",
    },
    "safety_set": OPEN_ANSWERS,
    "model_rewards": {"scored_traces", "sampled_traces", "chat_sft_data", "cot_prompted_traces", "prompt_pool"},
    "release": {"suspect_references", "sft_mix", "rl_prompts", "preference_pairs", "safety_set"},
}


def test_graph_has_the_designed_assets_and_edges(small):
    graph = small.definitions().resolve_asset_graph()
    found = {
        key.to_user_string(): {parent.to_user_string() for parent in graph.get(key).parent_keys}
        for key in graph.get_all_asset_keys()
    }
    assert found == ASSETS


def test_graph_tags_and_groups_follow_r1(small):
    graph = small.definitions().resolve_asset_graph()
    labels = {
        "OR1": "cold_start_data", "OR2": "chat_sft_data", "OR3": "reasoning_data", "OR4": "non_reasoning_data",
        "OR5": "scored_traces", "OR6": "cot_prompted_traces",
    }  # fmt: skip
    for label, name in labels.items():
        asset = graph.get(dg.AssetKey(name))
        assert f"openreason/{label}" in asset.tags
        assert label in asset.group_name.split("_")
    others = {graph.get(key).group_name for key in graph.get_all_asset_keys() if key.path[0] not in labels.values()}
    assert others == {"seeds", "pool", "traces_and_OR5", "statistics", "datasets", "release"}


def test_every_stored_asset_shows_its_columns_and_has_a_schema_check(small):
    defs = small.definitions()
    graph = defs.resolve_asset_graph()
    checks = {key.name for key in graph.asset_check_keys}
    for name in set(ASSETS) & set(TABLES):
        assert "dagster/column_schema" in graph.get(dg.AssetKey(name)).metadata
        assert f"{name}_has_its_schema" in checks
    dg.Definitions.validate_loadable(defs)


def test_traces_are_partitioned_by_model_and_temperature(small, instance):
    instance.add_dynamic_partitions(MODELS.name, ["starter-base"])
    partitions = small.definitions().resolve_asset_graph().get(dg.AssetKey("sampled_traces")).partitions_def
    keys = partitions.get_partition_keys(dynamic_partitions_store=instance)
    assert [str(key) for key in keys] == ["starter-base|0.3", "starter-base|1.2"]


def test_broken_recipe_does_not_load(small):
    small.write_recipe(temperatures=[9.0])
    with pytest.raises(RecipeError, match="temperatures"):
        small.definitions()


def test_location_loads_in_two_seconds_of_processor_time_without_heavy_libraries():
    code = (
        "import resource, sys\n"
        "from openreason_dagster.definitions import defs\n"
        "defs()\n"
        "heavy = {'torch', 'transformers', 'datasets', 'matplotlib', 'lingua', 'sympy', 'reasoning_gym', 'vllm'}\n"
        "print(','.join(sorted(heavy & set(sys.modules))) or 'none')\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_utime)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy, seconds = result.stdout.splitlines()
    assert heavy == "none"
    assert float(seconds) < 4, "twice the goal, so that a busy machine does not fail the test"


def test_shipped_files_describe_the_same_location():
    assert "openreason_dagster.definitions" in Path("workspace.yaml").read_text(encoding="utf-8")
    compose = Path("docker-compose.yml").read_text(encoding="utf-8")
    for service in ("postgres:", "code:", "webserver:", "daemon:", "vllm:", "object-store:"):
        assert f"\n  {service}" in compose
