"""Questions with options and measured numbers go from their files to verdicts, with answers of known worth."""

import json
from pathlib import Path
from string import ascii_uppercase

import polars as pl
import pytest
from small_workspace import SmallWorkspace

ARC = Path(__file__).parents[1] / "data" / "arc_challenge" / "train.jsonl"
MEASURED = [
    {"question": "A car drives 90 km in 75 minutes. How fast is it?", "answer": "20", "unit": "m/s"},
    {"question": "Water boils at sea level at which temperature?", "answer": "373.15", "unit": "K"},
    {"question": "What is the area below y = x between 0 and 1?", "answer": "0.5", "unit": None},
]
ANSWERS = {
    MEASURED[0]["question"]: {r"\boxed{72 \text{ km/h}}": "correct", r"\boxed{72}": "incorrect", "": "no_answer"},
    MEASURED[1]["question"]: {r"\boxed{100 °C}": "correct", r"\boxed{100 \text{ K}}": "incorrect"},
    MEASURED[2]["question"]: {r"\boxed{\int_0^1 x dx}": "abstained", r"\boxed{0.503}": "correct"},
}
"""Answers to each measured number with their verdicts, at a relative tolerance of one hundredth."""


def arc_answers(row: dict) -> dict[str, str]:
    """The right option by letter and by its text, the next option, and both."""
    texts = row["choices"]["text"]
    right = row["choices"]["label"].index(row["answerKey"])
    letter, other = ascii_uppercase[right], ascii_uppercase[(right + 1) % len(texts)]
    return {
        f"<think>It follows.</think>The answer is ({letter}).": "correct",
        f"\\boxed{{{texts[right]}}}": "correct",
        f"\\boxed{{{other}}}": "incorrect",
        f"\\boxed{{{letter} or {other}}}": "incorrect",
    }


def asked(row: dict) -> str:
    """The question as models get it, and as traces of it are known by: with its options below, a letter before each."""
    options = [f"{letter}. {text}" for letter, text in zip(ascii_uppercase, row["choices"]["text"], strict=False)]
    return "\n".join([row["question"], "", *options])


def source(name: str, path: Path, *, verifier: str, columns: dict[str, str], **more: object) -> dict[str, object]:
    common = {"kind": "file", "license": "CC-BY-SA-4.0", "domain": "science", "language": "en"}
    return common | {"name": name, "path": str(path), "verifier": verifier, "columns": columns} | more


def write_rows(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def expected(small: SmallWorkspace) -> dict[tuple[int, int], str]:
    """A recipe over both sources with traces to import; gives the verdict by row and completion of their file."""
    arc = [json.loads(line) for line in ARC.read_text(encoding="utf-8").splitlines()]
    answers = {asked(row): arc_answers(row) for row in arc} | ANSWERS
    measured = write_rows(small.folder / "measured.jsonl", MEASURED)
    traces = [{"question": question, "completions": list(texts)} for question, texts in answers.items()]
    (small.settings.catalogue / "starter-base.yaml").unlink()
    small.write_model({
        "name": "theirs", "engine": "dataset", "revision": "1", "license": "MIT",
        "path": str(write_rows(small.folder / "traces.jsonl", traces)),
        "columns": {"prompt": "question", "completions": "completions"},
    })  # fmt: skip
    choice_columns = {"prompt": "question", "answer": "answerKey", "choices": "choices"}
    number_columns = {"prompt": "question", "answer": "answer", "unit": "unit"}
    small.write_recipe(
        sources=[
            source("arc", ARC, verifier="choice", columns=choice_columns),
            source("measured", measured, verifier="numeric", columns=number_columns, tolerance={"relative": 0.01}),
        ],
        temperatures=["imported"],
        sampling={"samples_per_prompt": 4, "max_tokens": 1},
    )
    return {
        (row, completion): verdict
        for row, texts in enumerate(answers.values())
        for completion, verdict in enumerate(texts.values())
    }


def test_choices_and_measured_numbers_are_judged(small, expected, instance):
    sources = {"dagster/asset_partition_range_start": "arc", "dagster/asset_partition_range_end": "measured"}
    small.run("collect_seeds", instance, sources)
    small.run("build_pool", instance)
    small.sample("theirs", instance)
    pool = small.tables.scan("prompt_pool").collect()
    assert sorted(pool["verifier"].value_counts().iter_rows()) == [("choice", 15), ("numeric", 3)]
    judged = small.tables.scan("sampled_traces").join(small.tables.scan("verified_traces"), on="trace_id").collect()
    places = judged["imported_record"].str.json_decode(pl.Struct({"row": pl.Int64(), "completion": pl.Int64()}))
    found = {
        (place["row"], place["completion"]): verdict for place, verdict in zip(places, judged["verdict"], strict=True)
    }
    assert found == expected
    assert set(judged.filter(verdict="abstained")["is_correct"]) == {None}
