"""Language consistency as a reader would judge it."""

import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openreason_dagster.domain.rewards.language_consistency import language_consistency, language_counts
from openreason_dagster.domain.rewards.languages import count_words
from openreason_dagster.domain.seeds.starter_tasks import FAMILIES, generate

NTREX = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "data/ntrex_en_zh/en_zh_20.jsonl").read_text("utf-8").splitlines()
]
ENGLISH = (
    "Let me see. First we add the two numbers and carry the one, then we check the result. Each child gets three "
    "apples, so the total is fifteen. Wait, there is an error. I am not sure about this. Therefore the answer is even."
)
REASONING = {
    "en": ENGLISH,
    "es": "Primero sumamos los dos números y llevamos uno. Luego comprobamos el resultado. Cada niño recibe tres "
    "manzanas, entonces el total es quince. Espera, hay un error. No estoy seguro. Por lo tanto la respuesta es par.",
    "fr": "D'abord nous additionnons les deux nombres. Ensuite on retient un. Chaque enfant reçoit trois pommes, "
    "donc le total est quinze. Attendez, il y a une erreur. Je ne suis pas sûr. Par conséquent la réponse est paire.",
    "de": "Zuerst addieren wir die beiden Zahlen. Dann übertragen wir die Eins. Jedes Kind bekommt drei Äpfel, "
    "also ist die Summe fünfzehn. Moment, da ist ein Fehler. Ich bin mir nicht sicher. Daher ist das Ergebnis gerade.",
    "ru": "Сначала сложим два числа и перенесём единицу. Потом проверим результат. Каждый ребёнок получает три яблока, "
    "значит всего пятнадцать. Подождите, здесь есть ошибка. Я не уверен. Поэтому ответ чётный.",
    "zh": "首先把两个数字相加，然后进一位。每个孩子得到三个苹果，"
    "所以一共是十五个。等一下，这里有一个错误。因此答案是偶数。",
    "ja": "まず二つの数を足して、一を繰り上げます。それぞれの子供は三個のりんごをもらうので、合計は十五個です。以上。",
    "ko": "먼저 두 수를 더하고 하나를 올립니다. "
    "아이마다 사과 세 개를 받으므로 모두 열다섯 개입니다. 따라서 답은 짝수입니다.",
}


def consistency(reasoning: str, language: str) -> float | None:
    rows = pl.DataFrame({"reasoning": [reasoning], "language": [language]})
    value: float | None = language_consistency(language_counts(rows)).item()
    return value


@pytest.mark.parametrize("language", REASONING)
def test_reasoning_in_the_prompt_language_is_consistent(language: str) -> None:
    assert consistency(REASONING[language], language) == 1.0


@pytest.mark.parametrize("target", REASONING)
@pytest.mark.parametrize("language", REASONING)
def test_reasoning_in_another_language_is_not(language: str, target: str) -> None:
    if language != target:
        assert (consistency(REASONING[language], target) or 0.0) <= 0.1


@pytest.mark.parametrize("row", NTREX, ids=lambda row: str(row["id"]))
def test_news_with_many_names_stays_in_its_language(row: dict[str, str]) -> None:
    assert consistency(row["eng"], "en") == 1.0
    assert (consistency(row["zho-CN"], "zh") or 0.0) >= 0.9
    assert (consistency(row["zho-CN"], "en") or 0.0) <= 0.1
    assert (consistency(row["eng"], "zh") or 0.0) == 0.0


@pytest.mark.parametrize("english", range(0, 21, 4))
def test_mixed_reasoning_gets_the_share_of_its_words(english: int) -> None:
    parts = [row["eng"] if index < english else row["zho-CN"] for index, row in enumerate(NTREX)]
    counts = [count_words(part, "en") for part in parts]
    expected = sum(count["en"] for count in counts[:english]) / sum(count.total() for count in counts)
    found = consistency("\n".join(parts), "en")
    assert found == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize(
    ("reasoning", "language", "expected"),
    [
        pytest.param("We add two, 然后乘三", "en", 3 / 7, id="switch within a sentence"),
        pytest.param("我们先 add 两个数", "zh", 6 / 7, id="one foreign word"),
        pytest.param("艾琳·琼斯（Elin Jones）说话", "zh", 1.0, id="name in brackets"),
        pytest.param("so 98+54=152", "en", 1.0, id="one short word"),
        pytest.param("12 or 54: 54. 54 or 3: 54.", "en", 1.0, id="words that French also has"),
        pytest.param("Juan Carlos de la Rosa is taller than Angela Müller", "en", 1.0, id="foreign names"),
        pytest.param("答案\\text{apples} `for apple in basket` https://a.org/word 是", "zh", 1.0, id="code and LaTeX"),
        pytest.param("合計。以上。", "ja", 1.0, id="short Japanese without kana"),
        pytest.param("合計は十五。以上。", "zh", 0.0, id="Japanese is not Chinese"),
        pytest.param("8+4=12", "en", None, id="no words"),
        pytest.param("", "zh", None, id="nothing"),
        pytest.param("Sawubona unjani namhlanje", "zu", None, id="target that is not told apart"),
        pytest.param("Najpierw dodajemy obie liczby. Potem sprawdzamy wynik.", "pl", 1.0, id="less common target"),
    ],
)
def test_consistency(reasoning: str, language: str, expected: float | None) -> None:
    assert consistency(reasoning, language) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize("family", FAMILIES)
def test_starter_reasoning_is_english(family: str) -> None:
    for problem in generate(family, count=100, seed=3, split="train"):
        assert consistency(problem.reasoning, "en") in (1.0, None)


def test_dominant_language_and_words() -> None:
    rows = pl.DataFrame({"reasoning": [REASONING["zh"] + " done", "2+2", "Fine"], "language": ["en", "en", "de"]})
    counts = language_counts(rows)
    assert counts["dominant_language"].to_list() == ["zh", None, "de"]
    assert counts["reasoning_words"].to_list()[1:] == [0, 1]


PIECES = st.lists(st.sampled_from([*REASONING.values(), "$x$", "12", "so", "\n"]) | st.text(max_size=20), max_size=5)


@settings(deadline=None)  # the first text loads the language models
@given(PIECES, st.sampled_from(list(REASONING)))
def test_consistency_is_a_share(pieces: list[str], language: str) -> None:
    value = consistency(" ".join(pieces), language)
    assert value is None or 0 <= value <= 1


@settings(deadline=None)  # the first text loads the language models
@given(st.permutations(list(REASONING.items())))
def test_order_of_rows_does_not_matter(items: list[tuple[str, str]]) -> None:
    rows = pl.DataFrame({"reasoning": [text for _, text in items], "language": [language for language, _ in items]})
    assert language_consistency(language_counts(rows)).to_list() == [1.0] * len(items)
