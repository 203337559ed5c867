"""The embedded writer: what it is taught, and the rows that the pipeline makes of what it writes."""

from pathlib import Path

import pytest
from finished_run import FINISHED
from small_workspace import starter_entry

from openreason_dagster.checks.datasets import cold_start_data_is_verified
from openreason_dagster.domain.inference.questions import Reply
from openreason_dagster.domain.schemas import CHAT_SFT_DATA, PROMPT_POOL
from openreason_dagster.domain.seeds.starter_tasks import FAMILIES, generate
from openreason_dagster.domain.writing.readability import markdown_in, unknown_numbers
from openreason_dagster.domain.writing.replies import texts_of
from openreason_dagster.resources.cold_start import build_cold_start_data
from openreason_dagster.resources.cot_answers import build_cot_prompted_traces
from openreason_dagster.resources.progress import ProgressListener
from starter.evaluate_writer import is_answered, keeps_its_facts
from starter.train_writer import request_lesson, rewrite_lesson, summary_lesson
from starter.writer_requests import REQUEST_FAMILIES, requests

TEMPLATES = Path("recipes/writing").resolve()
WRITER = {"model": "starter-writer", "max_tokens": 200}


def taught(lesson, *tags):
    """The texts of a lesson, as the pipeline will read them."""
    return texts_of(Reply(text=lesson.completion.removeprefix("</think>")), tags)


@pytest.mark.parametrize("family", FAMILIES)
def test_lessons_hold_the_facts_of_the_problem_and_nothing_else(family):
    for problem in generate(family, count=40, seed=3, split="train"):
        lesson = rewrite_lesson(problem)
        (rewritten,) = taught(lesson, "reasoning")
        assert keeps_its_facts(problem, (rewritten,))
        assert unknown_numbers(rewritten, problem.question, problem.reasoning) == []
        assert rewritten.startswith("I ")
        (summary,) = taught(summary_lesson(problem), "summary")
        assert summary.endswith(f"\\boxed{{{problem.answer}}}.")
        assert unknown_numbers(summary, problem.question, rewritten) == []


@pytest.mark.parametrize("family", REQUEST_FAMILIES)
def test_requests_are_thought_about_and_answered(family):
    for request in requests(family, count=40, seed=3, split="train"):
        thought, answer = taught(request_lesson(request), "reasoning", "answer")
        assert is_answered(request, (thought, answer))
        assert markdown_in(thought) is None


def test_an_answer_that_names_something_else_does_not_do_what_is_asked():
    request = next(request for request in requests("name", count=20, seed=1, split="train") if "two" in request.prompt)
    assert not is_answered(request, ("", "Moon and sun."))
    assert not is_answered(request, ("", request.answer.split()[0]))
    assert not is_answered(request, None)


def written(workspace, name, build):
    """Kept and left-out rows after the embedded writer was asked."""
    workspace.write_model(starter_entry("starter-writer", "starter-writer") | {"roles": ["writer"]})
    workspace.write_recipe(
        **FINISHED,
        cold_start={
            "writer": WRITER,
            "temperature": 0.3,
            "rewrite_template": str(TEMPLATES / "starter_rewrite.txt"),
            "summary_template": str(TEMPLATES / "starter_summary.txt"),
            "examples": None,
        },
        cot_prompted={"writer": WRITER, "template": str(TEMPLATES / "starter_think.txt")},
    )
    build(workspace.tables, workspace.workspace, run_id="run", progress=ProgressListener())
    return (workspace.tables.scan(f"{name}{suffix}").collect() for suffix in ("", "_dropped"))


def test_it_is_a_writer_and_never_sampled(finished):
    finished.write_model(starter_entry("starter-writer", "starter-writer") | {"roles": ["writer"]})
    assert "starter-writer" not in finished.workspace.selected_models()


def test_correct_traces_become_cold_start_data(finished):
    kept, dropped = written(finished, "cold_start_data", build_cold_start_data)
    correct = finished.tables.scan("verified_traces", temperature="0.3").filter(verdict="correct").collect()
    assert sorted([*kept["source_trace_id"], *dropped["trace_id"]]) == sorted(correct["trace_id"])
    assert kept.height > 2
    assert kept["reasoning"].str.starts_with("I am asked").sum() > kept.height / 2
    assert cold_start_data_is_verified(finished.tables).passed


def chat(number, prompt):
    messages = [{"role": "user", "content": prompt}, {"role": "assistant", "content": "Well."}]
    return {
        "conversation_id": f"c{number}", "prompt_id": f"p{number}", "source": "chat", "source_row_id": str(number),
        "domain": "general", "language": "en", "license": "MIT", "quality": None, "turns": 2, "characters": 1,
        "messages": messages,
    }  # fmt: skip


def instruction(prompt_id, prompt, words):
    names = '["keywords:existence"]'
    return {
        "prompt_id": prompt_id, "source": "rules", "source_row_id": "0", "domain": "instruction", "language": "en",
        "prompt": prompt, "reference_answer": None, "solution": None, "license": "MIT", "verifier": "instruction",
        "verifier_spec": f'{{"instruction_id_list": {names}, "kwargs": [{{"keywords": {words}}}]}}',
    }  # fmt: skip


def test_requests_become_answers_after_thinking(finished):
    finished.tables.replace(
        "chat_sft_data", CHAT_SFT_DATA.frame([chat(1, "Wish Ann a good holiday."), chat(2, "Wish Mia a good evening.")])
    )
    rules = [
        instruction("q1", "Wish Leo a good trip.", '["Leo", "trip"]'),
        instruction("q2", "Wish Hal a good trip.", '["Leo"]'),
    ]
    finished.tables.append("prompt_pool", PROMPT_POOL.frame(rules))
    kept, dropped = written(finished, "cot_prompted_traces", build_cot_prompted_traces)
    verdicts = dict(kept.select("prompt_id", "verdict").iter_rows())
    assert verdicts == {"p1": None, "p2": None, "q1": "correct"}
    assert dict(dropped.select("prompt_id", "reason").iter_rows()) == {"q2": "not_correct"}
    answers = dict(kept.select("prompt_id", "answer").iter_rows())
    assert "Ann" in answers["p1"]
