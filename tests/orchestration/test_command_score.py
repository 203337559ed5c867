"""`openreason score` on files and pipes."""

import pytest
from command_line import words
from file_commands import invoke, lines, rows_of

ENGLISH = "<think>We add the two numbers and then we check the result again.</think>It is 5."
ROW = {"response": ENGLISH, "is_correct": True}


def scored(*rows, arguments=()):
    result = invoke("score", "-", "--output", "-", *arguments, stdin=lines(*rows))
    assert result.exit_code == 0, result.stderr
    return rows_of(result.stdout)


def test_every_reward_and_the_total_by_default():
    [row] = scored(ROW | {"id": 7})
    assert row["id"] == 7
    assert row["error"] is None
    assert [row[f"reward_{name}"] for name in ("accuracy", "format", "language_consistency", "total")] == [1, 1, 1, 3]


def test_rewards_by_name():
    [row] = scored(ROW, arguments=("--reward", "format", "--reward", "accuracy"))
    assert {key for key in row if key.startswith("reward_")} == {"reward_format", "reward_accuracy"}


@pytest.mark.parametrize(
    ("row", "rewards"),
    [
        pytest.param({"response": "It is 5.", "is_correct": False}, (0, 0, None), id="no think block"),
        pytest.param({"response": ENGLISH}, (None, 1, 1), id="not judged"),
        pytest.param({"response": ENGLISH, "language": "zh", "is_correct": None}, (None, 1, 0), id="another language"),
        pytest.param(
            {"reasoning": "We add them both.", "answer": "5", "is_correct": True}, (1, 1, 1), id="reasoning and answer"
        ),
    ],
)
def test_rewards_of_a_row(row, rewards):
    [found] = scored(row)
    assert tuple(found[f"reward_{name}"] for name in ("accuracy", "format", "language_consistency")) == rewards


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        pytest.param("{broken", "line 2", id="no JSON"),
        pytest.param({"is_correct": True}, "column `response`: found None, expected text", id="no response"),
        pytest.param({"response": "a", "is_correct": 1}, "column `is_correct`: found 1", id="number for truth"),
        pytest.param({"response": "a", "language": 3}, "column `language`: found 3", id="language as a number"),
    ],
)
def test_bad_row_is_data_among_good_ones(row, reason):
    before, bad, after = scored(ROW, row, ROW)
    assert before["reward_total"] == after["reward_total"] == 3
    assert bad["reward_total"] is bad["reward_format"] is None
    assert reason in bad["error"]


def test_summary_has_the_mean_of_each_reward():
    result = invoke("score", "-", stdin=lines(ROW, {"response": ENGLISH, "is_correct": False}, "{"))
    text = words(result.stderr)
    assert "reward_accuracy 0.5000 2 1" in text
    assert "reward_total 2.5000 2 1" in text
    assert "3 rows in" in text


def test_unknown_reward():
    result = invoke("score", "-", "--reward", "beauty", stdin=lines(ROW))
    assert result.exit_code == 1
    assert "--reward 'beauty': there is no such reward; expected any of accuracy, format" in words(result.stderr)


@pytest.mark.parametrize("language", ["english", "EN", "sw", ""])
def test_language_that_cannot_be_measured_is_refused_where_it_is_needed(language):
    result = invoke("score", "-", "--language", language, stdin=lines(ROW))
    assert result.exit_code == 1
    text = words(result.stderr)
    assert f"--language {language!r}: its words cannot be told from others; expected one of ar, bg" in text
    assert scored(ROW, arguments=("--reward", "format", "--language", language))[0]["reward_format"] == 1


def test_verdicts_can_be_scored(tmp_path):
    rows = lines({"reference": "5", "response": ENGLISH.replace("5.", r"\boxed{5}.")})
    checked = invoke("verify", "-", "--output", "-", "--workers", "1", stdin=rows).stdout
    assert [row["reward_accuracy"] for row in scored(*checked.splitlines())] == [1]
    output = tmp_path / "scored.parquet"
    assert invoke("score", "-", "--output", output, stdin=checked).exit_code == 0
    assert output.exists()
