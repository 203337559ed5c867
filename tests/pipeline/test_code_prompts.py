"""Prompts that are answered with code go the whole way: audited, judged in the sandbox, scored and mixed."""

import json

import pytest

from openreason_dagster.domain.errors import SandboxError

TASKS = [
    {
        "question": "Write a Python function twice(x) that doubles a number.",
        "tests": ["assert twice(2) == 4", "assert twice(-1) == -2"],
        "solution": "def twice(x):\n    return 2 * x",
        "completions": {
            "def twice(x):\n    return x + x": "correct",
            "def twice(x):\n    return 4": "incorrect",
            "def twice(x):\n    while True: pass": "timeout",
            "import os\nos._exit(0)": "incorrect",
        },
    },
    {
        "question": "Write a Python function first(word) that gives the first letter of a word.",
        "tests": ["assert first('ab') == 'a'", "assert [first(w) for w in ('xy', 'zz')] == ['x', 'z']"],
        "solution": "def first(word):\n    return word[0]",
        "completions": {"def first(word):\n    return word[:1]": "correct", "def first(w): return 'a'": "incorrect"},
    },
    {
        "question": "Write a Python function wrong(x), whose own reference solution fails its tests.",
        "tests": ["assert wrong(1) == 2"],
        "solution": "def wrong(x):\n    return x",
        "completions": {"def wrong(x):\n    return 2": None},
    },
]


@pytest.fixture
def coding(small, tmp_path):
    """Recipe and catalogue for a file of tasks that is source of prompts and of traces."""
    rows = [
        task | {"completions": [f"<think>Easy.</think>\n```python\n{code}\n```" for code in task["completions"]]}
        for task in TASKS
    ]
    path = tmp_path / "tasks.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (small.settings.catalogue / "starter-base.yaml").unlink()
    small.write_model(
        {
            "name": "rollouts",
            "engine": "dataset",
            "path": str(path),
            "revision": "1",
            "license": "Apache-2.0",
            "columns": {"prompt": "question", "completions": "completions"},
        }
    )
    small.write_recipe(
        sources=[
            {
                "name": "tasks",
                "kind": "file",
                "path": str(path),
                "license": "Apache-2.0",
                "domain": "code",
                "verifier": "code",
                "columns": {"prompt": "question", "answer": "solution"},
                "code": {"suite": "tests"},
            }
        ],
        temperatures=["imported"],
        sampling={"samples_per_prompt": 4, "max_tokens": 1},
        sft_mix={"validation_share": 0.5},
        verification={"code": {"seconds_per_test": 1}, "error_share_limit": 1.0},
    )
    return small


def test_code_is_audited_judged_and_mixed(coding, instance):
    coding.collect(instance)
    dropped = coding.tables.scan("prompt_pool_dropped").collect()
    assert dropped["reason"].to_list() == ["bad_reference"]
    assert "incorrect: test 1 of 1" in dropped["detail"][0]

    coding.sample("rollouts", instance)
    judged = (
        coding.tables.scan("verified_traces")
        .join(coding.tables.scan("sampled_traces").select("trace_id", "answer"), on="trace_id")
        .collect()
    )
    expected = {code: verdict for task in TASKS for code, verdict in task["completions"].items() if verdict}
    found = {
        row["answer"].strip().removeprefix("```python\n").removesuffix("\n```"): row["verdict"]
        for row in judged.iter_rows(named=True)
    }
    assert found == expected
    assert set(judged["method"]) == {"code/calls", "code/suite"}

    coding.run("build_datasets", instance)
    correct = set(judged.filter(judged["is_correct"])["trace_id"])
    assert set(coding.tables.scan("reasoning_data").collect()["trace_id"]) == correct


def test_without_a_sandbox_nothing_of_code_is_run(coding, instance, monkeypatch, tmp_path):
    monkeypatch.setenv("OPENREASON_SANDBOX", "nowhere")
    with pytest.raises(SandboxError, match="OPENREASON_SANDBOX is 'nowhere'"):
        coding.collect(instance)
    assert coding.tables.scan("prompt_pool").collect().is_empty()
