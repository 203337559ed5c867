import time

import pytest

from openreason_dagster.domain.records import Verdict
from openreason_dagster.domain.verification import choice, exact, math, numeric

LONGEST_SECONDS = 5.0
PROGRAMS = [
    "__import__('os').system('touch hacked')", "().__class__.__bases__[0].__subclasses__()", "exec('42')", "eval('42')",
    "(lambda: 42)()", "lambda: 42", "int('42')", "print(42)", "42; import os", "[42 for x in [1]]",
    "open('/etc/passwd')",
    "getattr(int, 'real')", r"\input{/etc/passwd}", "os.system('id')",
]  # fmt: skip
BOMBS = [
    "10**10**10", "9!!!!!!!!", "((((9!)!)!)!)", "2^{2^{2^{2^{2}}}}", "x" * 100_000, "(" * 100_000, r"\frac{" * 20_000,
    r"\boxed{" * 20_000, "1," * 50_000, r"\sqrt{" * 500 + "2" + "}" * 500, "{" * 3_000, "1+" * 400 + "1",
    r"\binom{100000}{50000}", "(3000!)^{9}", "(2^{10000})^{10000}", r"\sin(10^{9999})", "e^{e^{e^{e^{9}}}}",
    "x^{9999}y^{9999}(x+y)^{9999}", r"\begin{pmatrix}" * 300, "|" * 999, "x_" * 400, "0." + "9" * 590, "1e999999",
    "½" * 500, r"\pm1," * 60, "answer is " * 9_000, r"\text{" * 3_000,
]  # fmt: skip
FORMS = ["{}", "\\boxed{{{}}}", "The answer is {}"]
VERIFIERS = {
    "math": (math.judge_directly, {}),
    "numeric": (numeric.judge, {"relative": 0.01}),
    "choice": (choice.judge, {"choices": {"A": "42", "B": "7"}}),
    "exact": (exact.judge, {}),
}


@pytest.mark.parametrize("kind", VERIFIERS)
@pytest.mark.parametrize("text", [*PROGRAMS, *BOMBS], ids=lambda text: text[:30])
def test_hostile_text_is_judged_in_no_time_and_never_right(text, kind):
    judge, spec = VERIFIERS[kind]
    for form in FORMS:
        started = time.process_time()
        judgement = judge("A" if kind == "choice" else "42", spec, form.format(text))
        assert time.process_time() - started < LONGEST_SECONDS
        assert judgement is None or judgement.verdict is not Verdict.CORRECT, judgement
