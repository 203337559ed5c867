"""Requests to a served model, and a table that takes each result once."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fault_server import ERRORS, HARMLESS, PUT_OFF, planned_fault, text_for

from openreason_dagster.domain.catalogue_entry import OpenAIModel
from openreason_dagster.domain.inference.sampler import Batch, sample
from openreason_dagster.domain.records import Completion, Failure, Message, Request, SamplingParameters
from openreason_dagster.resources.engines.openai import OpenAIEngine
from openreason_dagster.resources.engines.patience import Patience

KEY = "sk-very-secret"
QUICK = Patience(backoff_seconds=0.001, longest_wait_seconds=0.01, gone_seconds=0.1, refused_seconds=30.0)


def model_of(base_url: str | list[str], **changes: Any) -> OpenAIModel:
    values = {
        "name": "m",
        "revision": "1",
        "license": "x",
        "engine": "openai",
        "base_url": base_url,
        "served_model": "served",
        "api_key": KEY,
        "timeout_seconds": 20.0,
    }
    path: Path | None = None
    return OpenAIModel.from_values(values | changes, path=path)


def requests_of(count: int, *, samples: int = 1, **changes: Any) -> list[Request]:
    """`samples` requests for each of `count` questions, neighbours of each other."""
    parameters = SamplingParameters(**({"temperature": 0.6, "top_p": 0.9, "top_k": None, "max_tokens": 8} | changes))
    return [
        Request(
            trace_id=f"{index}/{sample_index}",
            prompt_id=str(index),
            prompt=f"question {index}",
            messages=(Message(role="user", content=f"question {index}"),),
            temperature_key="0.6",
            sample_index=sample_index,
            seed=2**63 - 1 - index - count * sample_index,
            parameters=parameters,
        )
        for index in range(count)
        for sample_index in range(samples)
    ]


def expected_outcome(request: Request, seed: int, rates: dict[str, float]) -> tuple[str, int]:
    """Text or failure class, and attempts, by a fault server's schedule; a request that is put off is asked again."""
    attempt, asked = 0, 0
    while True:
        asked += 1
        fault = planned_fault(seed, request.prompt, asked, rates)
        if fault in PUT_OFF:
            continue
        attempt += 1
        if fault is None or fault in HARMLESS:
            return text_for(request.prompt, request.seed), attempt
        if attempt == 3 or fault == "http_400":
            return ERRORS[fault], attempt


class Table:
    """What was committed: at most one completion per request, and the last failure of those that have none."""

    def __init__(self) -> None:
        self.completions: dict[str, Completion] = {}
        self.failures: dict[str, Failure] = {}

    def store(self, batch: Batch) -> None:
        for result in batch.results:
            trace_id = result.request.trace_id
            assert trace_id not in self.completions, "answered twice"
            if isinstance(result, Completion):
                self.completions[trace_id] = result
                self.failures.pop(trace_id, None)
            else:
                assert trace_id not in self.failures or self.failures[trace_id] is not result
                self.failures[trace_id] = result

    def pending(self, requests: Iterable[Request]) -> list[Request]:
        return [request for request in requests if request.trace_id not in self.completions]

    def fill(self, engine: OpenAIEngine, requests: Iterable[Request], **changes: Any) -> None:
        """Sample into this table; raises what sampling raises."""
        sample(
            engine,
            requests,
            **{
                "store": self.store,
                "stored": lambda batch, judged: None,
                "totals": lambda: {"0.6": 0},
                "commit_rows": 7,
                "commit_seconds": 60.0,
                "progress": lambda progress: None,
            }
            | changes,
        )
