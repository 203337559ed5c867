"""What is still to be asked of a model: the requests of a recipe minus those already committed.

The order is deterministic: temperature by temperature, so that partitions finish one after the other, then prompt by
prompt, then sample by sample, so that samples of one prompt meet in one batch.
"""

from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from openreason_dagster.domain import provenance
from openreason_dagster.domain.catalogue_entry import CatalogueModel, DatasetModel
from openreason_dagster.domain.inference.fingerprint import fingerprint, sampling_record
from openreason_dagster.domain.inference.prompts import build_messages
from openreason_dagster.domain.recipe import IMPORTED, temperature_key
from openreason_dagster.domain.recipe_sampling import Sampling
from openreason_dagster.domain.records import Request, SamplingParameters

SamplesAvailable = Callable[[str], int]
"""How many samples of a prompt's text exist; for imported traces, where no more can be had."""


@dataclass(frozen=True, kw_only=True)
class TemperaturePlan:
    """What is asked at one temperature."""

    key: str
    """Partition key, e.g. `0.6`, or `imported`."""
    temperature: float | None
    """None where an imported set does not state it."""
    record: Mapping[str, object]
    """Every part of the fingerprint."""
    fingerprint: str
    parameters: SamplingParameters


@dataclass(frozen=True, kw_only=True)
class SamplingPlan:
    """What one run asks of one model."""

    model: str
    is_imported: bool
    """Whether the traces were sampled elsewhere, so that our seeds had no part in them."""
    most_samples: int
    """Most samples of one prompt at one temperature."""
    template: str
    system_prompt: str | None
    temperatures: tuple[TemperaturePlan, ...]

    def at(self, key: str) -> TemperaturePlan:
        """The plan of one temperature key; KeyError if the plan lacks it."""
        return {temperature.key: temperature for temperature in self.temperatures}[key]


@dataclass(frozen=True)
class RequestCount:
    """Requests of one temperature."""

    planned: int
    committed: int

    @property
    def pending(self) -> int:
        """Requests left to do."""
        return self.planned - self.committed


def applicable_temperatures(model: CatalogueModel, keys: Sequence[str]) -> list[str]:
    """Those of the recipe's temperature keys that a model can be sampled at.

    Imported traces exist only at the temperature they state, or under `imported`; every other model can be sampled at
    any temperature but `imported`.
    """
    if isinstance(model, DatasetModel):
        own = temperature_key(IMPORTED if model.temperature is None else model.temperature)
        return [key for key in keys if key == own]
    return [key for key in keys if key != IMPORTED]


def build_plan(
    model: CatalogueModel,
    sampling: Sampling,
    *,
    temperature_keys: Sequence[str],
    template: str,
    weights: Mapping[str, str],
) -> SamplingPlan:
    """The plan of one model at the temperature keys that apply to it.

    Args:
        model: The catalogue entry.
        sampling: The recipe's sampling section.
        temperature_keys: Partition keys of the run; those that do not apply to the model are left out.
        template: Text of the prompt template.
        weights: What `fingerprint.weights_identity` found.
    """

    def at(key: str) -> TemperaturePlan:
        temperature = None if key == IMPORTED else float(key)
        record = sampling_record(model, sampling, temperature=temperature, template=template, weights=weights)
        parameters = SamplingParameters(
            temperature=temperature or 0.0,
            top_p=sampling.top_p,
            top_k=sampling.top_k,
            max_tokens=sampling.max_tokens,
            stop=tuple(sampling.stop),
            logprobs=sampling.logprobs,
        )
        return TemperaturePlan(
            key=key, temperature=temperature, record=record, fingerprint=fingerprint(record), parameters=parameters
        )

    return SamplingPlan(
        model=model.name,
        is_imported=isinstance(model, DatasetModel),
        most_samples=sampling.most_samples,
        template=template,
        system_prompt=sampling.system_prompt,
        temperatures=tuple(at(key) for key in applicable_temperatures(model, temperature_keys)),
    )


def pending_requests(
    prompts: pl.DataFrame,
    plan: SamplingPlan,
    *,
    committed: Container[str],
    samples_available: SamplesAvailable | None = None,
) -> Iterator[Request]:
    """Yield, lazily, the planned requests that are not committed yet.

    Args:
        prompts: At least the columns prompt_id and prompt, in the pool's order.
        plan: What is asked.
        committed: trace_id of every trace already in the table.
        samples_available: Limits the samples of a prompt to those that exist.
    """
    for temperature in plan.temperatures:
        for prompt_id, prompt in prompts.select("prompt_id", "prompt").iter_rows():
            for index in range(_samples(prompt, plan, samples_available)):
                if _trace_id(prompt_id, plan, temperature, sample_index=index) not in committed:
                    yield request_of(prompt_id, prompt, plan, temperature, sample_index=index)


def request_of(
    prompt_id: str, prompt: str, plan: SamplingPlan, temperature: TemperaturePlan, *, sample_index: int
) -> Request:
    """One sample as it is asked of the model."""
    return Request(
        trace_id=_trace_id(prompt_id, plan, temperature, sample_index=sample_index),
        prompt_id=prompt_id,
        prompt=prompt,
        messages=build_messages(prompt, plan.template, plan.system_prompt),
        temperature_key=temperature.key,
        sample_index=sample_index,
        seed=provenance.request_seed(prompt_id, plan.model, temperature=temperature.key, sample_index=sample_index),
        parameters=temperature.parameters,
    )


def count_requests(
    prompts: pl.DataFrame,
    plan: SamplingPlan,
    *,
    committed: Container[str],
    samples_available: SamplesAvailable | None = None,
) -> dict[str, RequestCount]:
    """Planned and already committed requests per temperature key; same arguments as `pending_requests`."""
    counts = {}
    for temperature in plan.temperatures:
        are_committed = Counter(
            _trace_id(prompt_id, plan, temperature, sample_index=index) in committed
            for prompt_id, prompt in prompts.select("prompt_id", "prompt").iter_rows()
            for index in range(_samples(prompt, plan, samples_available))
        )
        counts[temperature.key] = RequestCount(are_committed.total(), are_committed[True])
    return counts


def _samples(prompt: str, plan: SamplingPlan, samples_available: SamplesAvailable | None) -> int:
    if samples_available is None:
        return plan.most_samples
    return min(plan.most_samples, samples_available(prompt))


def _trace_id(prompt_id: str, plan: SamplingPlan, temperature: TemperaturePlan, *, sample_index: int) -> str:
    return provenance.trace_id(
        prompt_id,
        plan.model,
        temperature=temperature.key,
        sample_index=sample_index,
        fingerprint=temperature.fingerprint,
    )
