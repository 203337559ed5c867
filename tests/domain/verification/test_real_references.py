import json
import re
from pathlib import Path

import pytest

from openreason_dagster.domain.records import Verdict
from openreason_dagster.domain.verification import math

DATA = Path(__file__).parents[2] / "data"
REFERENCES = [
    json.loads(line)["answer"]
    for name in ("math500/test.jsonl", "math_train/train.jsonl")
    for line in (DATA / name).read_text(encoding="utf-8").splitlines()
]
MORE = [
    r"\left[ \frac{\pi^2}{8}, \frac{5 \pi^2}{4} \right]", r"x \in [-2,7]", r"864 \mbox{ inches}^2",
    r"-80\leq g(x)\leq 82",
    r"\{1\pm\sqrt{5},-2\}", r"2, 3, \text{ and } 4", r"4\!:\!51\!:\!06 \text{ p.m.}", r"\text{A5}_{11}",
    r"10x \sqrt{21x}",
    r"(-\infty,-2)\cup(-2, 2)\cup(2,\infty)", r"5x - 7y + 11z + 4 = 0", r"\frac{d !}{2 k(d-k) !}", r"k \geqslant 2",
    r"$\left\lfloor\log _{2} n\right\rfloor+1$", r"$(1,8,19), (2,7,13), (4,5,7)$", r"$f(x)=x,f(x)=-x$", "3.83e35",
    r"\frac{2 \pi c^{2} R^{2}}{\lambda^{5}\left[e^{h c /(\lambda k T)}-1\right] d^{2}}", r"y^{\prime}+r y-r x(t)=0",
    r"x=\frac{1}{6} \pi+\pi k, \frac{1}{3} \pi+\pi k", r"90^{\circ},60^{\circ}", r"$\{x|-2\leq x < 1\}$", r"\$32,\!348",
]  # fmt: skip
FORMS = {
    "boxed": "So the answer is $\\boxed{{{0}}}$.",
    "stated": "Therefore, the answer is ${0}$.",
    "final line": "**Final Answer:** ${0}$<|im_end|>",
    "display": "We conclude\n\\[ {0} \\]\n",
    "alone": "{0}",
    "tag": "<answer>{0}</answer>",
    "full stop": "\\boxed{{{0}.}}",
    "spaces": "\\boxed{{\\displaystyle {0} \\,}}",
}


def bare(reference):
    return (
        re.sub(r"^\$+|\$+\.?$", "", reference.strip())
        if reference.count("$") <= 2 and "\\$" not in reference
        else reference
    )


def mutated(reference):
    """The reference with one number raised by one."""
    for match in re.finditer(r"(?<![\d.])\d+(?![\d.])", reference):
        yield reference[: match.start()] + str(int(match[0]) + 1).zfill(len(match[0])) + reference[match.end() :]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("reference", [*REFERENCES, *MORE])
def test_reference_is_accepted_however_it_is_given(reference, form):
    judgement = math.judge(reference, {}, FORMS[form].format(bare(reference)))
    assert judgement.verdict is Verdict.CORRECT, judgement


@pytest.mark.parametrize("reference", [*REFERENCES, *MORE])
def test_reference_with_another_number_is_not_accepted(reference):
    for answer in mutated(bare(reference)):
        judgement = math.judge(reference, {}, f"\\boxed{{{answer}}}")
        assert judgement.verdict is not Verdict.CORRECT, judgement
