"""Rounds ask what the rule asks for, whatever is killed, fails or comes late."""

import random
from contextlib import suppress

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openreason_dagster.domain.catalogue_entry import TransformersModel
from openreason_dagster.domain.errors import EngineError
from openreason_dagster.domain.inference.adaptive import SamplingRule
from openreason_dagster.domain.inference.engine import Engine
from openreason_dagster.domain.inference.plan import build_plan
from openreason_dagster.domain.inference.request_feed import RequestFeed
from openreason_dagster.domain.inference.request_source import FixedSamples, Rounds
from openreason_dagster.domain.inference.sampler import sample
from openreason_dagster.domain.provenance import stable_hash
from openreason_dagster.domain.recipe_sampling import Sampling
from openreason_dagster.domain.records import Completion, Failure

MODEL = TransformersModel(name="tiny", engine="transformers", path="./tiny", revision="1", license="MIT")
RULE = SamplingRule(first_round=2, round=3, maximum=8, enough_correct=2, lowest_pass_rate=0.2, confidence=0.8)
KEYS = ["0.3", "1.2"]
PROMPTS = pl.DataFrame({"prompt_id": list("abcd"), "prompt": ["A", "B", "C", "D"]})


def plan_of(keys=KEYS):
    sampling = Sampling(samples_per_prompt=3, max_tokens=8)
    return build_plan(MODEL, sampling, temperature_keys=keys, template="{prompt}", weights={})


def is_correct(request):
    """A verdict that depends on the request alone: prompt a is easy, d is never solved."""
    share = {"a": 9, "b": 5, "c": 2, "d": 0}[request.prompt_id]
    return int(stable_hash([request.trace_id])[:4], 16) % 10 < share


def completion_of(request):
    return Completion(
        request=request, text="", reasoning=None, finish_reason="stop", opened_think=False,
        prompt_tokens=1, completion_tokens=1, attempts=1,
    )  # fmt: skip


class EngineGoneError(EngineError):
    """Raised by the engine below on purpose, and by nothing else."""


class PickyEngine(Engine):
    """Holds up to `places` requests and answers the one that `draw` picks; breaks after `breaks_after` results."""

    def __init__(self, draw, *, places, breaks_after=None, fails=frozenset()):
        self.draw, self.places, self.breaks_after, self.fails = draw, places, breaks_after, fails

    def stream(self, requests):
        feed, held, given = RequestFeed(requests), [], 0
        while True:
            held += feed.take(self.places - len(held))
            if not held and feed.is_exhausted:
                return
            if given == self.breaks_after:
                raise EngineGoneError
            given += 1
            request = held.pop(self.draw(len(held) - 1))
            if (request.prompt_id, request.sample_index) in self.fails:
                yield Failure(request=request, error="http_500", message="", attempts=3)
            else:
                yield completion_of(request)

    def environment(self):
        return {}

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        return None


class Table:
    """Committed rows with their verdicts, as the next run finds them."""

    def __init__(self):
        self.rows = {}

    def store(self, batch):
        verdicts = {each.request.trace_id: is_correct(each.request) for each in batch.completions}
        for each in batch.completions:
            request = each.request
            assert request.trace_id not in self.rows, "a committed row is never sampled again"
            self.rows[request.trace_id] = (
                request.temperature_key,
                request.prompt_id,
                request.sample_index,
                verdicts[request.trace_id],
            )
        return verdicts

    def outcomes(self):
        found = {}
        for key, prompt_id, index, correct in self.rows.values():
            answered, right = found.get((key, prompt_id), (0, 0))
            found[key, prompt_id] = answered | 1 << index, right | int(correct) << index
        return found

    def samples(self):
        return {(key, prompt, index) for key, prompt, index, _ in self.rows.values()}


def run(engine, table, *, commit_rows=3, keys=KEYS):
    source = Rounds(PROMPTS, plan_of(keys), RULE, table.outcomes())

    def stored(batch, verdicts):
        for result in batch.results:
            source.record(result, is_correct=verdicts.get(result.request.trace_id, False))

    sample(
        engine, source, store=table.store, stored=stored, totals=source.totals,
        awaits_results=source.awaits_results, commit_rows=commit_rows, commit_seconds=1e9, progress=lambda _: None,
    )  # fmt: skip
    return source


