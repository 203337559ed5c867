import json
from pathlib import Path

import pytest

from openreason_dagster.domain.records import Verdict
from openreason_dagster.domain.verification import math

CASES = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "data/answer_cases/cases.jsonl").read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['reference'][:40]} <- {case['answer'][:60]}")
def test_case(case):
    judgement = math.judge(case["reference"], {}, case["answer"])
    assert (judgement.verdict is Verdict.CORRECT) is case["is_right"], judgement


def test_verdicts_never_depend_on_who_judges():
    for case in CASES:
        direct = math.judge_directly(case["reference"], {}, case["answer"])
        assert direct is None or direct == math.judge(case["reference"], {}, case["answer"])
