"""What trainers import: the signatures of TRL and verl, over the verifiers and rewards of the pipeline."""

import json
import subprocess
import sys
import threading
import time
from contextlib import closing

import polars as pl
import psutil
import pytest
from example_tables import small_run
from joined_completions import join_completion

from openreason_dagster import scoring
from openreason_dagster.domain.recipe_verification import Verification
from openreason_dagster.domain.records import ThinkState

GOOD = "<think>\nAdding two and three gives five.\n</think>\n\n5"
WRONG = "<think>\nAdding two and three gives six.\n</think>\n\n6"
BARE = "5"
SILENT = "<think>\nI keep thinking about it"
HANGING = r"\boxed{\lim_{u \to 0} u + (x+y+z+w)^{900}}"
LIMIT = r"\lim_{y \to 0} y"
SYMBOLIC = f"2x + {LIMIT}"
"""A reference that only a worker process can compare."""
RIGHT = rf"\boxed{{{LIMIT} + 2x}}"


def columns(count):
    return {"reference_answer": ["5"] * count, "verifier": ["math"] * count, "language": ["en"] * count}


def test_rewards_of_a_batch():
    batch = [GOOD, WRONG, BARE, SILENT]
    assert scoring.accuracy_reward(batch, **columns(4)) == [1, 0, 1, 0]
    assert scoring.format_reward(batch, **columns(4)) == [1, 1, 0, 0]
    assert scoring.language_consistency_reward(batch, **columns(4)) == [1, 1, 1, 1]
    assert scoring.r1_reward(batch, **columns(4)) == [3, 2, 2, 1]


def test_messages_and_unused_arguments_of_trl_are_taken():
    found = scoring.r1_reward(
        prompts=[[{"role": "user", "content": "2 + 3?"}]], completions=[[{"role": "assistant", "content": GOOD}]],
        completion_ids=[[1, 2]], trainer_state=object(), log_extra=print, log_metric=print, source=["sums"],
        **columns(1),
    )  # fmt: skip
    assert found == [3]


def test_reasoning_in_another_language_costs():
    mixed = "<think>\nWir addieren die beiden Zahlen zusammen und das Ergebnis ist fünf.\n</think>\n\n5"
    assert scoring.language_consistency_reward([mixed], **columns(1))[0] < 0.5
    german = columns(1) | {"language": ["de"]}
    assert scoring.language_consistency_reward([mixed], **german)[0] > 0.9


def test_what_cannot_be_judged_is_no_number_for_trl_and_marked_for_verl():
    unknown = columns(1) | {"verifier": ["choice"], "verifier_spec": ["no json"]}
    assert scoring.r1_reward([GOOD], **unknown) == [None]
    extra = {"verifier": "choice", "verifier_spec": "no json", "language": "en"}
    found = scoring.compute_score("sums", GOOD, "5", extra)
    assert (found["score"], found["judged"]) == (0, 0)


def test_verl_signature():
    extra = {"split": "train", "index": 3, "verifier": "math", "verifier_spec": "{}", "language": "en", "num_turns": 1}
    found = scoring.compute_score(data_source="sums", solution_str=GOOD, ground_truth="5", extra_info=extra)
    assert found == {"score": 3, "accuracy": 1, "format": 1, "language_consistency": 1, "judged": 1}
    assert scoring.compute_score("sums", WRONG, "5")["score"] == 2, "mathematics in English when nothing is said"
    assert scoring.compute_score("sums", GOOD, "5", None, reward_router_address=None)["score"] == 3


@pytest.mark.parametrize("completion", [GOOD, WRONG, BARE, SILENT, "", "<think>\n1 + 1 = 2\n</think>\n\n5"])
def test_parts_that_verl_gets_sum_up_to_the_score(completion):
    found = scoring.compute_score("sums", completion, "5")
    assert found["score"] == found["accuracy"] + found["format"] + found["language_consistency"]


def test_constraints_need_no_ground_truth():
    spec = '{"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}'
    extra = {"verifier": "instruction", "verifier_spec": spec, "language": "en"}
    assert scoring.compute_score("s", "<think>\nso\n</think>\n\nNo comma here.", "", extra)["accuracy"] == 1
    assert scoring.compute_score("s", "<think>\nso\n</think>\n\nYes, one here.", "", extra)["accuracy"] == 0


