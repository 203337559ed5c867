"""All components enter the mix as conversations, cut to their shares, each row under an id of its own."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openreason_dagster.domain.datasets.components import component_rows, cut_to_shares, mixed_conversations
from openreason_dagster.domain.datasets.non_reasoning_data import ranked_rows
from openreason_dagster.domain.datasets.turns import answers_after_thinking, first_user_turn, takes_turns, think_blocks
from openreason_dagster.domain.errors import ReleaseError
from openreason_dagster.domain.recipe_datasets import SftMix
from openreason_dagster.domain.recipe_non_reasoning import NonReasoningData
from openreason_dagster.domain.schemas import MESSAGES, TABLES


def frame(name, *rows):
    """Rows of a table; texts and numbers that are left out are filled with something."""
    blank = {pl.String(): "x", pl.Int64(): 1, pl.Float64(): 1.0, MESSAGES: []}
    default = {column.name: blank[column.dtype] for column in TABLES[name].columns if column.dtype in blank}
    fields = TABLES[name].schema.names()
    return TABLES[name].frame([{key: (default | row).get(key) for key in fields} for row in rows]).lazy()


def turns(*texts):
    return [{"role": ("user", "assistant")[place % 2], "content": text} for place, text in enumerate(texts)]


def tables(non_reasoning=()):
    return {
        "reasoning_data": frame("reasoning_data", {"trace_id": "t1", "prompt_id": "p1", "rank": 1, "domain": "math"}),
        "cold_start_data": frame(
            "cold_start_data",
            {"trace_id": "w1", "source_trace_id": "t1", "prompt_id": "p1", "domain": "math", "reasoning": "I add. ",
             "answer": " \\boxed{2}"},
        ),
        "non_reasoning_data": frame("non_reasoning_data", *non_reasoning),
        "sampled_traces": frame(
            "sampled_traces", {"trace_id": "t1", "reasoning": "add", "answer": "2", "completion_tokens": 2_000}
        ),
        "prompt_pool": frame(
            "prompt_pool", {"prompt_id": "p1", "prompt": "1+1?", "source": "sums", "topic": "addition"}
        ),
        "prompt_clusters": frame("prompt_clusters", {"prompt_id": "p1", "cluster_id": "p0"}),
        "prompt_statistics": frame("prompt_statistics", {"prompt_id": "p1", "judged": 4, "correct": 1}),
    }  # fmt: skip


def test_rows_of_all_components_become_conversations():
    found = tables(
        [{"trace_id": "c1", "prompt_id": "p2", "domain": "general", "source": "chat", "messages": turns("Hi", "Hello")}]
    )
    rows = component_rows(found).collect()
    assert sorted(rows.select("trace_id", "component").iter_rows()) == [
        ("c1", "non_reasoning_data"), ("t1", "reasoning_data"), ("w1", "cold_start_data"),
    ]  # fmt: skip
    described = rows.select("trace_id", "source", "cluster_id", "topic", "difficulty", "length", "reward_total")
    assert sorted(described.iter_rows()) == [
        ("c1", "chat", "p2", "chat", "unknown", "unknown", None),
        ("t1", "sums", "p0", "addition", "hard", "2k to 4k", 1.0),
        ("w1", "sums", "p0", "addition", "hard", "unknown", 1.0),
    ]
    chosen = rows.with_columns(split=pl.lit("train"))
    mixed = pl.concat(mixed_conversations(chosen, found))
    assert mixed.schema == TABLES["sft_mix"].schema
    texts = {row["trace_id"]: [turn["content"] for turn in row["messages"]] for row in mixed.to_dicts()}
    assert texts == {
        "t1": ["1+1?", "<think>\nadd\n</think>\n\n2"],
        "w1": ["1+1?", "<think>\nI add.\n</think>\n\n\\boxed{2}"],
        "c1": ["Hi", "Hello"],
    }


def candidates(**counts):
    return pl.DataFrame(
        [
            {"trace_id": f"{name}{n}", "prompt_id": f"p{n}", "model": "m", "temperature": "t", "domain": "math",
             "rank": 1 + n % 2, "reward_total": None, "component": name}
            for name, count in counts.items() for n in range(count)
        ],
        schema_overrides={"reward_total": pl.Float64},
    )  # fmt: skip


def test_shares_of_components_are_kept_and_best_ranks_come_first():
    shares = {"reasoning_data": 0.75, "non_reasoning_data": 0.25}
    mix = cut_to_shares(
        candidates(reasoning_data=9, non_reasoning_data=8, cold_start_data=3), SftMix(component_shares=shares)
    )
    assert dict(mix.chosen["component"].value_counts().iter_rows()) == {"reasoning_data": 9, "non_reasoning_data": 3}
    assert set(mix.chosen.filter(component="non_reasoning_data")["rank"]) == {1}
    assert set(mix.dropped["reason"]) == {"over_component_share"}
    assert mix.chosen.height + mix.dropped.height == 20


def test_a_component_with_a_share_and_without_rows_is_refused():
    with pytest.raises(ReleaseError, match=r"component_shares\.cold_start_data` is 0.5"):
        cut_to_shares(
            candidates(reasoning_data=3), SftMix(component_shares={"reasoning_data": 0.5, "cold_start_data": 0.5})
        )


def test_shares_that_do_not_sum_to_one_are_refused():
    with pytest.raises(ValueError, match="shares sum to"):
        SftMix(component_shares={"reasoning_data": 0.5})


def answers(origin, *keys):
    id_column = "conversation_id" if origin == "chat_sft_data" else "trace_id"
    return frame(origin, *({id_column: identity, "prompt_id": prompt} for identity, prompt in keys))


def test_a_prompt_is_answered_once_and_after_thinking_where_there_is_such_an_answer():
    chat = answers("chat_sft_data", ("c1", "p1"), ("c2", "p1"), ("c3", "p2"))
    cot = answers("cot_prompted_traces", ("z1", "p1"))
    kept, dropped = (rows.collect() for rows in ranked_rows(chat, cot, NonReasoningData()))
    assert sorted(kept.select("trace_id", "rank", "origin", "model").iter_rows()) == [
        ("c3", 1, "chat_sft_data", "-"), ("z1", 1, "cot_prompted_traces", "x"),
    ]  # fmt: skip
    assert kept.schema == TABLES["non_reasoning_data"].schema
    assert sorted(dropped["trace_id"]) == ["c1", "c2"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=12), st.integers(1, 3))
def test_every_row_of_or2_and_or6_is_in_or4_or_left_out(rows, most):
    named = [(f"{'z' if thinks else 'c'}{n}", prompt, thinks) for n, (prompt, thinks) in enumerate(rows)]
    chat = answers("chat_sft_data", *((name, prompt) for name, prompt, thinks in named if not thinks))
    cot = answers("cot_prompted_traces", *((name, prompt) for name, prompt, thinks in named if thinks))
    kept, dropped = (part.collect() for part in ranked_rows(chat, cot, NonReasoningData(rows_per_prompt=most)))
    assert sorted([*kept["trace_id"], *dropped["trace_id"]]) == sorted(name for name, _, _ in named)
    assert kept.group_by("prompt_id").len().filter(pl.col("len") > most).is_empty()


THOUGHT = "<think>\nhm\n</think>\n\nyes"


@pytest.mark.parametrize(
    ("messages", "alternate", "tags", "thinks"),
    [
        pytest.param(turns("q", "a"), True, 0, False, id="plain"),
        pytest.param(turns("q", THOUGHT), True, 2, True, id="thinking"),
        pytest.param(turns("q", "a", "q", "a"), True, 0, False, id="several-turns"),
        pytest.param([{"role": "system", "content": "s"}, *turns("q", THOUGHT)], True, 2, True, id="system"),
        pytest.param(turns("q", "a", "q"), False, 0, False, id="unanswered"),
        pytest.param(turns("q", " "), False, 0, False, id="blank"),
        pytest.param(turns("<think> in a question", "a"), True, 0, False, id="tag-in-the-question"),
        pytest.param(turns("q", THOUGHT + "</think>"), True, 3, False, id="closed-twice"),
        pytest.param(turns("q", "<think>\nhm\n</think>\n\n"), True, 2, False, id="no-answer"),
        pytest.param([], False, 0, False, id="nothing"),
    ],
)  # fmt: skip
def test_what_a_conversation_is(messages, alternate, tags, thinks):
    rows = pl.DataFrame({"messages": [messages]}, schema={"messages": MESSAGES})
    found = rows.select(a=takes_turns(), b=think_blocks(), c=answers_after_thinking(), d=first_user_turn()).row(0)
    assert (bool(found[0]), found[1], found[2]) == (alternate, tags, thinks)
    assert found[3] == next((turn["content"] for turn in messages if turn["role"] == "user"), None)
