"""Coverage-guided fuzzing of the verifiers that read hostile text in this process.

Run by hand for as long as wanted, for instance a minute: `python tests/fuzz/fuzz_answers.py -max_total_time=60`. A
crash, a judgement slower than the limit, or a forged answer that is accepted ends the run with its input.
"""

import sys
import time

import atheris

with atheris.instrument_imports(include=["openreason_dagster.domain.verification"]):
    from openreason_dagster.domain.records import Verdict
    from openreason_dagster.domain.verification import choice, exact, math, numeric

SLOWEST_SECONDS = 5.0
REFERENCES = (
    "42",
    r"\frac{3}{7}",
    r"\sqrt{2}x + 1",
    "(1, 2]",
    r"\{1, 2\}",
    r"x \le 3",
    r"\text{east}",
    r"10\%",
    "2, 3",
)
PLAIN = frozenset("0123456789+-*/.xyz ")
"""Characters of real expressions, whose squares are never negative."""
OPTIONS = {"choices": {"A": "42", "B": r"\sqrt{2}", "C": "a dry palm"}}


def judge_once(data: bytes) -> None:
    """Judge one text against one reference by every kind; equal texts are equal, and nothing fails or lingers."""
    provider = atheris.FuzzedDataProvider(data)
    reference = REFERENCES[provider.ConsumeIntInRange(0, len(REFERENCES) - 1)]
    text = provider.ConsumeUnicodeNoSurrogates(400)
    started = time.process_time()
    for answer in (text, f"\\boxed{{{text}}}"):
        math.judge_directly(reference, {}, answer)
        numeric.judge(reference, {"relative": 0.01, "unit": "m"}, answer)
        choice.judge("A", OPTIONS, answer)
        exact.judge(reference, {}, answer)
    assert time.process_time() - started < SLOWEST_SECONDS, text
    if set(text) <= PLAIN:
        forged = math.judge_directly("42", {}, rf"\boxed{{43 + ({text})^2}}")
        assert forged is None or forged.verdict is not Verdict.CORRECT, text


if __name__ == "__main__":
    atheris.Setup(sys.argv, judge_once)
    atheris.Fuzz()
