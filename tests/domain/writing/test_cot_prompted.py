"""Prompts that ask for something are answered after thinking; style and verdicts decide what is kept."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from scripted_writer import section

from openreason_dagster.domain.inference.questions import Reply
from openreason_dagster.domain.recipe_non_reasoning import CotPrompted
from openreason_dagster.domain.records import Verdict
from openreason_dagster.domain.schemas import CHAT_SFT_DATA, PROMPT_POOL
from openreason_dagster.domain.verification.answer_judge import Rating
from openreason_dagster.domain.verification.verify import verify_batch
from openreason_dagster.domain.verification.workers import Workers
from openreason_dagster.domain.writing.answer_ratings import Rater
from openreason_dagster.domain.writing.cot_prompted import answer_after_thinking
from openreason_dagster.domain.writing.cot_prompts import choose_prompts, non_reasoning_prompts, triaged
from openreason_dagster.domain.writing.prompts import read_writer_template

PROMPT = "Write a birthday wish for a colleague whom you do not know well."
THOUGHT = "They want a short wish. I should be kind but not too close.\n\nOne or two sentences will do."
CHINESE = "他们想要一个简短的生日祝福，我应该写得友好一点。"
ANSWER = "Happy birthday! I hope you have a lovely day."
ROW = {
    "prompt_id": "p0", "source": "chat", "domain": "general", "language": "en", "license": "MIT", "prompt": PROMPT,
    "reference_answer": None, "verifier": None, "verifier_spec": None,
}  # fmt: skip
CONSTRAINED = {
    "verifier": "instruction",
    "verifier_spec": '{"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}',
}


def rules(**changes):
    return CotPrompted(**({"writer": {"model": "scribe"}} | changes))


def tagged(thought=THOUGHT, answer=ANSWER):
    return f"<reasoning>\n{thought}\n</reasoning>\n\n<answer>{answer}</answer>"


def write(text, row=None, rater=None, **changes):
    asked = []

    def ask(questions):
        asked.extend(questions)
        return {question: Reply(text=text) for question in asked}

    template = read_writer_template("cot_prompted", key="k", recipe_folder=Path(), placeholders=["question"])
    rows = pl.DataFrame([ROW | (row or {})], schema=dict.fromkeys(ROW, pl.String))
    with Workers(count=1, timeout_seconds=5, memory_megabytes=2048) as workers:
        answered = answer_after_thinking(
            rows, rules(**changes), template, ask=ask,
            verify=lambda rows: verify_batch(rows, workers, now=datetime(2025, 1, 1, tzinfo=UTC)), rater=rater,
        )  # fmt: skip
    assert section(asked[0].messages[-1].content, "message") == rows["prompt"][0]
    return answered


def test_a_good_answer_becomes_a_row():
    answered = write(tagged())
    assert answered.dropped.is_empty()
    (row,) = answered.kept.to_dicts()
    assert (row["reasoning"], row["answer"], row["verdict"]) == (THOUGHT, ANSWER, None)
    assert (row["model"], row["temperature"], row["source"]) == ("scribe", "writer", "chat")


def test_constraints_are_verified():
    (row,) = write(tagged(), row=CONSTRAINED).kept.to_dicts()
    assert row["verdict"] == "correct"
    assert row["verifier_version"].startswith("instruction")


def rater(verdict, score, *, unrated="keep"):
    rating = Rating(verdict=verdict, score=score, why="It is so.")
    return Rater(
        judge="judge",
        version="rating-1:judge",
        unrated=unrated,
        rate=lambda all_: dict.fromkeys(all_, rating),
    )


@pytest.mark.parametrize(
    ("rater", "verdict", "reason"),
    [
        pytest.param(rater(Verdict.CORRECT, 8), "correct", None, id="accepted"),
        pytest.param(rater(Verdict.INCORRECT, 3), None, "rated_low", id="rejected"),
        pytest.param(rater(Verdict.ABSTAINED, None), "abstained", None, id="unrated-kept"),
        pytest.param(rater(Verdict.ERROR, None), "error", None, id="judge-failed-kept"),
        pytest.param(rater(Verdict.ABSTAINED, None, unrated="drop"), None, "not_rated", id="unrated-left-out"),
        pytest.param(rater(Verdict.INCORRECT, 3, unrated="drop"), None, "rated_low", id="low-is-not-unrated"),
    ],
)
def test_a_judge_rates_answers_without_a_verifier(rater, verdict, reason):
    answered = write(tagged(), rater=rater)
    assert answered.kept["verdict"].to_list() == ([] if verdict is None else [verdict])
    assert answered.kept["verifier_version"].to_list() == ([] if verdict is None else ["rating-1:judge"])
    assert answered.dropped["reason"].to_list() == ([] if reason is None else [reason])
    (evidence,) = answered.ratings.to_dicts()
    rating = rater.rate(["x"])["x"]
    assert (evidence["score"], evidence["verdict"]) == (rating.score, rating.verdict.value)
    assert set(answered.kept["trace_id"]) <= {evidence["trace_id"]}


def test_a_verifier_needs_no_judge_and_what_reads_badly_is_not_rated():
    refuses = rater(Verdict.INCORRECT, 1)
    verified = write(tagged(), row=CONSTRAINED, rater=refuses)
    assert verified.kept["verdict"].to_list() == ["correct"]
    assert verified.ratings.is_empty()
    assert write(tagged(thought="# Plan\nBe kind."), rater=refuses).ratings.is_empty()


@pytest.mark.parametrize(
    ("text", "row", "reason"),
    [
        pytest.param("", {}, "reply_empty", id="blank"),
        pytest.param(ANSWER, {}, "bad_form", id="no-tags"),
        pytest.param(f"<reasoning>{THOUGHT}</reasoning>", {}, "bad_form", id="no-answer"),
        pytest.param(f"<answer>{ANSWER}</answer><reasoning>{THOUGHT}</reasoning>", {}, "bad_form", id="answer-first"),
        pytest.param(tagged(answer=""), {}, "bad_form", id="blank-answer"),
        pytest.param(tagged(answer="</think> ignore"), {}, "bad_form", id="think-tag-injected"),
        pytest.param(tagged(thought="# Plan\nBe kind."), {}, "markdown_in_reasoning", id="heading"),
        pytest.param(tagged(thought="I need:\n- a wish\n- a name"), {}, "markdown_in_reasoning", id="list"),
        pytest.param(tagged(thought="This is **important**."), {}, "markdown_in_reasoning", id="bold"),
        pytest.param(tagged(thought="I think about it. " * 100), {}, "long_paragraph", id="wall-of-text"),
        pytest.param(tagged(thought=CHINESE), {}, "mixed_language", id="other-language"),
        pytest.param(tagged(answer="Well, happy birthday"), CONSTRAINED, "not_correct", id="constraint-not-met"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_left_out_with_its_reason(text, row, reason):
    answered = write(text, row=row)
    assert answered.kept.is_empty()
    assert answered.dropped.select("prompt_id", "source", "reason").rows() == [("p0", "chat", reason)]
    assert answered.dropped["detail"][0]


@pytest.mark.parametrize(
    ("thought", "change"),
    [
        pytest.param("# Plan\nBe kind.", {"markdown_in_reasoning": "keep"}, id="markdown"),
        pytest.param("I think about it. " * 100, {"maximum_paragraph_characters": None}, id="paragraphs"),
        pytest.param(CHINESE, {"minimum_language_consistency": None}, id="language"),
    ],
)  # fmt: skip
def test_filters_that_are_off_leave_nothing_out(thought, change):
    assert write(tagged(thought=thought), **change).dropped.is_empty()


def chat(number, prompt, *, more=()):
    messages = [{"role": "user", "content": prompt}, {"role": "assistant", "content": "Sure."}, *more]
    return {
        "conversation_id": f"c{number}", "prompt_id": f"p{number}", "source": "chat", "source_row_id": str(number),
        "domain": "general", "language": "en", "license": "MIT", "quality": None, "turns": len(messages),
        "characters": 1, "messages": messages,
    }  # fmt: skip


def seed(prompt_id, domain):
    return {
        "prompt_id": prompt_id, "source": "pool", "source_row_id": "0", "domain": domain, "language": "en",
        "prompt": PROMPT, "reference_answer": None, "solution": None, "license": "MIT",
    } | CONSTRAINED  # fmt: skip


def test_prompts_come_from_single_exchanges_and_from_named_domains():
    further = [{"role": "user", "content": "And?"}, {"role": "assistant", "content": "That."}]
    tables = {
        "chat_sft_data": CHAT_SFT_DATA.frame(
            [chat(1, "Hello!"), chat(2, "Write a poem about rain.", more=further), chat(3, "Write a haiku."),
             chat(4, "Explain rainbows."), chat(4, "Explain rainbows.") | {"conversation_id": "c5"}]
        ).lazy(),
        "prompt_pool": PROMPT_POOL.frame([seed("q1", "instruction"), seed("q2", "math")]).lazy(),
    }  # fmt: skip
    prompts = non_reasoning_prompts(tables, rules())
    found = prompts.collect()
    assert found["prompt_id"].to_list() == ["p1", "p3", "p4", "q1"]
    assert found["verifier"].to_list() == [None, None, None, "instruction"]
    asked, left = choose_prompts(triaged([found]), rules(prompts=2))
    assert asked["prompt_id"].to_list() == ["p3", "p4"]
    assert dict(left.select("prompt_id", "reason").iter_rows()) == {"p1": "greeting", "q1": "over_row_limit"}
