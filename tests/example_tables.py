"""A small run with known counts, as real frames with the tables' schemas."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime

import polars as pl

from openreason_dagster.domain.recipe import RewardWeights
from openreason_dagster.domain.rewards.score import score_batch
from openreason_dagster.domain.schemas import TABLES

NOW = datetime(2025, 6, 1, tzinfo=UTC)
IS_CORRECT = {"correct": True, "incorrect": False}
VERDICTS = {
    ("large", "0.3"): ["correct"] * 5 + ["incorrect"] * 2 + ["truncated"],
    ("large", "1.2"): ["correct"] * 2 + ["incorrect"] * 5 + ["timeout"],
    ("small", "0.3"): ["correct"] * 1 + ["incorrect"] * 7,
    ("small", "imported"): ["abstained"] * 2,
}
"""Verdicts of the traces of each model and temperature, all for one prompt."""


def filled_rows(name: str, rows: Iterable[dict[str, object]]) -> pl.LazyFrame:
    """Rows of a table; columns that a row does not give are null if they may be, else have any value of their type."""
    blank = {
        column.name: None if column.nullable else {"Int64": 1, "Float64": 1.0}.get(str(column.dtype), "x")
        for column in TABLES[name].columns
    }
    return TABLES[name].frame(blank | row for row in rows).lazy()


def small_run(
    prompt: str = "What is 2 + 3?", reasoning: str = "so 2+3=5", answer: str = "5"
) -> dict[str, pl.LazyFrame]:
    """Tables of a run over one prompt with the verdicts of VERDICTS."""
    pool = TABLES["prompt_pool"].frame([seed("p0", prompt)])
    rows = [
        row(model, temperature, index, verdict=verdict, reasoning=reasoning, answer=answer)
        for (model, temperature), verdicts in VERDICTS.items()
        for index, verdict in enumerate(verdicts)
    ]
    sampled = TABLES["sampled_traces"].frame([sample for sample, _ in rows])
    verified = TABLES["verified_traces"].frame([judged for _, judged in rows])
    joined = sampled.join(verified.select("trace_id", "is_correct"), on="trace_id").with_columns(language=pl.lit("en"))
    keys = [{key: sample[key] for key in ("trace_id", "prompt_id", "model", "temperature")} for sample, _ in rows]
    frames = {
        "seed_prompts": TABLES["seed_prompts"].frame([seed(f"p{number}", prompt) for number in range(4)]),
        "prompt_pool": pool,
        "prompt_pool_dropped": TABLES["prompt_pool_dropped"].frame(
            [dropped("p1", "duplicate"), dropped("p2", "duplicate"), dropped("p3", "contaminated")]
        ),
        "sampled_traces": sampled,
        "verified_traces": verified,
        "scored_traces": score_batch(joined, RewardWeights()),
        "prompt_statistics": TABLES["prompt_statistics"].frame(
            [statistics("large", "0.3"), statistics("small", "0.3")]
        ),
        "reasoning_data": TABLES["reasoning_data"].frame(
            [key | {"domain": "math", "reward_total": 3.0, "rank": 1} for key in keys[:4]]
        ),
        "reasoning_data_dropped": TABLES["reasoning_data_dropped"].frame(
            [key | {"reason": "not_correct"} for key in keys[4:]]
        ),
        "sft_mix": TABLES["sft_mix"].frame([mixed(key, prompt) for key in keys[:3]]),
        "sft_mix_dropped": TABLES["sft_mix_dropped"].frame(
            [keys[3] | {"component": "reasoning_data", "reason": "over_row_limit"}]
        ),
    }
    return {name: frame.lazy() for name, frame in frames.items()}


def seed(prompt_id: str, prompt: str) -> dict[str, object]:
    return {
        "prompt_id": prompt_id, "source": "sums", "source_row_id": "0", "domain": "math", "language": "en",
        "prompt": prompt, "reference_answer": "5", "solution": None, "verifier": "math", "verifier_spec": "{}",
        "license": "Apache-2.0", "topic": prompt,
    }  # fmt: skip


def dropped(prompt_id: str, reason: str) -> dict[str, object]:
    return {
        "prompt_id": prompt_id, "source": "sums", "source_row_id": "0", "prompt": "?", "reason": reason, "detail": "p0",
    }  # fmt: skip


def row(
    model: str, temperature: str, index: int, *, verdict: str, reasoning: str, answer: str
) -> tuple[dict[str, object], dict[str, object]]:
    key: dict[str, object] = {
        "trace_id": f"{model}-{temperature}-{index}", "prompt_id": "p0", "model": model, "temperature": temperature,
    }  # fmt: skip
    sampled = key | {
        "sample_index": index, "fingerprint": "f" * 32, "reasoning": reasoning, "answer": answer,
        "think_state": "opened_by_template", "finish_reason": "stop", "prompt_tokens": 7,
        "completion_tokens": None if temperature == "imported" else 10 + index, "sampling_temperature": None,
        "seed": 2**62 + 1, "attempts": 1, "sampling_record": json.dumps({"top_p": 0.95}), "environment": "{}",
        "run_id": "run", "sampled_at": NOW,
    }  # fmt: skip
    verified = key | {
        "verdict": verdict, "is_correct": IS_CORRECT.get(verdict), "extracted_answer": answer, "reference_answer": "5",
        "method": "math/literal", "message": "compared as numbers", "milliseconds": 0.1, "verifier_version": "1",
        "verified_at": NOW,
    }  # fmt: skip
    return sampled, verified


def statistics(model: str, temperature: str) -> dict[str, object]:
    return {
        "prompt_id": "p0", "model": model, "temperature": temperature, "domain": "math", "samples": 8, "judged": 7,
        "correct": 5, "pass_at_1": 0.5, "pass_at_2": 0.75, "pass_at_4": 1.0, "pass_at_8": None, "majority_answer": "5",
        "is_majority_correct": True, "difficulty_band": "medium",
    }  # fmt: skip


def mixed(key: dict[str, object], prompt: str) -> dict[str, object]:
    return key | {
        "split": "validation" if key["trace_id"] == "large-0.3-0" else "train", "component": "reasoning_data",
        "domain": "math", "language": "en", "source": "sums", "license": "Apache-2.0",
        "messages": [{"role": "user", "content": prompt}], "completion_tokens": 10, "reward_total": 3.0,
    }  # fmt: skip
