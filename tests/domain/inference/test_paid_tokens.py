import pytest

from openreason_dagster.domain.inference.paid_tokens import most_tokens, paid_tokens
from openreason_dagster.domain.records import Completion, Message, Request, SamplingParameters

REQUEST = Request(
    trace_id="t", prompt_id="p", prompt="9 °C?", messages=(Message(role="user", content="9 °C?"),),
    temperature_key="0.6", sample_index=0, seed=1,
    parameters=SamplingParameters(temperature=0.6, top_p=1.0, top_k=None, max_tokens=50),
)  # fmt: skip


def test_the_most_that_a_request_can_come_to():
    assert most_tokens(REQUEST) == (len("9 °C?".encode()) + 64, 50)


@pytest.mark.parametrize(
    ("changes", "paid"),
    [
        pytest.param({}, (3, 7), id="its-own"),
        pytest.param({"completion_tokens": 0}, (3, 0), id="nothing-generated-is-known"),
        pytest.param({"completion_tokens": None}, (3, 50), id="length-unknown"),
        pytest.param({"prompt_tokens": None}, (70, 7), id="prompt-unknown"),
        pytest.param({"completion_tokens": None, "billed_tokens": (5, 28)}, (5, 28), id="asked-together"),
        pytest.param({"completion_tokens": None, "billed_tokens": (0, 0)}, (0, 0), id="paid-with-another"),
        pytest.param({"imported": "{}"}, (0, 0), id="imported"),
    ],
)
def test_what_a_completion_is_paid_for(changes, paid):
    values = {"prompt_tokens": 3, "completion_tokens": 7} | changes
    completion = Completion(
        request=REQUEST, text="", reasoning=None, finish_reason="stop", opened_think=False, attempts=1, **values
    )
    assert paid_tokens(completion) == paid
