import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import openreason_dagster
from openreason_dagster.domain.seeds.starter_tasks import FAMILIES, StarterProblem, generate

MODELS = Path(openreason_dagster.__file__).parent / "starter_models"
NAMES = ("starter-base", "starter-small")
ALL = (*NAMES, "starter-writer", "starter-judge")
CONVERSATION = [
    {"role": "system", "content": "Put the final answer in \\boxed{}."},
    {"role": "user", "content": "What is 8 + 4?"},
]


@cache
def tokenizer(name: str) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(MODELS / name)


@cache
def model(name: str) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(MODELS / name).eval()


@cache
def problems() -> tuple[StarterProblem, ...]:
    return tuple(p for family in FAMILIES for p in generate(family, count=15, seed=5, split="held_out"))


def completions(name: str, questions: list[str], *, temperature: float, seed: int, samples: int) -> list[str]:
    import torch

    torch.manual_seed(seed)
    prompts = [
        tokenizer(name).apply_chat_template(
            [{"role": "user", "content": question}], add_generation_prompt=True, tokenize=False
        )
        for question in questions
    ]
    inputs = tokenizer(name)(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
    rows = model(name).generate(
        input_ids=inputs["input_ids"],
        attention_mask=inputs["attention_mask"],
        do_sample=True,
        temperature=temperature,
        top_k=0,
        top_p=1.0,
        max_new_tokens=120,
        num_return_sequences=samples,
    )
    return tokenizer(name).batch_decode(rows[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


@cache
def correctness(name: str, temperature: float, samples: int) -> tuple[tuple[bool, ...], ...]:
    """One row of ``samples`` outcomes per problem."""
    questions = [problem.question for problem in problems()]
    texts = completions(name, questions, temperature=temperature, seed=1, samples=samples)
    boxed = [re.findall(r"\\boxed\{([^{}]*)\}", text.rpartition("</think>")[2]) for text in texts]
    return tuple(
        tuple(found[-1:] == [problem.answer] for found in boxed[row * samples : (row + 1) * samples])
        for row, problem in enumerate(problems())
    )


def pass_at_1(name: str, temperature: float, *, samples: int = 4) -> float:
    rows = correctness(name, temperature, samples)
    return sum(map(sum, rows)) / (len(rows) * samples)


def pass_at_8(name: str, temperature: float) -> float:
    rows = correctness(name, temperature, 8)
    return sum(map(any, rows)) / len(rows)


@pytest.mark.parametrize("name", ALL)
def test_weights_are_small_float32_llama(name: str) -> None:
    assert (MODELS / name / "model.safetensors").stat().st_size <= 4_000_000
    config = model(name).config
    assert (config.model_type, str(model(name).dtype)) == ("llama", "torch.float32")
    assert (config.head_dim, config.max_position_embeddings) == (32, 2048)
    assert config.vocab_size == len(tokenizer(name))


@pytest.mark.parametrize("name", ALL)
@given(text=st.text())
@example("把最终答案放在 \\boxed{} 里。")
@example("🧮👩‍🔬 naïve  e\u0301 \r\n\t\x00")
@example("<think>\n1 + 1</think><|end|><|user|>")
@example(" 'll .  , !")
def test_any_text_survives_encoding(name: str, text: str) -> None:
    ids = tokenizer(name)(text, add_special_tokens=False)["input_ids"]
    assert tokenizer(name).decode(ids) == text


@pytest.mark.parametrize("name", ALL)
def test_every_digit_is_one_token(name: str) -> None:
    ids = tokenizer(name)("9047+38=", add_special_tokens=False)["input_ids"]
    assert [tokenizer(name).decode([token]) for token in ids] == list("9047+38=")


@pytest.mark.parametrize("name", ALL)
def test_template_opens_the_think_block(name: str) -> None:
    prompt = tokenizer(name).apply_chat_template(CONVERSATION, add_generation_prompt=True, tokenize=False)
    assert prompt.endswith("<think>\n")
    assert all(message["content"] in prompt for message in CONVERSATION)


@pytest.mark.parametrize("name", ALL)
def test_template_renders_an_answered_conversation_as_prompt_and_completion(name: str) -> None:
    completion = "8+4=12 so 12\n</think>\n\nThe sum is \\boxed{12}."
    answered = [*CONVERSATION, {"role": "assistant", "content": f"<think>\n{completion}"}]
    prompt = tokenizer(name).apply_chat_template(CONVERSATION, add_generation_prompt=True, tokenize=False)
    whole = tokenizer(name).apply_chat_template(answered, tokenize=False)
    assert whole == f"{prompt}{completion}{tokenizer(name).eos_token}"


@pytest.mark.parametrize("name", ALL)
def test_template_refuses_an_unknown_role(name: str) -> None:
    with pytest.raises(Exception, match="Unknown role tool"):
        tokenizer(name).apply_chat_template([{"role": "tool", "content": "4"}], tokenize=False)


@pytest.mark.parametrize("name", ALL)
def test_think_tags_survive_where_special_tokens_are_skipped(name: str) -> None:
    ids = tokenizer(name)("<think>\n8\n</think>\n\n4<|end|>", add_special_tokens=False)["input_ids"]
    assert tokenizer(name).decode(ids, skip_special_tokens=True) == "<think>\n8\n</think>\n\n4"


@pytest.mark.parametrize("name", ALL)
def test_generation_stops_at_the_end_token(name: str) -> None:
    settings = model(name).generation_config
    assert settings.eos_token_id == tokenizer(name).eos_token_id
    assert settings.pad_token_id == tokenizer(name).pad_token_id


@pytest.mark.parametrize("name", NAMES)
def test_card_states_data_steps_time_and_measurements(name: str) -> None:
    card = (MODELS / name / "README.md").read_text()
    for part in ("license: apache-2.0", "| Parameters |", "| Data |", "| Training |", "| Time |", "pass@8, T=1.2"):
        assert part in card


@pytest.mark.parametrize(
    ("name", "kinds"), [("starter-writer", ("addition", "repeat")), ("starter-judge", ("cut", "refused"))]
)
def test_card_of_a_helper_states_data_steps_time_and_measurements(name: str, kinds: tuple[str, ...]) -> None:
    card = (MODELS / name / "README.md").read_text()
    for part in ("license: apache-2.0", "| Parameters |", "| Data |", "| Training |", "| Time |"):
        assert part in card
    for kind in kinds:
        assert f"| {kind} |" in card


@pytest.mark.slow
def test_base_is_right_often_but_not_always() -> None:
    assert 0.4 <= pass_at_1("starter-base", 0.6, samples=8) <= 0.8


@pytest.mark.slow
def test_heat_makes_base_worse() -> None:
    assert pass_at_1("starter-base", 1.2) < pass_at_1("starter-base", 0.3) - 0.05


@pytest.mark.slow
def test_eight_tries_beat_one() -> None:
    assert pass_at_8("starter-base", 0.6) > pass_at_1("starter-base", 0.6, samples=8) + 0.1


@pytest.mark.slow
def test_small_is_weaker_than_base_but_not_hopeless() -> None:
    assert 0.05 < pass_at_1("starter-small", 0.6) < pass_at_1("starter-base", 0.6, samples=8) - 0.1


@pytest.mark.parametrize("name", NAMES)
def test_seed_decides_the_sample(name: str) -> None:
    questions = [p.question for p in problems()[::10]]
    first, again, other = (completions(name, questions, temperature=1.0, seed=seed, samples=2) for seed in (1, 1, 2))
    assert first == again
    assert first != other
