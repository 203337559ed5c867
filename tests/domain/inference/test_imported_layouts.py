import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openreason_dagster.domain.catalogue_entry import DatasetModel
from openreason_dagster.domain.inference.imported_layouts import imported_traces, known_names, needed_names

DATA = Path(__file__).parents[2] / "data"
FIELDS = (
    "problem", "generations", "correctness_math_verify", "finish_reasons", "api_metadata", "messages", "conversations",
    "question", "thinking_trajectories", "attempt", "gemini_thinking_trajectory", "gemini_attempt", "system", "source",
)  # fmt: skip
TURN_KEYS = st.sampled_from(["role", "from", "content", "value", "reasoning_content", "completion_tokens"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["user", "gpt", "stop"])
CELLS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TURN_KEYS, inner, max_size=3), max_leaves=8
)
LAYOUTS = ["openr1_math", "mixture_of_thoughts", "open_thoughts", "s1k", "messages"]


def model_of(layout, columns=None, **changes):
    values = {"name": "m", "revision": "1", "license": "x", "engine": "dataset", "path": "t.jsonl", "layout": layout}
    return DatasetModel.from_values(values | {"columns": columns} | changes, path=Path("m.yaml"))


def rows_of(name):
    lines = (DATA / "imported_layouts" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def read(layout, row, **changes):
    return list(imported_traces(row, model_of(layout, **changes)))


def test_openr1_keeps_what_the_set_says_of_each_generation():
    row = rows_of("openr1_math")[0]
    right, wrong, cut = read("openr1_math", row)
    assert [trace.text for trace in (right, wrong, cut)] == row["generations"]
    assert {trace.prompt for trace in (right, wrong, cut)} == {row["problem"]}
    assert [trace.finish_reason for trace in (right, wrong, cut)] == ["stop", "stop", "length"]
    assert [trace.stated["correctness_math_verify"] for trace in (right, wrong, cut)] == [True, False, False]
    assert wrong.stated == {
        "uuid": row["uuid"],
        "source": "olympiads",
        "problem_type": "Algebra",
        "question_type": "math-word-problem",
        "correctness_count": 1,
        "correctness_math_verify": False,
        "finish_reasons": "stop",
        "is_reasoning_complete": True,
    }


GENERATED = {"problem": "q", "generations": ["a", "b"]}


@pytest.mark.parametrize(
    ("change", "finish_reasons", "flags"),
    [
        pytest.param({}, [None, None], [None, None], id="no-flags"),
        pytest.param({"correctness_math_verify": [True]}, [None, None], [True, None], id="flags-shorter"),
        pytest.param({"correctness_math_verify": [True, False, True]}, [None, None], [True, False], id="flags-longer"),
        pytest.param({"correctness_math_verify": None}, [None, None], [None, None], id="flags-null"),
        pytest.param({"correctness_math_verify": True}, [None, None], [None, None], id="flag-of-the-row"),
        pytest.param({"finish_reasons": ["length", "abort"]}, ["length", None], [None, None], id="unknown-reason"),
        pytest.param(
            {"is_reasoning_complete": [False, True]}, [None, None], [None, None], id="incomplete-is-no-reason"
        ),
    ],
)
def test_openr1_invents_nothing(change, finish_reasons, flags):
    traces = read("openr1_math", GENERATED | change)
    assert [trace.finish_reason for trace in traces] == finish_reasons
    assert [trace.stated.get("correctness_math_verify") for trace in traces] == flags
    assert all(None not in trace.stated.values() for trace in traces)


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        pytest.param({"completion_tokens": 12}, 12, id="stated"),
        pytest.param({"completion_tokens": "12"}, None, id="text"),
        pytest.param({"completion_tokens": True}, None, id="flag"),
        pytest.param({}, None, id="not-stated"),
        pytest.param(None, None, id="null"),
    ],
)
def test_openr1_token_counts_of_the_generation_script(usage, tokens):
    (trace, _) = read("openr1_math", GENERATED | {"api_metadata": [usage]})
    assert trace.completion_tokens == tokens


@pytest.mark.parametrize(
    ("layout", "name", "number", "expected"),
    [
        pytest.param("openr1_math", "openr1_math", 1, [True, False], id="null-generation"),
        pytest.param("openr1_math", "openr1_math", 2, [False], id="null-generations"),
        pytest.param("s1k", "s1k", 2, [False], id="null-attempt"),
        pytest.param("messages", "messages", 2, [False], id="assistant-speaks-first"),
    ],
)
def test_traces_without_prompt_or_text_are_none(layout, name, number, expected):
    assert [trace is not None for trace in read(layout, rows_of(name)[number])] == expected


def test_mixture_of_thoughts_keeps_source_and_size():
    row = rows_of("mixture_of_thoughts")[0]
    (trace,) = read("mixture_of_thoughts", row)
    assert (trace.prompt, trace.text) == (row["messages"][0]["content"], row["messages"][1]["content"])
    assert trace.stated == {"source": "open-r1/OpenR1-Math-220k", "num_tokens": 61}
    assert trace.completion_tokens is None, "the set counts prompt and answer together"


