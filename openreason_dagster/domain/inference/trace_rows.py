"""From completions and failures to rows of the tables they are committed to."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime

import polars as pl

from openreason_dagster.domain.inference.plan import SamplingPlan
from openreason_dagster.domain.inference.reasoning import split_completion
from openreason_dagster.domain.records import Completion, Failure, Request
from openreason_dagster.domain.schemas import SAMPLED_TRACES, SAMPLING_FAILURES


def trace_rows(
    completions: Iterable[Completion],
    plan: SamplingPlan,
    *,
    environment: Mapping[str, str],
    run_id: str,
    sampled_at: datetime,
) -> pl.DataFrame:
    """Rows of `sampled_traces`. What an imported set does not state is null."""
    shared = {
        "environment": json.dumps(dict(environment), sort_keys=True, ensure_ascii=False),
        "run_id": run_id,
        "sampled_at": sampled_at,
    }
    records = {temperature.key: record_as_text(temperature.record) for temperature in plan.temperatures}
    return SAMPLED_TRACES.frame(
        _trace_row(completion, plan, records[completion.request.temperature_key]) | shared for completion in completions
    )


def record_as_text(record: Mapping[str, object]) -> str:
    """A sampling record as the JSON that tables hold; equal records give equal texts."""
    return json.dumps(dict(record), sort_keys=True, ensure_ascii=False)


def failure_rows(failures: Iterable[Failure], plan: SamplingPlan, *, run_id: str, failed_at: datetime) -> pl.DataFrame:
    """Rows of `sampling_failures`."""
    return SAMPLING_FAILURES.frame(
        _request_keys(failure.request, plan)
        | {
            "error": failure.error,
            "message": failure.message,
            "attempts": failure.attempts,
            "run_id": run_id,
            "failed_at": failed_at,
        }
        for failure in failures
    )


def _trace_row(completion: Completion, plan: SamplingPlan, record: str) -> dict[str, object]:
    request = completion.request
    split = split_completion(completion.text, completion.opened_think, completion.reasoning)
    return _request_keys(request, plan) | {
        "reasoning": split.reasoning,
        "answer": split.answer,
        "think_state": split.think_state.value,
        "finish_reason": completion.finish_reason,
        "prompt_tokens": completion.prompt_tokens,
        "completion_tokens": completion.completion_tokens,
        "sampling_temperature": plan.at(request.temperature_key).temperature,
        "seed": request.seed if completion.used_seed else None,
        "token_logprobs": completion.token_logprobs,
        "attempts": completion.attempts,
        "sampling_record": record,
        "imported_record": completion.imported,
    }


def _request_keys(request: Request, plan: SamplingPlan) -> dict[str, object]:
    return {
        "trace_id": request.trace_id,
        "prompt_id": request.prompt_id,
        "model": plan.model,
        "temperature": request.temperature_key,
        "sample_index": request.sample_index,
        "fingerprint": plan.at(request.temperature_key).fingerprint,
    }
