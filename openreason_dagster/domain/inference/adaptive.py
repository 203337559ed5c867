"""Adaptive sampling: when a prompt has been sampled enough.

A decision is about one prompt, model and temperature. It is taken at the end of a round and depends on nothing but the
verdicts of the prompt's own first samples: every schedule of runs, kills and restarts leads to the same samples,
except where a verifier ran out of time or broke: such a verdict is found again by the next run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import cache
from math import comb


class Decision(StrEnum):
    """What the samples of a prompt say about asking for more."""

    GO_ON = "go_on"
    """Nothing is settled, or a round has not ended: ask for the rest of the round or for the next one."""
    ENOUGH_CORRECT = "enough_correct"
    HOPELESS = "hopeless"
    """The pass rate is below the useful band, at the rule's confidence."""
    MAXIMUM = "maximum"
    """All samples that one prompt may have are there."""


@dataclass(frozen=True, kw_only=True)
class SamplingRule:
    """When to stop sampling a prompt; the meaning and the limits of each part stand in `recipe_sampling.Adaptive`."""

    first_round: int
    round: int
    maximum: int
    enough_correct: int
    lowest_pass_rate: float
    confidence: float

    def round_ends(self) -> tuple[int, ...]:
        """Samples after each round, ascending from `first_round` to `maximum`; the last round may be shorter."""
        return (*range(self.first_round, self.maximum, self.round), self.maximum)

    def decide(self, samples: int, correct: int) -> Decision:
        """What to do after so many answered samples, so many of which have verdict correct.

        A sample that was truncated or could not be judged counts as a sample without success: it brings no trace to
        keep. It is not called wrong by this. Where several reasons hold, the first in the order of `Decision` is given.
        """
        if samples < self.maximum and not self._is_round_end(samples):
            return Decision.GO_ON
        if correct >= self.enough_correct:
            return Decision.ENOUGH_CORRECT
        if correct <= self.hopeless_up_to(samples):
            return Decision.HOPELESS
        return Decision.MAXIMUM if samples >= self.maximum else Decision.GO_ON

    def hopeless_up_to(self, samples: int) -> int:
        """The most correct samples with which a prompt is hopeless after so many samples; -1 where none is few enough.

        A prompt is hopeless when the exact one-sided upper bound of its pass rate is not above `lowest_pass_rate`, that
        is when P(X <= correct) <= 1 - confidence for X binomial with `samples` and `lowest_pass_rate`. Clopper and
        Pearson 1934, Biometrika 26(4), 404-413. Computed with whole numbers, so that every machine decides alike.
        """
        return _most_correct(samples, self.lowest_pass_rate, self.confidence)

    def samples_asked(self, is_correct: Sequence[bool]) -> int:
        """How many samples the rule asks for in all, given whether each of the first samples is correct.

        The value is where the prompt was settled, or the end of the round that is not complete yet. What comes after
        the sample at which the prompt was settled plays no part.
        """
        return next(
            end
            for end in self.round_ends()
            if len(is_correct) < end or self.decide(end, sum(is_correct[:end])) is not Decision.GO_ON
        )

    def _is_round_end(self, samples: int) -> bool:
        return samples >= self.first_round and (samples - self.first_round) % self.round == 0


@cache
def _most_correct(samples: int, pass_rate: float, confidence: float) -> int:
    """The largest count whose cumulative binomial probability is at most 1 - confidence, or -1."""
    rate = Fraction(str(pass_rate))
    successes, failures = rate.numerator, rate.denominator - rate.numerator
    limit = (1 - Fraction(str(confidence))) * rate.denominator**samples
    correct, cumulative = 0, failures**samples
    while cumulative <= limit:
        correct += 1
        cumulative += comb(samples, correct) * successes**correct * failures ** (samples - correct)
    return correct - 1