def expected_samples():
    """What the rule asks for, prompt by prompt, with no engine and no order."""
    wanted = set()
    everything = FixedSamples(PROMPTS, all_samples_plan(), committed=set())
    by_prompt = {}
    for request in everything:
        by_prompt.setdefault((request.temperature_key, request.prompt_id), []).append(is_correct(request))
    for (key, prompt), verdicts in by_prompt.items():
        wanted |= {(key, prompt, index) for index in range(RULE.samples_asked(verdicts))}
    return wanted


def all_samples_plan():
    sampling = Sampling(samples_per_prompt=RULE.maximum, max_tokens=8)
    return build_plan(MODEL, sampling, temperature_keys=KEYS, template="{prompt}", weights={})


@given(
    st.integers(0, 2**32),  # not drawn on demand: when a batch is stored, and so what is in flight, is up to a thread
    st.integers(1, 9),
    st.integers(1, 12),
    st.lists(
        st.tuples(st.integers(0, 25), st.sets(st.tuples(st.sampled_from("abcd"), st.integers(0, 7)), max_size=3)),
        max_size=4,
    ),
)
def test_any_schedule_of_breaks_and_failures_ends_with_the_samples_of_the_rule(seed, places, commit_rows, schedule):
    chance, table = random.Random(seed), Table()

    def draw(top):
        return chance.randint(0, top)

    for breaks_after, fails in schedule:
        engine = PickyEngine(draw, places=places, breaks_after=breaks_after, fails=fails)
        with suppress(EngineGoneError):
            run(engine, table, commit_rows=commit_rows)
    run(PickyEngine(draw, places=places), table, commit_rows=commit_rows)
    assert table.samples() == expected_samples()


def test_rounds_spend_samples_where_they_help():
    table = Table()
    run(PickyEngine(lambda top: 0, places=4), table)
    taken = {prompt: len([1 for _, each, _ in table.samples() if each == prompt]) for prompt in "abcd"}
    assert taken["a"] < RULE.maximum * len(KEYS), "an easy prompt is settled early"
    assert max(taken, key=taken.get) != "a"


def test_totals_grow_with_the_rounds_and_end_at_what_was_asked():
    source = run(PickyEngine(lambda top: 0, places=4), table := Table())
    assert sum(source.totals().values()) == len(table.rows)
    assert all(source.is_settled(key) for key in KEYS)


def test_the_next_run_asks_nothing():
    run(PickyEngine(lambda top: 0, places=4), table := Table())
    source = Rounds(PROMPTS, plan_of(), RULE, table.outcomes())
    assert list(source) == []
    assert sum(source.totals().values()) == 0


def test_a_failed_prompt_waits_for_the_next_run():
    table = Table()
    source = run(PickyEngine(lambda top: 0, places=4, fails={("b", 1)}), table, keys=["0.3"])
    assert [index for _, prompt, index in table.samples() if prompt == "b"] == [0], "no round after the incomplete one"
    assert source.is_settled("0.3")


def test_an_open_round_is_filled_before_the_next_is_asked():
    outcomes = {("0.3", "a"): (0b11101, 0b0), **{("0.3", prompt): (0b11111111, 0) for prompt in "bcd"}}
    source = Rounds(PROMPTS, plan_of(["0.3"]), RULE, outcomes)
    asked = next(iter(source))
    assert (asked.prompt_id, asked.sample_index) == ("a", 1)
    assert source.totals() == {"0.3": 1}


def test_none_says_that_verdicts_are_awaited():
    source = Rounds(PROMPTS, plan_of(["0.3"]), RULE, {})
    pulled = [request for request, _ in zip(source, range(9), strict=False)]
    assert [request is None for request in pulled] == [False] * 8 + [True]


class Silent(PickyEngine):
    """Gives no result, and pulls again."""

    def stream(self, requests):
        for _ in zip(requests, range(20), strict=False):
            pass
        return iter(())


def test_an_engine_that_swallows_requests_is_found_out():
    with pytest.raises(EngineError, match="0 results for 16 requests"):
        run(Silent(lambda top: 0, places=1), Table())
