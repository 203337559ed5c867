import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from openreason_dagster.domain.catalogue_entry import DatasetModel
from openreason_dagster.domain.errors import EngineError
from openreason_dagster.domain.inference.plan import build_plan, pending_requests
from openreason_dagster.domain.inference.reasoning import split_completion
from openreason_dagster.domain.recipe import Sampling
from openreason_dagster.domain.records import Completion, Failure
from openreason_dagster.domain.records import Request as Asked
from openreason_dagster.resources.engines.dataset import DatasetEngine

DATA = Path(__file__).parents[1] / "data"
ROWS = [
    {"q": "What is 1+1?", "a": ["2", "two"], "r": ["one and one", "hm"]},
    {"q": "what IS   1+1?", "a": ["II"], "r": ["roman"]},
    {"q": "What is 2+2?", "a": ["4"], "r": [None]},
]
PLAIN = {"prompt": "q", "completions": "a"}


def model_of(path, columns=None, **changes):
    values = {
        "name": "m",
        "revision": "1",
        "license": "x",
        "engine": "dataset",
        "path": str(path),
        "columns": columns or PLAIN,
    }
    return DatasetModel.from_values(values | changes, path=Path("m.yaml"))


def layout_of(layout, **place):
    values = {"name": "m", "revision": "1", "license": "x", "engine": "dataset", "layout": layout}
    return DatasetModel.from_values(values | place, path=Path("m.yaml"))


def completions(model, folder, *prompts):
    with DatasetEngine(model, folder) as engine:
        return list(engine.stream(requests_of(engine, model, *prompts)))


