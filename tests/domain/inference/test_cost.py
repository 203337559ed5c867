"""What sampling costs and will cost."""

from datetime import UTC, datetime

import pytest

from openreason_dagster.domain.catalogue_entry import Price
from openreason_dagster.domain.inference.cost import Cost, cost_of, estimate
from openreason_dagster.domain.inference.plan import RequestCount
from openreason_dagster.domain.schemas import SAMPLING_LEDGER

PRICE = Price(currency="EUR", input_per_million=1.0, output_per_million=10.0, per_hour=36.0)


def ledger(*rows):
    shared = {
        "recipe": "r", "run_id": "x", "failures": 0, "money": 0.0, "currency": "EUR", "recorded_at": datetime.now(UTC),
    }  # fmt: skip
    return SAMPLING_LEDGER.frame(
        shared
        | {
            "model": model, "temperature": temperature, "traces": traces, "prompt_tokens": tokens,
            "completion_tokens": 10 * tokens, "seconds": float(traces),
        }
        for model, temperature, traces, tokens in rows
    ).lazy()  # fmt: skip


def test_price_of_tokens_and_hours():
    cost = cost_of(PRICE, prompt_tokens=2_000_000, completion_tokens=100_000, seconds=100.0)
    assert cost.money == pytest.approx(2.0 + 1.0 + 1.0)
    assert cost + cost - cost == cost
    assert Cost() + cost == cost


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([("m", "0.6", 10, 100)], 5 * 100 + 5 * 100, id="like-its-other-temperature"),
        pytest.param([("m", "0.6", 10, 100), ("m", "1.2", 10, 300)], 5 * 100 + 5 * 300, id="each-by-its-own-length"),
        pytest.param([("m", "0.6", 5, 50), ("m", "0.6", 5, 50)], 1000, id="rows-of-several-commits"),
        pytest.param([("m", "0.6", 10, 100), ("m", "judge", 10, 900)], 1000, id="replies-as-a-judge-say-nothing"),
        pytest.param([("m", "judge", 10, 900)], None, id="only-asked-as-a-judge"),
        pytest.param([("other", "0.6", 10, 100)], None, id="another-model-says-nothing"),
        pytest.param([("m", "writer", 10, 900)], None, id="what-it-wrote-in-a-role-says-nothing"),
        pytest.param([("m", "0.6", 0, 0)], None, id="only-failures"),
        pytest.param([], None, id="never-sampled"),
    ],
)
def test_expected_tokens(rows, expected):
    counts = {"0.6": RequestCount(8, 3), "1.2": RequestCount(5, 0)}
    found = estimate(counts, ledger(*rows), model="m", max_tokens=1000, price=PRICE)
    assert (found.requests, found.most_tokens) == (10, 10_000)
    assert (found.expected and found.expected.completion_tokens) == expected
    assert "at most 10,000 tokens" in found.in_words()
    assert ("EUR" in found.in_words()) == (expected is not None)