def test_open_thoughts_in_both_of_its_forms():
    tagged, unclosed, with_think = [read("open_thoughts", row)[0] for row in rows_of("open_thoughts")]
    assert "21" in tagged.reasoning
    assert tagged.text.strip() == r"The answer is \boxed{17}."
    assert tagged.stated["system"].startswith("Think at length")
    assert unclosed.reasoning is None
    assert unclosed.text.startswith("<think>")
    assert with_think.text.startswith("<think>")
    assert with_think.stated == {"id": 7, "source": "numina", "domain": "math", "difficulty": 4}


def test_s1k_has_one_sampler_without_a_name():
    (trace,) = read("s1k", rows_of("s1k")[0])
    assert "21" in trace.reasoning
    assert trace.stated == {"cot_type": "math", "source_type": "invented/jars", "metadata": "{'n': 1}"}


def test_s1k_without_a_trajectory_has_no_reasoning():
    (trace,) = read("s1k", rows_of("s1k")[1])
    assert (trace.reasoning, trace.text) == (None, r"The answer is \boxed{26}.")


def test_s1k_1_1_names_its_samplers():
    deepseek, gemini = read("s1k", rows_of("s1k_1_1")[0])
    assert (deepseek.stated["sampled_by"], gemini.stated["sampled_by"]) == ("deepseek", "gemini")
    assert (deepseek.stated["deepseek_grade"], gemini.stated["gemini_grade"]) == ("Yes", "No")
    assert "gemini_grade" not in deepseek.stated
    assert "10" in gemini.reasoning


def test_s1k_parts_in_lists_are_joined_as_s1_does():
    row = {"question": "q", "deepseek_thinking_trajectory": ["t1", "t2"], "deepseek_attempt": ["a"]}
    (trace,) = read("s1k", row)
    assert (trace.reasoning, trace.text) == ("t1\nt2", "a")


def test_messages_take_the_first_exchange_and_say_what_is_left_out():
    first, apart, _, _ = [read("messages", row, record=["id"])[0] for row in rows_of("messages")]
    assert first.text.endswith(r"\boxed{17}.")
    assert first.stated == {"id": "m-1", "system": "Be brief.", "turns_left_out": 2}
    assert apart.reasoning.startswith("The numbers")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param({"a": ["x", "y"], "f": ["stop", "length"]}, ["stop", "length"], id="a-list-has-one-each"),
        pytest.param({"a": ["x", "y"], "f": ["stop"]}, ["stop", None], id="a-shorter-list"),
        pytest.param({"a": "x", "f": "length"}, ["length"], id="one-of-the-row"),
        pytest.param({"a": [{"t": "x", "f": "length"}, {"t": "y"}], "f": None}, ["length", None], id="keys-of-objects"),
    ],
)
def test_columns_of_each_completion(row, expected):
    columns = {"prompt": "q", "completions": "a", "completion_text": "t", "finish_reason": "f"}
    traces = read("columns", {"q": "q"} | row, columns=columns, record=["f"])
    assert [trace.finish_reason for trace in traces] == expected
    assert [trace.stated.get("f") for trace in traces] == expected


def test_columns_record_names_rows_and_completions():
    columns = {"prompt": "q", "completions": "a", "completion_text": "t", "completion_tokens": "n", "reasoning": "r"}
    row = {"q": "q", "id": 5, "a": [{"t": "x", "score": 1, "n": 3, "r": "why"}, {"t": "y", "score": 0, "n": None}]}
    model = model_of("columns", columns, record=["id", "score"])
    right, wrong = imported_traces(row, model)
    assert (right.stated, right.completion_tokens, right.reasoning) == ({"id": 5, "score": 1}, 3, "why")
    assert (wrong.stated, wrong.completion_tokens, wrong.reasoning) == ({"id": 5, "score": 0}, None, None)
    assert set(needed_names(model)) <= set(known_names(row, model))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_sample_rows_have_the_names_their_layout_needs(layout):
    model = model_of(layout)
    assert all(set(needed_names(model)) <= set(known_names(row, model)) for row in rows_of(layout))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("value", [None, 7, "text", [], [None], [{}], {}, [[1]]], ids=repr)
def test_hostile_rows_give_no_trace(layout, value):
    names = ("problem", "generations", "messages", "conversations", "question", "attempt", "thinking_trajectories")
    row = dict.fromkeys(names, value) | {"problem": None, "question": None}
    assert not any(read(layout, row))


@pytest.mark.parametrize("layout", LAYOUTS)
@given(row=st.dictionaries(st.sampled_from(FIELDS), CELLS))
def test_whatever_a_row_holds_a_trace_is_sound(layout, row):
    for trace in read(layout, row):
        if trace is not None:
            assert trace.prompt.strip()
            assert isinstance(trace.text, str)
            assert isinstance(trace.reasoning, str | None)
            assert trace.finish_reason in {None, "stop", "length"}
            assert type(trace.completion_tokens) in {int, type(None)}
            assert None not in trace.stated.values()
