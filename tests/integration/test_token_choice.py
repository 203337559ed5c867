import pytest
from hypothesis import given
from hypothesis import strategies as st

from openreason_dagster.resources.engines.token_choice import choose_tokens, keep_likely, uniform_stream

torch = pytest.importorskip("torch")
MANY = 2**62


def choose(logits, uniforms, *, temperature=1.0, top_p=1.0, top_k=MANY):
    rows = len(uniforms)
    return choose_tokens(
        torch.tensor(logits).expand(rows, -1),
        torch.as_tensor(uniforms, dtype=torch.float64),
        temperature=torch.full((rows,), temperature, dtype=torch.float64),
        top_p=torch.full((rows,), top_p, dtype=torch.float64),
        top_k=torch.full((rows,), top_k),
    )


def test_streams_are_uniform_and_independent():
    streams = torch.stack([uniform_stream(seed, 100) for seed in range(1_000)])
    for numbers in (streams.flatten(), streams[:, 0], streams[:, 1]):
        steps = torch.linspace(0, 1, numbers.numel(), dtype=torch.float64)
        distance = (numbers.sort().values - steps).abs().max() * numbers.numel() ** 0.5
        assert distance < 1.95  # Kolmogorov-Smirnov: exceeded by chance once in a thousand
    correlations = torch.corrcoef(torch.stack([streams[:, 0], streams[:, 1], streams.roll(1, 0)[:, 0]]))
    assert (correlations - torch.eye(3)).abs().max() < 0.12


@given(st.integers(0, 2**63 - 1), st.integers(1, 50))
def test_a_stream_depends_on_its_seed_alone(seed, count):
    numbers = uniform_stream(seed, count)
    assert torch.equal(numbers, uniform_stream(seed, count + 7)[:count])
    assert ((numbers >= 0) & (numbers < 1)).all()


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.0])
def test_frequencies_follow_the_softmax(temperature):
    logits = [2.0, 1.0, 0.0, -1.0, -30.0]
    uniforms = torch.arange(20_000, dtype=torch.float64) / 20_000
    counts = torch.bincount(choose(logits, uniforms, temperature=temperature), minlength=5) / 20_000
    expected = torch.softmax(torch.tensor(logits, dtype=torch.float64) / temperature, 0)
    assert torch.allclose(counts.double(), expected, atol=1e-3)


@pytest.mark.parametrize(
    ("top_p", "top_k", "kept"),
    [
        pytest.param(1.0, MANY, [0, 1, 2, 3], id="all"),
        pytest.param(0.5, MANY, [1], id="one-token-reaches-the-share"),
        pytest.param(0.51, MANY, [1, 3], id="just-beyond-it"),
        pytest.param(0.000001, MANY, [1], id="never-none"),
        pytest.param(1.0, 2, [1, 3], id="the-two-most-likely"),
        pytest.param(0.6, 2, [1], id="share-of-what-top-k-left"),
        pytest.param(1.0, 1, [1], id="only-one"),
    ],
)
def test_which_tokens_stay(top_p, top_k, kept):
    probabilities = torch.tensor([[0.05, 0.5, 0.15, 0.3]], dtype=torch.float64)
    found = keep_likely(probabilities, top_p=torch.tensor([top_p], dtype=torch.float64), top_k=torch.tensor([top_k]))
    assert found[0].nonzero().flatten().tolist() == kept
    assert torch.equal(found[0, kept], probabilities[0, kept])


def test_temperature_zero_takes_the_most_likely():
    assert choose([0.0, 3.0, 2.9], [0.0, 0.5, 0.999], temperature=0.0).tolist() == [1, 1, 1]


@given(
    st.lists(st.floats(-20, 20), min_size=2, max_size=12),
    st.floats(0, 1, exclude_max=True),
    st.floats(0.05, 1),
    st.integers(1, 12),
)
def test_a_row_is_chosen_as_if_it_were_alone(logits, uniform, top_p, top_k):
    alone = choose(logits, [uniform], top_p=top_p, top_k=top_k)[0]
    plain = choose(logits, [uniform])[0]
    rows = torch.tensor([logits, logits])
    both = choose_tokens(
        rows,
        torch.tensor([uniform, uniform], dtype=torch.float64),
        temperature=torch.ones(2, dtype=torch.float64),
        top_p=torch.tensor([top_p, 1.0], dtype=torch.float64),
        top_k=torch.tensor([top_k, MANY]),
    )
    assert both.tolist() == [int(alone), int(plain)]


def test_a_token_too_unlikely_to_be_seen_in_a_sum_stays():
    assert choose([-19.0, 19.0], [0.0], top_p=1.0, top_k=1).tolist() == [1]
    probabilities = torch.tensor([[1e-17, 1.0]], dtype=torch.float64)
    assert keep_likely(probabilities, top_p=torch.ones(1, dtype=torch.float64), top_k=torch.tensor([MANY])).all()


def test_the_largest_number_still_gives_a_token():
    assert choose([0.0, 0.0, 0.0], [1 - 2.0**-53]).tolist() == [2]
