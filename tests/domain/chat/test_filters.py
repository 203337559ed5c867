"""Filters of conversations: off by default where they cost rows, counted where they are on, duplicates over sources."""

import json
from pathlib import Path

import polars as pl
import pytest

from openreason_dagster.domain.chat.filters import ChatFilters
from openreason_dagster.domain.chat.read_chat import read_chat
from openreason_dagster.domain.errors import SourceError
from openreason_dagster.domain.recipe_chat import ChatSftData, FileChatSource
from openreason_dagster.domain.schemas import BENCHMARK_PROMPTS

DATA = Path("tests/data")
SAMPLES = {
    "dolly": {
        "path": "chat_dolly/dolly.jsonl", "license": "CC-BY-SA-3.0", "layout": "columns",
        "columns": {"instruction": "instruction", "output": "text", "id": "id"},
    },
    "alpaca": {"path": "chat_alpaca/alpaca.jsonl", "license": "Apache-2.0", "layout": "alpaca"},
    "tasks": {
        "path": "chat_self_instruct/seed_tasks.jsonl", "license": "Apache-2.0", "layout": "self_instruct", "id": "id"
    },
}  # fmt: skip
QUESTION = "Which of these fishes is a species that lives in the deep cold sea?"


def source(name="s", **fields):
    return FileChatSource(**({"name": name, "kind": "file", "license": "MIT", "layout": "alpaca"} | fields))


def run(sources, folder, rules=None, benchmarks=(), *, limit=1.0):
    settings = ChatSftData(**(rules or {}))
    filters = ChatFilters(settings, BENCHMARK_PROMPTS.frame(benchmarks), ngram=10)
    rows = (row for one in sources for row in read_chat(one, folder, rejected_share_limit=limit))
    batches = list(filters.batches(rows))
    return pl.concat([batch.kept for batch in batches]), pl.concat([batch.dropped for batch in batches])


@pytest.fixture
def written(tmp_path):
    def write(*rows, name="s", **fields):
        full = [{"instruction": "Say it.", "input": "", "output": "It."} | row for row in rows]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in full), encoding="utf-8")
        return source(name, path=f"{name}.jsonl", **fields)

    return write


@pytest.mark.parametrize("name", SAMPLES)
def test_published_sets_are_read_whole(name):
    rows = len((DATA / SAMPLES[name]["path"]).read_text(encoding="utf-8").splitlines())
    kept, dropped = run([source(name, **SAMPLES[name])], DATA)
    assert kept.height + dropped.height == rows
    assert kept.height >= rows - 2
    assert kept["conversation_id"].is_unique().all()
    roles = kept["messages"].list.eval(pl.element().struct.field("role")).to_list()
    assert roles == [["user", "assistant"]] * kept.height


def test_languages_of_a_mixed_set_are_found():
    kept, dropped = run([source("alpaca", **SAMPLES["alpaca"])], DATA, {"languages": ["zh"]})
    assert set(kept["language"]) == {"zh"}
    assert 15 <= kept.height <= 20
    assert set(dropped["reason"]) == {"other_language"}


@pytest.mark.parametrize(
    ("row", "rules", "reason"),
    [
        pytest.param({}, {"licenses": ["Apache-2.0"]}, "license", id="licence-of-the-set"),
        pytest.param({"score": 3.0}, {"minimum_quality": 3.5}, "low_quality", id="low-score"),
        pytest.param({"score": "3"}, {"minimum_quality": 3.5}, "low_quality", id="score-as-text"),
        pytest.param({"output": "No."}, {"minimum_answer_characters": 4}, "over_short", id="short"),
        pytest.param({"instruction": "a" * 30}, {"maximum_characters": 30}, "over_long", id="long"),
        pytest.param(
            {"instruction": "Sag mir, wie das Wetter morgen wird.", "output": "Morgen wird es sonnig und sehr warm."},
            {"languages": ["en"]}, "other_language", id="german",
        ),
        pytest.param({"output": ""}, {}, "no_answer", id="no-answer"),
        pytest.param({"instruction": QUESTION}, {}, "contaminated", id="benchmark-question"),
        pytest.param({"output": f"You ask: {QUESTION}"}, {}, "contaminated", id="benchmark-in-the-answer"),
    ],
)  # fmt: skip
def test_filters_name_the_reason(written, tmp_path, row, rules, reason):
    benchmark = {"benchmark": "fish", "benchmark_row_id": "7", "prompt": QUESTION, "solution": None}
    one = written(row | {"score": row.get("score")}, {"instruction": "Another one.", "score": 9}, quality="score")
    rules = rules if "licenses" not in rules else rules | {"licenses": ["Apache-2.0"]}
    kept, dropped = run([one], tmp_path, rules, [benchmark])
    assert dropped["reason"].to_list()[0] == reason
    assert dropped["source_row_id"].to_list()[0] == "0"
    assert kept.height + dropped.height == 2


