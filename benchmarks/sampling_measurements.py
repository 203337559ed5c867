"""What `sampling.py` measures in processes of their own. Arguments: name, folder, values; prints one JSON object."""

import dataclasses
import json
import random
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Literal

import yaml

from benchmarks.peers.platform_run import settings_of
from openreason_dagster.commands.dagster_home import dagster_instance
from openreason_dagster.definitions import build_definitions, tables_of, workspace_of
from openreason_dagster.domain.catalogue_entry import VllmModel
from openreason_dagster.domain.inference.engine import Engine
from openreason_dagster.domain.inference.sampler import sample
from openreason_dagster.domain.records import Completion, Failure, Request
from openreason_dagster.resources.engines.chat_tokenizer import ChatTokenizer
from openreason_dagster.resources.engines.load_weights import load_tokenizer
from openreason_dagster.resources.engines.open_engine import open_engine
from openreason_dagster.resources.engines.token_requests import prepare
from openreason_dagster.resources.engines.vllm_settings import engine_arguments, sampling_values
from openreason_dagster.resources.model_plan import ModelPlan
from openreason_dagster.resources.settings import Settings
from openreason_dagster.resources.trace_store import TraceStore

STARTER = Path(__file__).parents[1] / "openreason_dagster" / "starter_models" / "starter-base"
MODEL, TEMPERATURE = "endless", "0.6"
POSITIONS, LONGEST, MEDIAN, SPREAD, SEATS = 2048, 1800, 32, 1.55, 64
"""Tokens; `SPREAD` is the standard deviation of the logarithm: 6 in 1,000 are longer than 50 medians."""


def build_pool(folder: Path) -> dict[str, object]:
    """Collect seeds, build the prompt pool in root `pool`, and write its prompts as JSON lines."""
    settings = settings_of(folder, folder / "pool")
    sources = workspace_of(settings).recipe().sources
    ends = {
        "dagster/asset_partition_range_start": sources[0].name,
        "dagster/asset_partition_range_end": sources[-1].name,
    }
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    with dagster_instance(settings) as instance:
        defs = build_definitions(settings)
        for job, tags in (("collect_seeds", ends), ("build_pool", {})):
            defs.resolve_job_def(job).execute_in_process(instance=instance, tags=tags, run_config=quiet)
    pool = tables_of(settings).scan("prompt_pool").sort("source", "prompt_id").select("prompt_id", "prompt").collect()
    pool.rename({"prompt_id": "id"}).write_ndjson(folder / "prompts.jsonl")
    return {"prompts": pool.height}


class LongTail:
    """Requests with log-normal token limits, and the ways to answer them with vLLM in this process."""

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        self._rounds = 0
        self.model = endless_model(folder / "workspace" / "catalogue", options={"kv_cache_memory_bytes": 2**30})
        plan = self._plan(settings_of(folder / "workspace", folder / "workspace" / "pool"))
        draw = random.Random(3)
        lengths = [min(LONGEST, max(1, round(draw.lognormvariate(0, SPREAD) * MEDIAN))) for _ in range(count)]
        planned = (request for request in plan.source if request is not None)
        self.requests = [_with_limit(request, length) for request, length in zip(planned, lengths, strict=False)]
        self.tokens = sum(lengths)

    def through_platform(self, engine: Engine) -> int:
        """The sampler, with commits to Delta tables in a fresh root."""
        self._rounds += 1
        root = self._folder / f"long-tail-{self._rounds}"
        shutil.copytree(self._folder / "workspace" / "pool" / "tables", root / "tables")
        settings = settings_of(self._folder / "workspace", root)
        tables, recipe = tables_of(settings), workspace_of(settings).recipe()
        plan = dataclasses.replace(self._plan(settings), engine=engine)
        summary = sample(
            engine,
            self.requests,
            store=TraceStore(tables, recipe.name, "benchmark", plan, None).put,
            stored=lambda _batch, _correct: None,
            totals=lambda: {TEMPERATURE: len(self.requests)},
            commit_rows=recipe.sampling.commit_rows,
            commit_seconds=recipe.sampling.commit_seconds,
            progress=lambda _progress: None,
        )
        assert tables.scan("sampled_traces").collect().height == len(self.requests)
        return summary.tokens

    def at_once(self, engine: Engine) -> int:
        """The engine alone, results thrown away."""
        return _tokens(engine, self.requests)

    def in_batches(self, engine: Engine, size: int) -> int:
        """Each batch waits for the longest answer of the one before."""
        starts = range(0, len(self.requests), size)
        return sum(_tokens(engine, self.requests[start : start + size]) for start in starts)

    def _plan(self, settings: Settings) -> ModelPlan:
        return ModelPlan.of(tables_of(settings), workspace_of(settings), model=MODEL, temperatures=[TEMPERATURE])


class PlainVllm:
    """vLLM's own `LLM`, with the same engine arguments, prompts, limits and seeds."""

    def __init__(self, workload: LongTail, catalogue: Path) -> None:
        from vllm import LLM, SamplingParams
        from vllm.inputs import TokensPrompt
        from vllm.platforms import current_platform

        tokenizer: ChatTokenizer = load_tokenizer(workload.model, catalogue)
        prepared = [prepare(request, tokenizer, positions=POSITIONS) for request in workload.requests]
        jobs = [job for job in prepared if not isinstance(job, Failure)]
        self._prompts = [TokensPrompt(prompt_token_ids=list(job.ids)) for job in jobs]
        self._parameters = [SamplingParams(**sampling_values(job)) for job in jobs]
        device: Literal["processor", "accelerator"] = "processor" if current_platform.is_cpu() else "accelerator"
        self._llm = LLM(**engine_arguments(workload.model, catalogue, device=device))

    def generate(self) -> int:
        """Everything in one call."""
        outputs = self._llm.generate(self._prompts, self._parameters, use_tqdm=False)
        return sum(len(output.outputs[0].token_ids) for output in outputs)

    def close(self) -> None:
        """End its engine process, for which the interpreter would wait at its end."""
        self._llm.llm_engine.engine_core.shutdown()