def test_weights_change_the_total_alone():
    from openreason_dagster.domain.recipe import RewardWeights

    scorer = scoring.Scorer(weights=RewardWeights(accuracy=10, format=0, language_consistency=0))
    assert scorer.total([GOOD, WRONG], **columns(2)) == [10, 0]
    assert scorer.format([GOOD], **columns(1)) == [1]
    scorer.close()


def test_completions_get_the_rewards_that_the_pipeline_stored():
    tables = small_run()
    stored = (
        tables["sampled_traces"].join(tables["verified_traces"].select("trace_id", "verdict"), on="trace_id")
        .filter(pl.col("verdict") == "correct").join(tables["scored_traces"], on="trace_id").collect()
    )  # fmt: skip
    texts = [
        join_completion(row["reasoning"], row["answer"], ThinkState(row["think_state"]))
        for row in stored.iter_rows(named=True)
    ]
    found = scoring.Scorer(opened_think=True).scores(texts, **columns(len(texts)))
    names = ["reward_accuracy", "reward_format", "reward_language_consistency", "reward_total"]
    assert found.select(names).equals(stored.select(names))


@pytest.mark.slow
def test_hanging_answer_costs_its_timeout_and_no_other_answer():
    references = {"reference_answer": [SYMBOLIC, r"\sqrt{2}x", SYMBOLIC]}
    scorer = scoring.Scorer(verification=Verification(timeout_seconds=8, workers=1))
    try:
        scorer.accuracy([RIGHT], reference_answer=[SYMBOLIC])
        started = time.monotonic()
        found = scorer.accuracy([RIGHT, HANGING, rf"\boxed{{{LIMIT} + 4x}}"], **references)
        assert time.monotonic() - started < 60
        assert found == [1, None, 0], "what hangs is not known to be wrong"
    finally:
        scorer.close()


@pytest.mark.slow
def test_threads_share_one_scorer():
    scorer, found = scoring.Scorer(), {}
    answers = [rf"\boxed{{{LIMIT} + {number}x}}" for number in (2, 3, 2, 5, 2, 7)]

    def score(number):
        found[number] = scorer.compute_score("sums", answers[number], SYMBOLIC)["accuracy"]

    threads = [threading.Thread(target=score, args=(number,)) for number in range(len(answers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    scorer.close()
    assert [found[number] for number in range(len(answers))] == [1, 0, 1, 0, 1, 0]


@pytest.mark.slow
def test_programs_run_in_the_sandbox_and_endless_ones_are_wrong_for_a_policy():
    tests = {"stdio": [{"stdin": "2 3", "stdout": "5"}]}
    programs = ["print(sum(map(int, input().split())))", "print(6)", "import os; os._exit(0)", "while True: pass"]
    specs = [json.dumps(tests)] * 3 + [json.dumps(tests | {"seconds": 1})]
    completions = [f"<think>\nI add them.\n</think>\n\n```python\n{program}\n```" for program in programs]
    with closing(scoring.Scorer()) as scorer:
        found = scorer.scores(completions, verifier=["code"] * len(programs), verifier_spec=specs)
    assert found["verdict"].to_list() == ["correct", "incorrect", "incorrect", "timeout"]
    assert found["reward_accuracy"].to_list() == [1, 0, 0, 0]


FORKING = f"""
import os, sys
from openreason_dagster import scoring
batch = {[RIGHT]!r}, {{"reference_answer": {[SYMBOLIC]!r}}}
scorer = scoring.Scorer()
assert scorer.accuracy(batch[0], **batch[1]) == [1.0]
(before,) = [worker.process.pid for worker in scorer._workers._workers]
child = os.fork()
if child == 0:
    sys.exit(0)
os.waitpid(child, 0)
assert scorer.accuracy(batch[0], **batch[1]) == [1.0]
assert [worker.process.pid for worker in scorer._workers._workers] == [before]
print(before)
"""


@pytest.mark.slow
def test_a_forked_process_that_ends_leaves_the_workers_and_the_trainer_takes_them_with_it():
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKING], capture_output=True, text=True, check=False, timeout=120
    )
    assert result.returncode == 0, result.stderr
    assert not psutil.pid_exists(int(result.stdout))


def test_import_is_light():
    code = (
        "import sys, openreason_dagster.scoring\n"
        "print(sorted({'dagster', 'torch', 'transformers', 'datasets', 'sympy', 'lingua'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
