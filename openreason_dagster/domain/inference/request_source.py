"""What a run still has to ask: the same number of samples of every prompt, or rounds until each prompt is settled."""

from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from openreason_dagster.domain.inference.adaptive import Decision, SamplingRule
from openreason_dagster.domain.inference.plan import (
    RequestCount,
    SamplesAvailable,
    SamplingPlan,
    count_requests,
    pending_requests,
    request_of,
)
from openreason_dagster.domain.records import Completion, Failure, Request

Outcomes = Mapping[tuple[str, str], tuple[int, int]]
"""Per temperature key and prompt_id, bit masks over sample numbers: which are committed and judged, which correct."""


class RequestSource(ABC):
    """The requests of one run of one model; iterate over it once."""

    @abstractmethod
    def __iter__(self) -> Iterator[Request | None]:
        """Requests in a deterministic order; None where the next one depends on results that are still to come."""

    @abstractmethod
    def record(self, result: Completion | Failure, *, is_correct: bool) -> None:
        """Take note of a committed result. A completion that could not be judged is none that is correct."""

    @abstractmethod
    def totals(self) -> Mapping[str, int]:
        """Requests of this run per temperature key, as far as they are known now."""

    @abstractmethod
    def is_settled(self, key: str) -> bool:
        """Whether all results of a temperature are recorded and no more requests can come."""

    def awaits_results(self) -> bool:
        """Whether nothing can be asked now because results are not yet recorded."""
        return False


class FixedSamples(RequestSource):
    """The same number of samples of every prompt, as far as they exist, without those already committed."""

    def __init__(
        self,
        prompts: pl.DataFrame,
        plan: SamplingPlan,
        *,
        committed: Container[str],
        samples_available: SamplesAvailable | None = None,
    ) -> None:
        self._requests = pending_requests(prompts, plan, committed=committed, samples_available=samples_available)
        self.counts: Mapping[str, RequestCount] = count_requests(
            prompts, plan, committed=committed, samples_available=samples_available
        )
        self._left = Counter({key: count.pending for key, count in self.counts.items()})

    def __iter__(self) -> Iterator[Request | None]:
        return self._requests

    def record(self, result: Completion | Failure, *, is_correct: bool) -> None:
        """Count it; whether it is correct plays no part."""
        del is_correct
        self._left[result.request.temperature_key] -= 1

    def totals(self) -> Mapping[str, int]:
        """All requests that were not committed when the run began."""
        return {key: count.pending for key, count in self.counts.items()}

    def is_settled(self, key: str) -> bool:
        """Whether every request of a temperature is answered."""
        return not self._left[key]


@dataclass(slots=True)
class _OpenPrompt:
    """A prompt with requests to ask or in flight."""

    key: str
    prompt_id: str
    prompt: str
    end: int
    """Samples asked for so far."""
    answered: int
    """Bit mask of the samples that are answered."""
    correct: int
    """Bit mask of those that are correct."""
    in_flight: int = 0
    has_failed: bool = False

    @property
    def missing(self) -> list[int]:
        """Numbers of the samples asked for and not answered."""
        return [index for index in range(self.end) if not self.answered >> index & 1]


class Rounds(RequestSource):
    """Rounds of samples, prompt by prompt, until the rule says that a prompt is settled.

    What is decided depends only on the verdicts of the prompt's own first samples, so kills and restarts lead to the
    same rows. A prompt of which a request failed waits for the next run, which asks again. Prompts of later
    temperatures are asked while verdicts on earlier ones are outstanding, so that the engine always has work.
    """

    def __init__(self, prompts: pl.DataFrame, plan: SamplingPlan, rule: SamplingRule, outcomes: Outcomes) -> None:
        self._prompts = prompts.select("prompt_id", "prompt")
        self._plan = plan
        self._rule = rule
        self._outcomes = outcomes
        self._open: dict[tuple[str, str], _OpenPrompt] = {}
        self._ready: deque[_OpenPrompt] = deque()
        self._awaits_results = False
        self._totals: Counter[str] = Counter(dict.fromkeys((each.key for each in plan.temperatures), 0))
        self._unsettled: Counter[str] = Counter()
        for prompt in self._first_rounds():
            self._totals[prompt.key] += len(prompt.missing)
            self._unsettled[prompt.key] += 1

    def __iter__(self) -> Iterator[Request | None]:
        first_rounds = self._first_rounds()
        while True:
            prompt = self._ready.popleft() if self._ready else next(first_rounds, None)
            if prompt is not None:
                yield from self._round(prompt)
            elif self._open:
                self._awaits_results = True
                yield None
                self._awaits_results = False
            else:
                return

    def record(self, result: Completion | Failure, *, is_correct: bool) -> None:
        """Take note of a result; the last one of a prompt's round decides about its next."""
        request = result.request
        prompt = self._open[request.temperature_key, request.prompt_id]
        prompt.in_flight -= 1
        if isinstance(result, Failure):
            prompt.has_failed = True
        else:
            prompt.answered |= 1 << request.sample_index
            prompt.correct |= int(is_correct) << request.sample_index
        if not prompt.in_flight:
            self._end_round(prompt)

    def totals(self) -> Mapping[str, int]:
        """Requests of the rounds begun so far, first rounds included; it grows while prompts go on."""
        return self._totals

    def is_settled(self, key: str) -> bool:
        """Whether every prompt of a temperature is settled, or waits for the next run."""
        return not self._unsettled[key]

    def awaits_results(self) -> bool:
        """Whether all first rounds are asked and every prompt that is not settled waits for its verdicts."""
        return self._awaits_results

    def _first_rounds(self) -> Iterator[_OpenPrompt]:
        """Every prompt that is not settled, with the round that committed samples have left open."""
        for temperature in self._plan.temperatures:
            for prompt_id, text in self._prompts.iter_rows():
                answered, correct = self._outcomes.get((temperature.key, prompt_id), (0, 0))
                end = _round_to_ask(self._rule, answered, correct)
                if end is not None:
                    yield _OpenPrompt(temperature.key, prompt_id, text, end, answered, correct)

    def _round(self, prompt: _OpenPrompt) -> Iterator[Request]:
        missing = prompt.missing
        prompt.in_flight = len(missing)
        self._open[prompt.key, prompt.prompt_id] = prompt
        temperature = self._plan.at(prompt.key)
        for index in missing:
            yield request_of(prompt.prompt_id, prompt.prompt, self._plan, temperature, sample_index=index)

    def _end_round(self, prompt: _OpenPrompt) -> None:
        end = None if prompt.has_failed else _round_to_ask(self._rule, prompt.answered, prompt.correct)
        if end is None:
            del self._open[prompt.key, prompt.prompt_id]
            self._unsettled[prompt.key] -= 1
            return
        prompt.end = end
        self._totals[prompt.key] += len(prompt.missing)
        self._ready.append(prompt)


def _round_to_ask(rule: SamplingRule, answered: int, correct: int) -> int | None:
    """End of the first round that is not complete and that the rule still asks for; None for a settled prompt."""
    for end in rule.round_ends():
        whole = (1 << end) - 1
        if answered & whole != whole:
            return end
        if rule.decide(end, (correct & whole).bit_count()) is not Decision.GO_ON:
            return None
    return None
