"""Ray Data's LLM processor for a catalogue entry, and the rows that go in and come out."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openreason_dagster.domain.catalogue_entry import RayModel
from openreason_dagster.resources.default_variables import default_variables
from openreason_dagster.resources.engines.continuous_batch import Job
from openreason_dagster.resources.engines.vllm_settings import (
    ENVIRONMENT,
    compiler_variables,
    engine_arguments,
    fit_processor_memory,
    sampling_values,
)
from openreason_dagster.resources.ray_cluster import own_signals
from openreason_dagster.resources.ray_work import quiet

if TYPE_CHECKING:
    from ray.data import Dataset
    from ray.data.llm import vLLMEngineProcessorConfig

_TOKENS_PER_STEP = 8192
"""Tokens that one step of an accelerator may read: as many as vLLM's batches do on most, where its servers read fewer.

Ray Data starts vLLM as a server is started, whose first answer must come soon.
"""
_SMALL_TASK = {"num_cpus": 0.1}
_BATCHES_PER_PLACE = 2
"""Batches handed to a replica for each batch that it decodes, so that none of its places waits for a batch's tail."""


@dataclass(frozen=True, kw_only=True)
class RayAnswer:
    """What came back for the job of that number."""

    number: int
    tokens: list[int]
    logprobs: list[float] | None
    error: str
    """Why there are no tokens; empty where there are."""


def jobs_alike(jobs: Sequence[Job]) -> list[list[Job]]:
    """Jobs in groups that each set the same sampling parameters; a recipe's requests are one group.

    Ray Data keeps rows as columns, where a whole number that some rows lack turns into a fraction, and vLLM then
    waits for ever.
    """
    groups: dict[frozenset[str], list[Job]] = {}
    for job in jobs:
        groups.setdefault(frozenset(_sampling_parameters(job)), []).append(job)
    return list(groups.values())


def processed(model: RayModel, folder: Path, jobs: Sequence[Job], *, positions: int, replicas_here: int) -> "Dataset":
    """A data set whose rows, taken one by one, are the answers to `jobs`, which are alike.

    Nothing runs until the first row is taken.

    Args:
        model: The catalogue entry.
        folder: The catalogue's.
        jobs: What is asked.
        positions: Tokens that prompt and completion may have together.
        replicas_here: How many replicas share a machine like this one.
    """
    import ray
    from ray.data.llm import build_processor

    rows = [_row(number, job) for number, job in enumerate(jobs)]
    dataset = quiet(ray.data.from_items(rows, override_num_blocks=ceil(len(rows) / model.rows_per_batch)))
    with own_signals():  # it calls `ray.init` again
        processor = build_processor(
            _config(model, _engine_arguments(model, folder, positions=positions, replicas_here=replicas_here)),
            postprocess=_chosen_columns(),
            preprocess_map_kwargs=_SMALL_TASK,
            postprocess_map_kwargs=_SMALL_TASK,
        )
    return processor(dataset)


def answer_of(row: dict[str, Any]) -> RayAnswer:
    """A row of the processed data set; failed rows pass by the processor's last step and have other columns."""
    error = row["__inference_error__"]
    if error:
        return RayAnswer(number=row["number"], tokens=[], logprobs=None, error=error)
    logprobs = row["logprobs"]
    return RayAnswer(
        number=row["number"],
        tokens=[int(token) for token in row["tokens"]],
        logprobs=None if logprobs is None else [float(value) for value in logprobs],
        error="",
    )


def _row(number: int, job: Job) -> dict[str, Any]:
    return {"number": number, "tokenized_prompt": list(job.ids), "sampling_params": _sampling_parameters(job)}


def _sampling_parameters(job: Job) -> dict[str, Any]:
    values = sampling_values(job) | {"flat_logprobs": False}
    return {name: value for name, value in values.items() if value is not None and value != []}


def _chosen_columns() -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The processor's last step, defined here so that the cluster gets its code and needs no package of ours."""

    def choose(row: dict[str, Any]) -> dict[str, Any]:
        chosen = row["logprobs"]
        if chosen is not None:
            chosen = [next(iter(position.values()))["logprob"] for position in chosen]
        return {"number": row["number"], "tokens": row["generated_tokens"], "logprobs": chosen}

    return choose


def _config(model: RayModel, arguments: dict[str, Any]) -> "vLLMEngineProcessorConfig":
    from ray.data.llm import vLLMEngineProcessorConfig

    places: int = arguments["max_num_seqs"]
    per_worker = {
        "CPU": model.processors_per_replica / model.tensor_parallel,
        "GPU": _gpus(model) / model.tensor_parallel,
    }
    return vLLMEngineProcessorConfig(
        model_source=arguments.pop("model"),
        engine_kwargs=arguments,
        placement_group_config={"bundle_per_worker": per_worker},
        concurrency=(model.replicas, model.replicas),
        batch_size=model.rows_per_batch,
        max_concurrent_batches=_BATCHES_PER_PLACE * ceil(places / model.rows_per_batch),
        max_pending_requests=_BATCHES_PER_PLACE * places,
        should_continue_on_error=True,
        log_engine_metrics=False,
        chat_template_stage=False,
        tokenize_stage=False,
        detokenize_stage=False,
        runtime_env={"env_vars": _variables(model)},
    )


def _gpus(model: RayModel) -> float:
    return model.tensor_parallel if model.gpus_per_replica is None else model.gpus_per_replica


def _variables(model: RayModel) -> dict[str, str]:
    """What the replicas' processes start with; what the user has set here wins."""
    variables = dict(ENVIRONMENT)
    if _gpus(model) == 0:
        variables |= compiler_variables(compiles=model.compile)
        variables["OMP_NUM_THREADS"] = str(max(1, int(model.processors_per_replica / model.tensor_parallel)))
    return {name: os.environ.get(name, value) for name, value in variables.items()}


def _engine_arguments(model: RayModel, folder: Path, *, positions: int, replicas_here: int) -> dict[str, Any]:
    if _gpus(model) > 0:
        arguments = engine_arguments(model, folder, device="accelerator") | {"max_model_len": positions}
        # A prompt that is not split must fit into a step: then vLLM chooses.
        is_split = arguments.get("enable_chunked_prefill", True)
        return ({"max_num_batched_tokens": _TOKENS_PER_STEP} if is_split else {}) | arguments
    arguments = engine_arguments(model, folder, device="processor") | {"max_model_len": positions}
    with default_variables(ENVIRONMENT):
        from vllm.engine.arg_utils import EngineArgs
        from vllm.usage.usage_lib import UsageContext

        config = EngineArgs(**arguments).create_engine_config(UsageContext.LLM_CLASS)
    fit_processor_memory(config, replicas=replicas_here)
    return arguments | {
        "kv_cache_memory_bytes": config.cache_config.kv_cache_memory_bytes,
        "max_num_batched_tokens": config.scheduler_config.max_num_batched_tokens,
    }
