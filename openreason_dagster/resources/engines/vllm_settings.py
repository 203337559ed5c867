"""What a catalogue entry says, in the words of vLLM's engine arguments."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import psutil

from openreason_dagster.domain.catalogue_entry import RayModel, VllmModel
from openreason_dagster.domain.errors import EngineError
from openreason_dagster.resources.engines.continuous_batch import Job
from openreason_dagster.resources.engines.load_weights import weights_source

if TYPE_CHECKING:
    from vllm.config import VllmConfig

ENVIRONMENT = {
    "VLLM_LOGGING_LEVEL": "WARNING",
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",  # our process has threads, which a fork would leave half alive
    "RAY_USAGE_STATS_ENABLED": "0",
}
"""Variables that vLLM's processes start with where the user has not set them."""

_PROCESSOR_ARGUMENTS = {
    # Splitting a long prompt over steps moves a seed's random numbers back, which the processor's generator cannot do.
    "enable_chunked_prefill": False,
    # Only whole blocks are shared between samples of a prompt, and vLLM's own 128 tokens are longer than many prompts.
    "block_size": 32,
}
_IN_ENGINE_PROCESS = "vllm.v1.executor.uniproc_executor.UniProcExecutor"


def engine_arguments(
    model: VllmModel | RayModel, folder: Path, *, device: Literal["processor", "accelerator"]
) -> dict[str, Any]:
    """Keyword arguments of vLLM's EngineArgs; the entry's `options` come last and win.

    Args:
        model: The catalogue entry.
        folder: The catalogue's folder, to which paths are relative.
        device: What the engine will run on.

    Raises:
        EngineError: the weights are not where the entry says.
    """
    source, revision = weights_source(model, folder)
    arguments: dict[str, Any] = {
        "model": source,
        "revision": revision,
        "tokenizer_revision": revision,
        "load_format": "safetensors",  # a pickle could run code
        "dtype": model.dtype,
        "quantization": model.quantization,
        "max_model_len": model.maximum_length,
        "max_num_seqs": model.concurrency,
        "gpu_memory_utilization": model.memory_share,
        "tensor_parallel_size": model.tensor_parallel,
        "data_parallel_size": model.data_parallel if isinstance(model, VllmModel) else 1,
        "enforce_eager": not model.compile,
        "enable_prefix_caching": True,
        "disable_log_stats": True,
        "use_tqdm_on_load": False,
    }
    if device == "processor":
        arguments |= _PROCESSOR_ARGUMENTS
        if model.tensor_parallel == 1:
            arguments["distributed_executor_backend"] = _IN_ENGINE_PROCESS
    return arguments | dict(model.options)


def fit_processor_memory(config: "VllmConfig", *, replicas: int) -> None:
    """On a processor, give the key-value cache what the model's sequences can use, at most its share of free memory.

    vLLM would fill the whole share at every start. Bytes per token: 2 * layers * key-value heads * head size * bytes
    of the number type, for keys and values.

    Args:
        config: Changed in place, unless the entry's options say how large the cache is.
        replicas: How many share this machine's free memory.
    """
    cache, network = config.cache_config, config.model_config
    if config.device_config.device_type != "cpu" or cache.kv_cache_memory_bytes is not None:
        return
    heads = network.get_num_kv_heads(config.parallel_config) * network.get_head_size()
    bytes_per_token = 2 * network.get_num_layers(config.parallel_config) * heads * network.dtype.itemsize
    tokens = config.scheduler_config.max_num_seqs * (network.max_model_len + cache.block_size)
    available = psutil.virtual_memory().available // replicas
    cache.kv_cache_memory_bytes = min(tokens * bytes_per_token, int(cache.gpu_memory_utilization * available))


def processor_variables(config: "VllmConfig") -> dict[str, str]:
    """On a processor, what the engine's processes start with: they share the cores but for one, left to this process.

    It feeds the engine. Threads of a matrix product wait for each other: with one too many, sampling is several times
    slower.
    """
    import torch

    if config.device_config.device_type != "cpu":
        return {}
    workers = config.parallel_config.data_parallel_size * config.parallel_config.world_size
    threads = max(1, (torch.get_num_threads() - 1) // workers)
    return {"OMP_NUM_THREADS": str(threads)} | compiler_variables(compiles=not config.model_config.enforce_eager)


def compiler_variables(*, compiles: bool) -> dict[str, str]:
    """On a processor, the variable that keeps vLLM from compiling where the entry says so.

    Without it a C++ compiler is called for the first log-probabilities, which takes half a minute.
    """
    return {} if compiles else {"TORCH_COMPILE_DISABLE": "1"}


def shutdown_seconds(config: "VllmConfig") -> float | None:
    """How long engine processes may take to end before they are killed; None for vLLM's own patience.

    An engine on a processor is one process, which first lets go of what others could miss. It would then spend seconds
    on giving back its memory object by object.
    """
    is_one_process = config.parallel_config.world_size == 1
    return 2.0 if config.device_config.device_type == "cpu" and is_one_process else None


def sampling_values(job: Job) -> dict[str, Any]:
    """Keyword arguments of vLLM's SamplingParams; text is left to our own tokenizer, but for finding stop strings."""
    parameters = job.request.parameters
    return {
        "seed": job.request.seed,
        "temperature": parameters.temperature,
        "top_p": parameters.top_p,
        "top_k": parameters.top_k or 0,
        "max_tokens": job.limit,
        "stop": list(parameters.stop),
        "detokenize": bool(parameters.stop),
        "skip_special_tokens": False,  # a stop string may be a think tag, which some tokenizers call special
        "logprobs": 0 if parameters.logprobs else None,
        "flat_logprobs": True,
    }


def require_package(name: str, *, extra: str, model_name: str) -> None:
    """Refuse to go on without an optional package.

    Raises:
        EngineError: it is not installed.
    """
    from importlib.util import find_spec

    if find_spec(name) is None:
        raise EngineError(
            f"model {model_name!r}: its engine needs the package {name!r}, which is not installed. "
            f"Install the extra: pip install 'openreason-dagster[{extra}]'."
        )