def write_jsonl(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def requests_of(engine, model, *prompts, samples=9):
    pool = pl.DataFrame({"prompt_id": [f"p{index}" for index in range(len(prompts))], "prompt": list(prompts)})
    sampling = Sampling(samples_per_prompt=samples, max_tokens=1)
    plan = build_plan(model, sampling, temperature_keys=["imported"], template="Q {prompt}", weights={})
    return pending_requests(pool, plan, committed=set(), samples_available=engine.samples_available)


def texts(model, folder, *prompts):
    with DatasetEngine(model, folder) as engine:
        results = list(engine.stream(requests_of(engine, model, *prompts)))
    assert all(isinstance(result, Completion) for result in results)
    return [(result.request.prompt, result.text, result.reasoning) for result in results]


def test_traces_are_found_by_normalised_prompt_in_file_order(tmp_path):
    write_jsonl(tmp_path / "t.jsonl", ROWS)
    columns = PLAIN | {"reasoning": "r"}
    assert texts(model_of("t.jsonl", columns), tmp_path, "WHAT is 1+1?", "What is 2+2?", "What is 3+3?") == [
        ("WHAT is 1+1?", "2", "one and one"),
        ("WHAT is 1+1?", "two", "hm"),
        ("WHAT is 1+1?", "II", "roman"),
        ("What is 2+2?", "4", None),
    ]


def test_what_the_set_does_not_state_is_null(tmp_path):
    write_jsonl(tmp_path / "t.jsonl", ROWS)
    model = model_of("t.jsonl")
    with DatasetEngine(model, tmp_path) as engine:
        result = next(engine.stream(requests_of(engine, model, "What is 2+2?")))
    assert (result.prompt_tokens, result.completion_tokens, result.reasoning) == (None, None, None)
    assert (result.finish_reason, result.opened_think, result.attempts) == (None, False, 1)
    assert json.loads(result.imported) == {"row": 2, "completion": 0}


@pytest.mark.parametrize("name", ["t.jsonl", "t.jsonl.gz", "t.csv", "t.csv.gz", "t.parquet", "t.parquet.gz"])
def test_every_kind_of_file(tmp_path, name):
    frame = pl.DataFrame({"q": ["Ünï?", "b"], "a": ['x\n</think>y, "z"', "w"]})
    plain = tmp_path / name.removesuffix(".gz")
    {".jsonl": frame.write_ndjson, ".csv": frame.write_csv, ".parquet": frame.write_parquet}[plain.suffix](plain)
    if name.endswith(".gz"):
        (tmp_path / name).write_bytes(gzip.compress(plain.read_bytes()))
    assert texts(model_of(name), tmp_path, "ünï?") == [("ünï?", 'x\n</think>y, "z"', None)]


@pytest.mark.parametrize(
    ("value", "key", "expected"),
    [
        pytest.param("one", None, ["one"], id="text"),
        pytest.param(["one", "two"], None, ["one", "two"], id="texts"),
        pytest.param([{"t": "one"}, {"t": "two"}], "t", ["one", "two"], id="objects"),
        pytest.param(["one", None, 7, "two"], None, ["one", "two"], id="gaps-are-skipped"),
        pytest.param(["a\ud83d", "\ud83d\ude00"], None, ["a\ufffd", "😀"], id="surrogates"),
        pytest.param(["", "two"], None, ["", "two"], id="an-empty-text-is-a-trace"),
    ],
)
def test_layouts_of_completions(tmp_path, value, key, expected):
    write_jsonl(tmp_path / "t.jsonl", [{"q": "q", "a": value}])
    model = model_of("t.jsonl", PLAIN | {"completion_text": key})
    assert [text for _, text, _ in texts(model, tmp_path, "q")] == expected


def test_a_trace_that_is_not_there_is_a_failure(tmp_path):
    write_jsonl(tmp_path / "t.jsonl", ROWS)
    model = model_of("t.jsonl")
    with DatasetEngine(model, tmp_path) as engine:
        request = next(requests_of(engine, model, "What is 2+2?"))
        missing = Asked(**(vars(request) | {"sample_index": 1}))
        (result,) = engine.stream([missing])
    assert isinstance(result, Failure)
    assert result.error == "no_such_trace"


def test_skipped_rows_are_counted(tmp_path):
    write_jsonl(tmp_path / "t.jsonl", [*ROWS, {"q": None, "a": "x"}, {"q": " ", "a": "x"}, {"q": "q"}])
    with DatasetEngine(model_of("t.jsonl"), tmp_path) as engine:
        assert engine.environment() == {"engine": "dataset", "file": "t.jsonl", "traces": "4", "skipped": "3"}


@pytest.mark.parametrize(
    ("name", "content", "columns", "message"),
    [
        pytest.param("t.jsonl", b'{"x": 1}\n', PLAIN, "column 'q'; found x", id="wrong-columns"),
        pytest.param("t.jsonl", b'{"q": "q", "a": "x"}\n', PLAIN | {"reasoning": "r"}, "column 'r'", id="no-reasoning"),
        pytest.param(
            "t.jsonl", b'{"q": "q", "a": "x"}\n', PLAIN | {"finish_reason": "f"}, "column 'f'", id="no-finish-reason"
        ),
        pytest.param("t.jsonl", b'{"q": "q", "a": [{"t": "x"}]}\n', PLAIN, "completion_text", id="no-text-key"),
        pytest.param("t.jsonl", b"", PLAIN, "empty", id="empty-file"),
        pytest.param("t.jsonl", b'{"q": "q", "a": "x"}\n{"q"\n', PLAIN, "line 2", id="broken-json"),
        pytest.param("t.jsonl.gz", b"not gzip", PLAIN, "gzip", id="broken-gzip"),
        pytest.param("t.parquet", b"PAR1 nonsense PAR1", PLAIN, "Parquet", id="broken-parquet"),
        pytest.param("t.txt", b"x", PLAIN, "kind", id="unknown-kind"),
    ],
)
def test_a_bad_file_is_an_engine_error(tmp_path, name, content, columns, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(EngineError, match=message):
        DatasetEngine(model_of(name, columns), tmp_path).__enter__()


def test_a_missing_file_is_an_engine_error(tmp_path):
    with pytest.raises(EngineError, match="does not exist"):
        DatasetEngine(model_of("t.jsonl"), tmp_path).__enter__()


def test_samples_are_counted_before_the_engine_is_open(tmp_path):
    write_jsonl(tmp_path / "t.jsonl", ROWS)
    engine = DatasetEngine(model_of("t.jsonl"), tmp_path)
    assert [engine.samples_available(prompt) for prompt in ("what is 1+1?", "What is 2+2?", "other")] == [3, 1, 0]


def test_the_set_is_read_once_for_counting_and_answering(tmp_path):
    file = write_jsonl(tmp_path / "t.jsonl", ROWS)
    engine = DatasetEngine(model_of("t.jsonl"), tmp_path)
    assert engine.samples_available("What is 2+2?") == 1
    file.unlink()
    with engine:
        (result,) = engine.stream(requests_of(engine, model_of("t.jsonl"), "What is 2+2?"))
    assert result.text == "4"


@pytest.mark.parametrize("count_first", [True, False], ids=["counted", "fresh"])
def test_the_engine_must_be_entered(tmp_path, count_first):
    write_jsonl(tmp_path / "t.jsonl", ROWS)
    engine = DatasetEngine(model_of("t.jsonl"), tmp_path)
    if count_first:
        engine.samples_available("q")
    with pytest.raises(EngineError, match="not open"):
        next(engine.stream([None]))


def test_the_temporary_file_goes_with_the_engine(tmp_path):
    write_jsonl(tmp_path / "t.jsonl", ROWS)
    engine = DatasetEngine(model_of("t.jsonl"), tmp_path)
    engine.samples_available("q")
    texts = engine._traces._texts
    del engine
    assert texts.closed


def test_a_limit_reads_the_first_rows_only(tmp_path):
    write_jsonl(tmp_path / "t.jsonl", ROWS)
    with DatasetEngine(model_of("t.jsonl", limit=1), tmp_path) as engine:
        assert engine.environment()["traces"] == "2"


def test_what_the_set_states_comes_with_the_trace():
    (right, wrong, cut) = completions(
        layout_of("openr1_math", path="openr1_math.jsonl"),
        DATA / "imported_layouts",
        "A shelf has 3 rows of 7 jars and 4 jars are taken away. How many jars are left?",
    )
    assert [result.finish_reason for result in (right, wrong, cut)] == ["stop", "stop", "length"]
    record = json.loads(wrong.imported)
    assert (record["row"], record["completion"]) == (0, 1)
    assert record["stated"]["correctness_math_verify"] is False


def test_a_record_holds_only_what_json_can_say(tmp_path):
    rows = [{"q": "q", "a": "x", "n": float("nan"), "s": "\ud83d", "d": [{"k": float("inf")}]}]
    write_jsonl(tmp_path / "t.jsonl", rows)
    (result,) = completions(model_of("t.jsonl", record=["n", "s", "d"]), tmp_path, "q")
    record = json.loads(result.imported, parse_constant=pytest.fail)
    assert record["stated"] == {"n": None, "s": "\ufffd", "d": {"k": None}}


def test_times_and_bytes_are_recorded_as_text(tmp_path):
    frame = pl.DataFrame({"q": ["q"], "a": ["x"], "t": [datetime(2026, 1, 2, tzinfo=UTC)], "b": [b"\xff"]})
    frame.write_parquet(tmp_path / "t.parquet")
    (result,) = completions(model_of("t.parquet", record=["t", "b"]), tmp_path, "q")
    assert json.loads(result.imported)["stated"] == {"t": "2026-01-02 00:00:00+00:00", "b": "b'\\xff'"}


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
@pytest.mark.parametrize("layout", ["openr1_math", "mixture_of_thoughts", "open_thoughts", "s1k", "messages"])
def test_a_repository_gives_what_its_file_gives(tmp_path, layout, kind):
    file = DATA / "imported_layouts" / f"{layout}.jsonl"
    frame = pl.read_ndjson(file)
    (tmp_path / "set").mkdir()
    if kind == "parquet":
        frame.write_parquet(tmp_path / "set" / "train.parquet")
    else:
        (tmp_path / "set" / "train.jsonl").write_bytes(file.read_bytes())
    questions = pl.read_ndjson(DATA / "imported_layouts" / "questions.jsonl")["question"].to_list()
    from_hub = completions(layout_of(layout, repository="./set", split="train"), tmp_path, *questions)
    from_file = completions(layout_of(layout, path=str(file)), tmp_path, *questions)
    assert [facts_of(each) for each in from_hub] == [facts_of(each) for each in from_file]
    assert from_hub


def facts_of(result):
    return result.text, result.reasoning, result.finish_reason, json.loads(result.imported)


def test_a_repository_names_itself(tmp_path):
    (tmp_path / "set").mkdir()
    write_jsonl(tmp_path / "set" / "train.jsonl", ROWS)
    model = layout_of("columns", repository="./set", split="train", columns=PLAIN)
    with DatasetEngine(model, tmp_path) as engine:
        expected = {"engine": "dataset", "repository": "./set", "traces": "4", "skipped": "0"}
        assert engine.environment() == expected


def test_a_missing_split_is_an_engine_error(tmp_path):
    (tmp_path / "set").mkdir()
    write_jsonl(tmp_path / "set" / "train.jsonl", ROWS)
    model = layout_of("columns", repository="./set", split="test", columns=PLAIN)
    with pytest.raises(EngineError, match="split 'test'"):
        DatasetEngine(model, tmp_path).__enter__()


def test_real_rollouts_with_think_tags():
    name = "rg_math_rollouts/llama3b_step400_amc23.jsonl.gz"
    with gzip.open(DATA / name, "rt", encoding="utf-8") as file:
        row = json.loads(file.readline())
    columns = {"prompt": "question", "completions": "completions", "completion_text": "full_model_response"}
    found = texts(model_of(name, columns), DATA, row["question"])
    assert [text for _, text, _ in found] == [each["full_model_response"] for each in row["completions"][:9]]
    split = split_completion(found[0][1], False)
    assert split.think_state == "opened_by_model"
    assert "</answer>" in split.answer


def test_real_traces_with_reasoning_apart():
    name = "s1k_sample/s1k_2.jsonl"
    columns = {"prompt": "question", "completions": "gemini_attempt", "reasoning": "gemini_thinking_trajectory"}
    rows = [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]
    found = texts(model_of(name, columns), DATA, *(row["question"] for row in rows))
    assert [(text, reasoning) for _, text, reasoning in found] == [
        (row["gemini_attempt"], row["gemini_thinking_trajectory"]) for row in rows
    ]


def test_real_rows_of_s1k_in_their_own_layout():
    name = "s1k_sample/s1k_2.jsonl"
    rows = [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]
    found = completions(layout_of("s1k", path=name), DATA, *(row["question"] for row in rows))
    assert [(result.text, result.reasoning) for result in found] == [
        (row["gemini_attempt"], row["gemini_thinking_trajectory"]) for row in rows
    ]
    assert {json.loads(result.imported)["stated"]["sampled_by"] for result in found} == {"gemini"}
