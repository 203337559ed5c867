"""`openreason show` in a workspace in which the whole graph has been run."""

import polars as pl
import pytest
from command_line import invoke, words


@pytest.fixture
def workspace(finished_run):
    return finished_run.workspace


def first_trace(workspace):
    return workspace.tables.scan("sft_mix").sort("trace_id").head(1).collect().row(0, named=True)


def test_show_prints_the_whole_chain(workspace):
    row = first_trace(workspace)
    result = invoke(workspace, "show", row["trace_id"][:20])
    assert result.exit_code == 0
    for expected in (
        row["trace_id"], "seed", "reference_answer", "reasoning", "sampling record", "top_p", "environment", "torch",
        "verdict: correct", "reward_language_consistency", "rank", f"split: {row['split']}",
        "difficulty_band", "source_row_id", "prompt_pool: in it", "reasoning_data", f"data/{row['split']}-",
    ):  # fmt: skip
        assert expected in result.stdout


def test_show_of_a_trace_that_was_left_out_says_why(workspace):
    pairs = workspace.tables.scan("preference_pairs")
    unused = workspace.tables.scan("reasoning_data_dropped").sort("trace_id")
    for side in ("chosen", "rejected"):
        unused = unused.join(pairs, left_on="trace_id", right_on=f"{side}_trace_id", how="anti", maintain_order="left")
    dropped = unused.head(1).collect().row(0, named=True)
    text = invoke(workspace, "show", dropped["trace_id"]).stdout
    assert "reasoning_data: left out" in text
    assert f"reason: {dropped['reason']}" in text
    assert "sft_mix: this stage has not seen the trace" in text
    assert "none of them holds the row" in text


@pytest.mark.parametrize("split", ["train", "validation"])
def test_show_of_a_row_of_a_released_file(workspace, split):
    (file,) = (workspace.workspace.release_folder / "data").glob(f"{split}-*.parquet")
    rows = pl.read_parquet(file)
    last = rows.height - 1
    result = invoke(workspace, "show", f"{file}:{last}")
    assert result.exit_code == 0
    assert rows["trace_id"][last] in result.stdout
    assert f"{file}:{last}" in result.stdout.replace("\n", "")
    jsonl = file.parents[2] / f"{split}.jsonl"
    rows.write_ndjson(jsonl)
    assert rows["trace_id"][0] in invoke(workspace, "show", f"{jsonl}:0").stdout


def test_show_of_a_prompt_lists_its_traces(workspace):
    trace = first_trace(workspace)
    result = invoke(workspace, "show", trace["prompt_id"])
    assert result.exit_code == 0
    traces = workspace.tables.scan("sampled_traces").filter(prompt_id=trace["prompt_id"]).collect()
    for identifier in traces["trace_id"]:
        assert identifier in result.stdout
    assert "prompt_pool: in it" in result.stdout


def places_of(workspace, name, key, value):
    """Rows of the files of a format, as `FILE:ROW`, that hold the value."""
    files = sorted((workspace.workspace.release_folder / name).iterdir())
    read = {".parquet": pl.read_parquet, ".jsonl": pl.read_ndjson}
    return [
        f"{file}:{index}"
        for file in files
        for index, found in enumerate(read[file.suffix](file)[key])
        if found == value
    ]


def test_show_of_a_prompt_names_every_file_of_prompts_that_holds_it(workspace):
    prompt = workspace.tables.scan("rl_prompts").sort("prompt_id").head(1).collect()["prompt_id"][0]
    formats = ("rl_prompts", "rl_prompts_jsonl", "rl_prompts_verl")
    expected = [place for name in formats for place in places_of(workspace, name, "prompt_id", prompt)]
    assert len(expected) == len(formats)
    result = invoke(workspace, "show", expected[-1])
    assert sorted(result.stdout[result.stdout.index("releases\n") :].split()[1:]) == expected


def test_show_of_a_pair_prints_that_pair_and_no_other_of_its_prompt(workspace):
    pairs = workspace.tables.scan("preference_pairs").sort("pair_id").collect()
    for pair in pairs.filter(pl.len().over("prompt_id") > 1).iter_rows(named=True):
        (place,) = places_of(workspace, "preference", "pair_id", pair["pair_id"])
        text = invoke(workspace, "show", place).stdout
        for side in ("chosen", "rejected"):
            assert f"{side}, {pair[f'{side}_trace_id']}" in text
        assert f"  {place}\n" in text
        assert place in invoke(workspace, "show", pair["chosen_trace_id"]).stdout
        break
    else:
        pytest.fail("no prompt has two pairs")


def test_show_of_a_prompt_that_was_kept_out_says_why(workspace):
    dropped = workspace.tables.scan("prompt_pool_dropped").filter(reason="contaminated").collect().row(0, named=True)
    text = invoke(workspace, "show", dropped["prompt_id"]).stdout
    assert "prompt_pool: left out" in text
    assert "reason: contaminated" in text
    assert "traces: 0" in text


@pytest.mark.parametrize(
    ("trace_id", "message"),
    [
        pytest.param("0123456789abcdef", "no trace starts with '0123456789abcdef'", id="unknown"),
        pytest.param("", "is not a trace_id", id="empty"),
        pytest.param("%", "is not a trace_id", id="pattern"),
        pytest.param("no-such-file.parquet:0", "does not exist", id="no-file"),
        pytest.param("{release}/manifest.json:0", "expected one of .jsonl", id="other-kind"),
        pytest.param("{train}:100000", "has no row 100000", id="row-beyond"),
        pytest.param("{damaged}:0", "damaged.parquet' is not a whole Parquet file", id="damaged-file"),
        pytest.param("{prompts}:0", "neither the column trace_id nor pair_id nor prompt_id", id="no-identifier"),
    ],
)
def test_show_of_what_is_no_trace(workspace, tmp_path, trace_id, message):
    release = workspace.workspace.release_folder
    (train,) = (release / "data").glob("train-*.parquet")
    damaged = tmp_path / "damaged.parquet"
    damaged.write_bytes(b"PAR1" + bytes(60))
    named = {"release": release, "train": train, "prompts": workspace.folder / "prompts.jsonl", "damaged": damaged}
    result = invoke(workspace, "show", trace_id.format(**named))
    assert result.exit_code == 1
    assert message in words(result.stderr)
    assert "Traceback" not in result.output


def test_show_of_an_ambiguous_start(workspace):
    ids = workspace.tables.scan("sampled_traces").select("trace_id").collect()["trace_id"]
    start = next(a[0] for a in ids for b in ids if a != b and a[0] == b[0])
    result = invoke(workspace, "show", start)
    assert result.exit_code == 1
    assert f"several traces start with '{start}'" in words(result.stderr)
