"""Prompts with the verdict and the length of many samples each: recorded rollouts, and starter models sampled now."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from openreason_dagster.domain.catalogue import load_model
from openreason_dagster.domain.provenance import request_seed
from openreason_dagster.domain.records import Completion, Failure, Message, Request, SamplingParameters
from openreason_dagster.resources.engines.open_engine import open_engine
from starter.evaluate import LONGEST_COMPLETION, held_out_problems, is_correct

REPOSITORY = Path(__file__).parents[1]
CATALOGUE = REPOSITORY / "catalogue"
RECORDED = REPOSITORY / "tests/data/recorded_pass_rates/llama3b_step400_amc23.jsonl"
TEMPERATURE = 0.6


@dataclass(frozen=True)
class Sample:
    """One completion: whether it is correct, and its length in tokens (recorded rollouts: in characters)."""

    is_correct: bool
    length: int


Prompt = Sequence[Sample]


def recorded_rollouts() -> list[Prompt]:
    """50 samples for each of 40 AMC-23 problems."""
    rows = pl.read_ndjson(RECORDED).select("correct", "characters").iter_rows()
    return [
        [Sample(bool(mark), length) for mark, length in zip(correct, characters, strict=True)]
        for correct, characters in rows
    ]


def starter_samples(name: str, *, problems_each: int, samples: int) -> list[Prompt]:
    """So many held-out problems of every family, each answered so many times by a starter model."""
    problems = held_out_problems(problems_each)
    answers: list[list[Sample]] = [[] for _ in problems]
    with open_engine(load_model(CATALOGUE, name, variables={}), CATALOGUE) as engine:
        requests = (
            _request(problem.question, name, number, index)
            for number, problem in enumerate(problems)
            for index in range(samples)
        )
        for result in engine.stream(requests):
            number = int(result.request.prompt_id)
            answers[number].append(_sample(result, problems[number].answer))
    return answers


def _request(question: str, model: str, number: int, index: int) -> Request:
    key = str(TEMPERATURE)
    return Request(
        trace_id=f"{number}-{index}",
        prompt_id=str(number),
        prompt=question,
        messages=(Message(role="user", content=question),),
        temperature_key=key,
        sample_index=index,
        seed=request_seed(str(number), model, temperature=key, sample_index=index),
        parameters=SamplingParameters(temperature=TEMPERATURE, top_p=1.0, top_k=None, max_tokens=LONGEST_COMPLETION),
    )


def _sample(result: Completion | Failure, answer: str) -> Sample:
    assert isinstance(result, Completion), f"a starter model failed to answer: {result}"
    assert result.completion_tokens is not None
    return Sample(is_correct(result.text, answer), result.completion_tokens)