@pytest.mark.parametrize(
    ("row", "rules"),
    [
        pytest.param({"score": None}, {"minimum_quality": 3.5}, id="no-score-is-not-a-low-one"),
        pytest.param({"score": "n/a"}, {"minimum_quality": 3.5}, id="unreadable-score"),
        pytest.param({}, {"licenses": ["mit"]}, id="licence-in-another-case"),
        pytest.param({"output": "I."}, {"languages": ["en"]}, id="too-short-to-tell-the-language"),
        pytest.param({"instruction": QUESTION}, {"decontaminate": "no"}, id="decontamination-off"),
    ],
)
def test_filters_keep_what_is_not_known_to_be_bad(written, tmp_path, row, rules):
    benchmark = {"benchmark": "fish", "benchmark_row_id": "7", "prompt": QUESTION, "solution": None}
    kept, _ = run([written({"score": 5} | row, quality="score")], tmp_path, rules, [benchmark])
    assert kept.height == 1


def test_a_row_states_its_own_licence(written, tmp_path):
    columns = {"instruction": "instruction", "output": "output", "license": "terms"}
    one = written({"terms": "CC-BY-4.0"}, {"output": "X."}, layout="columns", columns=columns)
    kept, _ = run([one], tmp_path)
    assert kept["license"].to_list() == ["CC-BY-4.0", "MIT"]


@pytest.mark.parametrize(
    ("duplicates", "expected"), [("conversation", ["0", "2"]), ("prompt", ["0"]), ("keep", ["0", "1", "2"])]
)
def test_duplicates_are_looked_for_over_all_sources(written, tmp_path, duplicates, expected):
    rows = [{"output": "It."}, {"output": " it. ", "instruction": "SAY it."}, {"output": "That."}]
    sources = [written(rows[0], name="a"), written(*rows[1:], name="b")]
    kept, dropped = run(sources, tmp_path, {"duplicates": duplicates})
    places = {("a", "0"): "0", ("b", "0"): "1", ("b", "1"): "2"}
    assert [places[key] for key in kept.select("source", "source_row_id").iter_rows()] == expected
    assert all(row["detail"].endswith("row 0 of a") for row in dropped.to_dicts())
    assert kept["conversation_id"].is_unique().all()


def test_a_dropped_row_does_not_make_its_copy_a_duplicate(written, tmp_path):
    sources = [written({}, name="a", license="Other"), written({}, name="b")]
    kept, dropped = run(sources, tmp_path, {"licenses": ["MIT"]})
    assert kept["source"].to_list() == ["b"]
    assert dropped["reason"].to_list() == ["license"]


def test_equal_prompts_of_two_sources_are_one_prompt(written, tmp_path):
    kept, _ = run([written({"output": "1."}, name="a"), written({"output": "2."}, name="b")], tmp_path)
    assert kept["prompt_id"].n_unique() == 1
    assert all(int(value[:8], 16) >= 0 for value in kept["prompt_id"])


def test_a_set_of_another_layout_is_refused(tmp_path, written):
    with pytest.raises(SourceError, match=r"chat source 's': lacks `messages: messages`; found columns input"):
        run([written({}, layout="messages")], tmp_path)


def test_a_set_with_mostly_other_rows_is_refused(tmp_path, written):
    with pytest.raises(SourceError, match=r"2 of 3 rows are no conversations.*row 0: no_answer"):
        run([written({"output": ""}, {"output": None}, {})], tmp_path, limit=0.5)