def long_tail(folder: Path, count: str, repeats: str) -> dict[str, object]:
    """Tokens per second of each way, in an order that turns with every repetition."""
    workload = LongTail(folder, int(count))
    catalogue = folder / "workspace" / "catalogue"
    with closing(PlainVllm(workload, catalogue)) as plain, open_engine(workload.model, catalogue) as engine:
        ways: dict[str, Callable[[], int]] = {
            "vLLM's `LLM.generate`, all prompts in one call": plain.generate,
            "engine `vllm`, all requests at once": lambda: workload.at_once(engine),
            "through the platform into Delta tables": lambda: workload.through_platform(engine),
            f"engine `vllm`, batches of {4 * SEATS} in lock-step": lambda: workload.in_batches(engine, 4 * SEATS),
            f"engine `vllm`, batches of {SEATS} in lock-step": lambda: workload.in_batches(engine, SEATS),
        }
        rates: dict[str, list[float]] = {name: [] for name in ways}
        for repeat in range(int(repeats)):
            names = list(ways)
            turn = repeat % len(names)
            for name in names[turn:] + names[:turn]:
                rates[name].append(_rate(ways[name], workload.tokens))
    return {"workload": _described(workload), "ways": _compared(rates)}


def on_gpu(folder: Path) -> dict[str, object]:
    """Tokens per second of the engine `vllm` with a Llama of 1.2 billion random parameters; empty without a GPU."""
    import torch

    if not torch.cuda.is_available():
        return {}
    from transformers import AutoConfig, AutoModelForCausalLM

    catalogue = folder / "gpu"
    model = endless_model(catalogue, concurrency=512, dtype="bfloat16", compile=True)
    sizes = {
        "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32,
        "num_key_value_heads": 8, "head_dim": 64, "vocab_size": 128_256,
    }  # fmt: skip
    config = AutoConfig.from_pretrained(catalogue / "weights", **sizes)
    network = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    network.save_pretrained(catalogue / "weights")
    parameters = network.num_parameters()
    del network
    workload = LongTail(folder, 1)
    requests = [dataclasses.replace(workload.requests[0], trace_id=str(n), seed=n) for n in range(4096)]
    with open_engine(model, catalogue) as engine:
        _tokens(engine, [_with_limit(request, 16) for request in requests[:512]])
        rate = _rate(lambda: _tokens(engine, [_with_limit(request, 512) for request in requests]), 4096 * 512)
    return {"rate": rate, "device": torch.cuda.get_device_name(), "parameters": parameters}


def endless_model(catalogue: Path, **changes: object) -> VllmModel:
    """The starter model without an end token, so that answers are as long as their limit; adds its catalogue file."""
    weights = catalogue / "weights"
    shutil.copytree(STARTER, weights, dirs_exist_ok=True)
    for file, changed in (
        ("config.json", {"eos_token_id": None}),
        ("generation_config.json", {"eos_token_id": None}),
        ("tokenizer_config.json", {"eos_token": None}),
    ):
        path = weights / file
        path.write_text(json.dumps(json.loads(path.read_text()) | changed))
    entry = {
        "name": MODEL, "engine": "vllm", "path": "./weights", "revision": "1", "license": "Apache-2.0",
        "dtype": "float32", "concurrency": SEATS, "compile": False,
    } | changes  # fmt: skip
    (catalogue / f"{MODEL}.yaml").write_text(yaml.safe_dump(entry))
    return VllmModel.model_validate(entry)


def _with_limit(request: Request, tokens: int) -> Request:
    return dataclasses.replace(request, parameters=dataclasses.replace(request.parameters, max_tokens=tokens))


def _tokens(engine: Engine, requests: Iterable[Request]) -> int:
    results = engine.stream(requests)
    return sum(result.completion_tokens or 0 for result in results if isinstance(result, Completion))


def _rate(work: Callable[[], int], expected: int) -> float:
    started = time.perf_counter()
    tokens = work()
    seconds = time.perf_counter() - started
    assert tokens == expected, f"{tokens} tokens were generated instead of {expected}"
    return tokens / seconds


def _described(workload: LongTail) -> str:
    lengths = sorted(request.parameters.max_tokens for request in workload.requests)
    return (
        f"{len(lengths):,} requests of {workload.tokens:,} tokens: median {lengths[len(lengths) // 2]}, longest "
        f"{lengths[-1]:,}, {sum(length >= 50 * MEDIAN for length in lengths)} of them over 50 medians; "
        f"{SEATS} sequences decoded together."
    )


def _compared(rates: dict[str, list[float]]) -> Sequence[dict[str, object]]:
    """Median and range of each way, and the medians of its shares of the first two, repetition by repetition."""
    plain, engine, *_ = rates.values()
    return [
        {
            "name": name,
            "rate": statistics.median(values),
            "lowest": min(values),
            "highest": max(values),
            "share_of_plain": _share(values, plain),
            "share_of_engine": _share(values, engine),
        }
        for name, values in rates.items()
    ]


def _share(rates: Sequence[float], others: Sequence[float]) -> float:
    return statistics.median(rate / other for rate, other in zip(rates, others, strict=True))


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])))
