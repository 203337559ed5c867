"""verl itself reads what a release holds, in the environment that `make test` makes for it."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from small_workspace import STARTER_MODELS
from sums_release import ROWS, solved, write_sums_release

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.version_info >= (3, 13), reason="verl 0.9 has no release for this Python"),
]
REPOSITORY = Path(__file__).parents[2]
PYTHON = Path(os.environ.get("VERL_PYTHON", Path(sys.prefix) / "verl" / "bin" / "python"))
RELEASE = "data/releases/starter"
"""Where the release lies in the documented commands."""
LIMIT = r"\lim_{y \to 0} y"
QUESTIONS = [f"What is {first} + {second}?" for first, second in ROWS]


@pytest.fixture(scope="module")
def verl_python() -> Path:
    if not PYTHON.exists():
        message = f"verl is not at {PYTHON}: run `make verl`, or tests/install_verl.sh and set VERL_PYTHON"
        pytest.fail(message) if "VERL_PYTHON" in os.environ else pytest.skip(message)
    return PYTHON


def files_of(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.glob("train-*.parquet"))


def documented(program: str, files: list[str]) -> list[str]:
    """Options of the command that the docs show for a program, with these files instead of a release's."""
    page = (REPOSITORY / "docs" / "how-to" / "training.md").read_text("utf-8")
    (block,) = [block for block in page.split("```") if f"-m {program} " in block]
    words = [word for word in shlex.split(block.replace("\\\n", " ")) if "=" in word]
    return [word for word in words if RELEASE not in word] + [f"data.train_files={json.dumps(files)}"]


def prompts_job(files: list[str], responses: list[str]) -> dict[str, object]:
    options = [*documented("verl.trainer.main_ppo", files), "data.filter_overlong_prompts=true"]
    return {"reader": "prompts", "options": options, "responses": responses}


def conversations_job(files: list[str]) -> dict[str, object]:
    return {"reader": "conversations", "options": documented("verl.trainer.sft_trainer", files)}


def changed(folder: Path, target: Path, change: pl.Expr) -> list[str]:
    """The same rows with a column in another layout."""
    frame = pl.read_parquet(files_of(folder)).with_columns(change)
    target.mkdir()
    frame.write_parquet(target / "train-0.parquet")
    return files_of(target)


@pytest.fixture(scope="module")
def found(verl_python, tmp_path_factory) -> dict[str, dict[str, object]]:
    """What verl made of each job, all in one process, because importing it takes longest."""
    folder = write_sums_release(tmp_path_factory.mktemp("release"))
    prompts, aside = folder / "rl_prompts_verl", tmp_path_factory.mktemp("changed")
    answers = [solved(*pair, index % 2) for index, pair in enumerate(ROWS)]
    text = pl.col("prompt").list.first().struct.field("content").alias("prompt")
    without_truth = pl.struct(style=pl.lit("rule")).alias("reward_model")
    symbolic = pl.struct(ground_truth=pl.lit(f"2x + {LIMIT}")).alias("reward_model")
    jobs = {
        "prompts": prompts_job(files_of(prompts), answers),
        "symbolic": prompts_job(
            changed(prompts, aside / "symbolic", symbolic), [rf"\boxed{{{LIMIT} + 2x}}", *answers[1:]]
        ),
        "prompt_is_text": prompts_job(changed(prompts, aside / "text", text), answers),
        "no_ground_truth": prompts_job(changed(prompts, aside / "truth", without_truth), answers),
        "mix": conversations_job(files_of(folder / "data")),
        "sharegpt": conversations_job(files_of(folder / "sharegpt")),
    }
    tokenizer = {"tokenizer": str(STARTER_MODELS / "starter-small")}
    variables = os.environ | {
        "PYTHONPATH": str(REPOSITORY), "HF_HOME": str(aside / "cache"), "PYTHONWARNINGS": "ignore",
    }  # fmt: skip
    done = subprocess.run(
        [verl_python, REPOSITORY / "tests" / "verl_reader.py"], env=variables, capture_output=True, text=True,
        input=json.dumps([job | tokenizer for job in jobs.values()]), timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["unmet"] == []
    return dict(zip(jobs, answer["found"], strict=True))


def problems(prompts: dict[str, object]) -> list[str]:
    """What a trainer would miss in what the reader of prompts gave."""
    if "refused" in prompts:
        return [str(prompts["refused"])]
    if len(prompts["rows"]) != len(ROWS):
        return [f"{len(prompts['rows'])} of {len(ROWS)} rows"]
    return [
        question
        for question, asked, row, pair in zip(QUESTIONS, prompts["prompts"], prompts["rows"], ROWS, strict=True)
        if question not in asked or row["reward_model"] != {"style": "rule", "ground_truth": str(sum(pair))}
    ]


def test_every_prompt_is_read_with_its_reference(found):
    assert problems(found["prompts"]) == []
    assert found["prompts"]["prompts"][0] == "<|user|>What is 12 + 15?<|end|><|assistant|><think>\n"


def test_rows_lead_back_to_prompts_and_say_how_answers_are_judged(found):
    rows = found["prompts"]["rows"]
    assert {row["data_source"] for row in rows} == {"sums"}
    assert {row["ability"] for row in rows} == {"math"}
    assert [row["extra_info"]["prompt_id"] for row in rows] == [str(number) for number in range(len(ROWS))]
    assert {(row["extra_info"]["verifier"], row["extra_info"]["language"]) for row in rows} == {("math", "en")}
    assert rows[0]["extra_info"]["pass_rate"] == 0.5


def test_reward_manager_scores_responses_with_our_function(found):
    scores = found["prompts"]["scores"]
    assert [one["reward_score"] for one in scores] == [3, 2] * (len(ROWS) // 2), "every other response is wrong"
    assert [one["reward_extra_info"]["accuracy"] for one in scores[:2]] == [1, 0]


def test_formulas_are_compared_with_the_parser_that_verl_brings(found):
    assert found["symbolic"]["scores"][0]["reward_extra_info"]["accuracy"] == 1


@pytest.mark.parametrize(
    ("layout", "problem"),
    [
        pytest.param("prompt_is_text", f"0 of {len(ROWS)} rows", id="prompt-is-text"),
        pytest.param("no_ground_truth", "KeyError: 'ground_truth'", id="no-ground-truth"),
    ],
)
def test_another_layout_is_not_read(found, layout, problem):
    assert problems(found[layout]) == [problem]


def test_conversations_are_trained_on_after_the_question(found):
    texts, trained = found["mix"]["texts"], found["mix"]["trained"]
    assert texts == [
        f"<|user|>{question}<|end|><|assistant|>{solved(*pair)}<|end|>"
        for question, pair in zip(QUESTIONS, ROWS, strict=True)
    ]
    answers = [solved(*pair).removeprefix("<think>\n") for pair in ROWS]
    assert trained == [f"{answer}<|end|>" for answer in answers], "the template asks with the opening tag"


def test_conversations_of_another_layout_are_not_read(found):
    assert found["sharegpt"] == {"refused": "KeyError: 'messages'"}
