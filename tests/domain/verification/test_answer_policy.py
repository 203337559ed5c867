import re
from pathlib import Path

import pytest

from openreason_dagster.domain.records import Verdict
from openreason_dagster.domain.verification import choice, exact, math, numeric

PAGE = Path(__file__).parents[3] / "docs/answer-policy.md"
SPECS = {
    "choice": {"choices": {"A": "dry palms", "B": "wet palms", "C": "12", "D": r"\frac{1}{2}"}},
    "numeric": {"relative": 0.01, "unit": "m/s"},
}
VERIFIERS = {"math": math, "choice": choice, "exact": exact, "numeric": numeric}
COLUMNS = ["Case", "Decision", "Why", "Reference", "Right", "Wrong"]


def examples():
    """Kind, reference, answer, whether it is right, and a name for every example of the page."""
    kind = "math"
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        heading = re.match(r"## `(\w+)`", line)
        kind = heading[1] if heading else kind
        cells = [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) != len(COLUMNS) or cells == COLUMNS or set(cells[0]) == {"-"}:
            continue
        [reference] = re.findall("`([^`]+)`", cells[3])
        for cell, is_right in ((cells[4], True), (cells[5], False)):
            answers = re.findall("`([^`]+)`", cell)
            assert answers, line
            for answer in answers:
                name = f"{kind}: {cells[0]}: {answer}"
                yield pytest.param(kind, reference, answer.replace(r"\n", "\n"), is_right, id=name)


def said(kind, answer):
    """The answer as a model would give it: in a box, unless the example shows more."""
    is_whole = kind != "math" or re.search(r"\\boxed|think>|answer is|####", answer)
    return answer if is_whole else f"\\boxed{{{answer}}}"


@pytest.mark.parametrize(("kind", "reference", "answer", "is_right"), list(examples()))
def test_policy(kind, reference, answer, is_right):
    judgement = VERIFIERS[kind].judge(reference, SPECS.get(kind, {}), said(kind, answer))
    assert (judgement.verdict is Verdict.CORRECT) is is_right, judgement


def test_every_kind_has_its_table():
    assert {parameters.values[0] for parameters in examples()} == set(VERIFIERS)
