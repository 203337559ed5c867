"""Greetings and one-word remarks get no chain of thought; whatever asks for something does."""

import pytest

from openreason_dagster.domain.writing.triage import triage


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        ("hello", "greeting"),
        ("Hello!!", "greeting"),
        ("Hi there :)", "greeting"),
        ("Good morning, Anna", "greeting"),
        ("hey, how are you?", "greeting"),
        ("Thanks so much!", "greeting"),
        ("Hello Tom, thanks", "greeting"),
        ("Thank you for your help!", "greeting"),
        ("What's up?", "greeting"),
        ("你好！", "greeting"),
        ("您好，谢谢。", "greeting"),
        ("¡Hola! ¿Qué tal?", "greeting"),
        ("Bonjour, ça va ?", "greeting"),
        ("Guten Morgen zusammen!", "greeting"),
        ("Wie geht's?", "greeting"),
        ("Привет, как дела?", "greeting"),
        ("こんにちは", "greeting"),
        ("안녕하세요!", "greeting"),
        ("Ok.", "greeting"),
        ("你好，小明", "greeting"),
        ("你好，请介绍一下你自己", None),
        ("你是谁", None),
        ("안녕하세요, 설명해줘", None),
        ("友谊", "trivial"),
        ("Continue", "trivial"),
        ("继续", "trivial"),
        ("...", "trivial"),
        ("", "trivial"),
        ("👍", "trivial"),
        ("Paris?", None),
        ("2+2", None),
        ("¿Capital de Francia?", None),
        ("Define entropy", None),
        ("Write a haiku", None),
        ("Hi, can you explain how vaccines work?", None),
        ("Hello world in Rust", None),
        ("Thank you letter for my teacher", None),
        ("介绍北京", None),
        ("写一首诗", None),
        ("Schreibe ein Gedicht", None),
        ("Переведи на английский", None),
        ("東京の人口は?", None),
        ("How are you able to see in the dark if you are a cat", None),
    ],
)
def test_triage(prompt, reason):
    assert triage(prompt) == reason
