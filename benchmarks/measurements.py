"""What is measured, one function per child process. Arguments: name, folder, values; prints one JSON object."""

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import dagster as dg
import polars as pl

from openreason_dagster.commands.dagster_home import dagster_instance
from openreason_dagster.definitions import build_definitions, tables_of, workspace_of
from openreason_dagster.domain.catalogue_entry import TransformersModel
from openreason_dagster.domain.inference.engine import Engine
from openreason_dagster.domain.inference.fingerprint import weights_identity
from openreason_dagster.domain.inference.plan import build_plan, pending_requests
from openreason_dagster.domain.inference.prompts import read_template
from openreason_dagster.domain.inference.reasoning import split_completion
from openreason_dagster.domain.inference.sampler import Progress
from openreason_dagster.domain.records import Completion, Failure, Request
from openreason_dagster.domain.verification.registry import Comparison
from openreason_dagster.domain.verification.verify import verify_batch
from openreason_dagster.domain.verification.workers import CHUNK
from openreason_dagster.partitions import MODELS, range_tags
from openreason_dagster.resources.engines.open_engine import open_engine
from openreason_dagster.resources.engines.transformers import TransformersEngine
from openreason_dagster.resources.progress import ProgressListener
from openreason_dagster.resources.settings import Settings
from openreason_dagster.resources.verification_workers import verification_workers

CATALOGUE = Path(__file__).parents[1] / "catalogue"
ROLLOUTS = Path(__file__).parents[1] / "tests/data/rg_math_rollouts/llama3b_step400_amc23.jsonl.gz"
MODEL = "starter-base"
Figures = dict[str, float]


def settings_of(folder: Path, root: str) -> Settings:
    """The copied recipe with the checkout's catalogue, and one of the folder's roots."""
    return Settings(root=folder / root, recipe=folder / "recipes" / "starter.yaml", catalogue=CATALOGUE)


def build_pool(folder: Path) -> Figures:
    """Collect seeds and build the prompt pool in root `pool`, which sampling starts from."""
    settings = settings_of(folder, "pool")
    recipe = workspace_of(settings).recipe()
    ends = {
        "dagster/asset_partition_range_start": recipe.sources[0].name,
        "dagster/asset_partition_range_end": recipe.sources[-1].name,
    }
    with dagster_instance(settings) as instance:
        defs = build_definitions(settings)
        for job, tags in (("collect_seeds", ends), ("build_pool", {})):
            defs.resolve_job_def(job).execute_in_process(instance=instance, tags=tags, run_config=_quiet())
    return {"prompts": tables_of(settings).scan("prompt_pool").select(pl.len()).collect().item()}


class LastProgress(ProgressListener):
    """Keeps the last progress: all of it is committed."""

    last: Progress

    def advanced(self, model: str, progress: Progress, *, money: float, acceptance: float | None) -> None:
        """Remember it."""
        del model, money, acceptance
        self.last = progress


def sample_through_platform(folder: Path, root: str) -> Figures:
    """The asset `sampled_traces` of one model as a Dagster run into Delta tables."""
    settings, listener = settings_of(folder, root), LastProgress()
    in_engine = _time_in_engine()
    recipe = workspace_of(settings).recipe()
    with dagster_instance(settings) as instance:
        instance.add_dynamic_partitions(MODELS.name or "", [MODEL])
        job = build_definitions(settings, resources={"progress": listener}).resolve_job_def("sample_model")
        started = time.perf_counter()
        job.execute_in_process(
            instance=instance,
            tags=range_tags(MODEL, recipe),
            run_config=_quiet(),
            asset_selection=[dg.AssetKey("sampled_traces")],
        )
        whole = time.perf_counter() - started
    share = sum(in_engine) / listener.last.seconds
    return _rate(listener.last.tokens, listener.last.seconds) | {"whole_seconds": whole, "engine_share": share}


def _time_in_engine() -> list[float]:
    """From now on, collect the seconds that the engine takes for each result: the rest of a run is the platform's."""
    stream, taken = TransformersEngine.stream, []

    def timed(engine: TransformersEngine, requests: Iterable[Request]) -> Iterator[Completion | Failure]:
        results = stream(engine, requests)
        while True:
            started = time.perf_counter()
            result = next(results, None)
            taken.append(time.perf_counter() - started)
            if result is None:
                return
            yield result

    TransformersEngine.stream = timed  # type: ignore[method-assign]
    return taken


def sample_with_engine(folder: Path, threads: str) -> Figures:
    """The same requests given to the same engine, results thrown away; `threads` may differ from the catalogue's."""
    with _engine(folder, threads) as (engine, requests):
        started = time.perf_counter()
        completions = (result for result in engine.stream(requests) if isinstance(result, Completion))
        tokens = sum(completion.completion_tokens or 0 for completion in completions)
        return _rate(tokens, time.perf_counter() - started)


def sample_with_generate(folder: Path) -> Figures:
    """The same requests in fixed batches of the engine's size through `generate` of Transformers, same thread count."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    settings = settings_of(folder, "pool")
    model = workspace_of(settings).model(MODEL)
    assert isinstance(model, TransformersModel)
    torch.set_num_threads(model.threads or torch.get_num_threads())
    path = CATALOGUE / model.path
    tokenizer = AutoTokenizer.from_pretrained(path, padding_side="left")
    network = AutoModelForCausalLM.from_pretrained(path, dtype=getattr(torch, model.dtype)).eval()
    requests, tokens = _requests(settings, model), 0
    started = time.perf_counter()
    for temperature, group in groupby(requests, key=lambda request: request.parameters.temperature):
        alike = list(group)
        for first in range(0, len(alike), model.batch_size):
            batch = alike[first : first + model.batch_size]
            inputs = tokenizer([_rendered(tokenizer, each) for each in batch], return_tensors="pt", padding=True)
            written = network.generate(
                input_ids=inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
                do_sample=True,
                temperature=temperature,
                top_k=0,
                top_p=1.0,
                max_new_tokens=batch[0].parameters.max_tokens,
            )[:, inputs["input_ids"].shape[1] :]
            tokenizer.batch_decode(written, skip_special_tokens=True)
            tokens += int((written != tokenizer.pad_token_id).sum())
    return _rate(tokens, time.perf_counter() - started)


def verify_in_workers(folder: Path, data: str, root: str) -> Figures:
    """One pass of `verify_batch` over traces that its worker processes, started before, have never seen."""
    settings = settings_of(folder, root)
    rows = _answers(settings, data)
    with verification_workers(workspace_of(settings).recipe().verification) as workers:
        starting = _seconds(lambda: list(workers.judge(_unrelated())))
        started = time.perf_counter()
        verdicts = verify_batch(rows, workers, now=datetime.now(UTC))
        seconds = time.perf_counter() - started
    return {
        "rate": rows.height / seconds,
        "traces": rows.height,
        "distinct": rows.select("reference_answer", "answer").n_unique(),
        "correct": int(verdicts["is_correct"].sum()),
        "starting_seconds": starting,
    }


def verify_in_turn(folder: Path, data: str, root: str) -> Figures:
    """Every trace in turn through `parse` and `verify` of Math-Verify in this process, warmed up before.

    It is given the answer alone where the data set states it, for it does not know every way to mark one.
    """
    from math_verify import parse, verify

    rows = _answers(settings_of(folder, root), data)
    pairs = list(rows.select("reference_answer", "stated_answer").iter_rows())
    for comparison in _unrelated():
        verify(parse(f"${comparison.reference}$"), parse(comparison.answer))
    correct = 0
    started = time.perf_counter()
    for reference, answer in pairs:
        correct += verify(parse(f"${reference}$"), parse(answer))
    seconds = time.perf_counter() - started
    return {"rate": len(pairs) / seconds, "traces": len(pairs), "correct": correct}


def load_code_location(folder: Path) -> Figures:
    """Import and validate the definitions, as a code server does; the parent takes the time of the whole process."""
    dg.Definitions.validate_loadable(build_definitions(settings_of(folder, "pool")))
    return {"heavy_imports": sum(name in sys.modules for name in ("torch", "transformers", "datasets"))}


@contextmanager
def _engine(folder: Path, threads: str) -> Iterator[tuple[Engine, list[Request]]]:
    settings = settings_of(folder, "pool")
    model = workspace_of(settings).model(MODEL)
    if threads != "catalogue":
        model = model.model_copy(update={"threads": int(threads)})
    with open_engine(model, CATALOGUE) as engine:
        yield engine, _requests(settings, model)


def _requests(settings: Settings, model: TransformersModel) -> list[Request]:
    workspace = workspace_of(settings)
    recipe = workspace.recipe()
    plan = build_plan(
        model,
        recipe.sampling,
        temperature_keys=recipe.temperature_keys,
        template=read_template(recipe.sampling.template, recipe_folder=workspace.recipe_folder),
        weights=weights_identity(model, CATALOGUE),
    )
    prompts = tables_of(settings).scan("prompt_pool").select("prompt_id", "prompt").collect()
    return list(pending_requests(prompts, plan, committed=set()))


def _rendered(tokenizer: object, request: Request) -> str:
    turns = [{"role": message.role, "content": message.content} for message in request.messages]
    return tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)


def _answers(settings: Settings, data: str) -> pl.DataFrame:
    """Traces with a reference to compare by Math-Verify: those just sampled, or rollouts on competition problems."""
    if data == "rollouts":
        return _rollouts()
    tables = tables_of(settings)
    columns = ("prompt_id", "reference_answer", "verifier", "verifier_spec")
    prompts = tables.scan("prompt_pool").select(columns).filter(pl.col("verifier") == "math")
    traces = tables.scan("sampled_traces").join(prompts, on="prompt_id")
    return traces.with_columns(stated_answer="answer").collect()


def _rollouts() -> pl.DataFrame:
    rows = []
    for number, problem in enumerate(pl.read_ndjson(ROLLOUTS).iter_rows(named=True)):
        for index, completion in enumerate(problem["completions"]):
            split = split_completion(completion["full_model_response"], opened_think=False, reasoning=None)
            rows.append({
                "trace_id": f"{number}-{index}", "prompt_id": str(number),
                "model": "llama3b", "temperature": "imported",
                "answer": split.answer, "stated_answer": f"${completion['model_answer']}$",
                "think_state": split.think_state.value, "finish_reason": "stop",
                "reference_answer": str(problem["expected_answer"]), "verifier": "math", "verifier_spec": "{}",
            })  # fmt: skip
    return pl.DataFrame(rows)


def _unrelated() -> list[Comparison]:
    """Symbolic comparisons enough to give each of several workers a chunk."""
    return [
        Comparison(
            kind="math",
            reference=rf"\frac{{\sqrt{{{number}}}}}{{{number}}}",
            spec_json="{}",
            answer=rf"\boxed{{\frac{{1}}{{\sqrt{{{number}}}}}}}",
        )
        for number in range(2, 2 + 4 * CHUNK)
    ]


def _rate(tokens: int, seconds: float) -> Figures:
    return {"rate": tokens / seconds, "tokens": tokens, "seconds": seconds}


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _quiet() -> dict[str, object]:
    return {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])))
