"""Bad input ends `openreason run` with a message that helps, exit code 1, no traceback, and every table as it was."""

import random
import resource
import socket

import polars as pl
import pytest
from command_line import call, invoke, words
from fault_server import FaultServer
from finished_run import FINISHED, write_rows
from small_workspace import RECIPE

from openreason_dagster.domain.schemas import TABLES

FILE_SOURCE = FINISHED["sources"][-1]


def with_source(**changes):
    """The finished recipe with its file source changed."""
    return FINISHED | {"sources": [*RECIPE["sources"], FILE_SOURCE | changes]}


def contents(workspace):
    """Every row of every table, without the moments at which they were judged."""
    return {name: sorted(map(str, workspace.tables.scan(name).collect().iter_rows())) for name in TABLES}


@pytest.fixture
def refused(finished):
    """Runs the recipe as it is now; gives the message of a run that failed and lost nothing."""
    before = contents(finished)
    release = finished.workspace.release_folder
    released = sorted(release.rglob("*"))

    def run(*arguments, may_change=(), recipe=None):
        result = invoke(finished, "run", str(recipe or finished.settings.recipe), *arguments)
        print(result.stderr)
        assert result.exit_code == 1
        assert "Traceback" not in result.output
        assert result.stderr.startswith("error: ")
        after = contents(finished)
        assert [name for name in TABLES if after[name] != before[name] and name not in may_change] == []
        assert sorted(release.rglob("*")) == released
        return words(result.stderr)

    return run


def test_missing_recipe(refused, tmp_path):
    message = refused(recipe=tmp_path / "nowhere.yaml")
    assert "nowhere.yaml: cannot be read" in message


def test_broken_yaml(finished, refused):
    finished.settings.recipe.write_text("name: small\nsources: [\n  - {name: a\n", encoding="utf-8")
    message = refused()
    assert "recipe.yaml: is not valid YAML" in message
    assert "line 3" in message


def test_misspelt_key(finished, refused):
    finished.write_recipe(**FINISHED, sampling=RECIPE["sampling"] | {"max_token": 9})
    assert "unknown key `sampling.max_token` (value 9). Did you mean `max_tokens`?" in refused()


def test_unknown_model_in_the_recipe(finished, refused):
    finished.write_recipe(**FINISHED, models=["starter-base", "nobody"])
    message = refused()
    assert "'nobody' is not in the catalogue. Known models: starter-base, starter-small." in message


def test_unknown_model_on_the_command_line(refused):
    message = refused("--model", "nobody")
    assert "model 'nobody' is not selected by the recipe" in message


def add_endpoint(workspace, base_url):
    entry = {"name": "remote", "engine": "openai", "base_url": base_url, "served_model": "m", "revision": "1"}
    workspace.write_model(entry | {"license": "unknown", "timeout_seconds": 10, "concurrency": 128})


def test_unreachable_endpoint(finished, refused):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        add_endpoint(finished, f"http://127.0.0.1:{port}/v1")
        message = refused("--model", "remote")
    assert f"no server answers at http://127.0.0.1:{port}/v1" in message
    assert "Start the server, or correct `base_url`" in message


def test_endpoint_that_answers_garbage(finished, refused):
    with FaultServer(rates={}, reply=b"<html>Welcome to nginx!</html>") as server:
        add_endpoint(finished, server.base_url)
        message = refused("--model", "remote", may_change={"sampling_failures", "sampling_ledger"})
    assert "44 of 44 requests failed, most often with 'malformed_reply', over the recipe limit" in message
    assert "Table sampling_failures says why" in message
    failures = finished.tables.scan("sampling_failures").collect()
    assert failures.height == 88
    assert set(failures["error"]) == {"malformed_reply"}


def test_empty_source_file(finished, refused):
    (finished.folder / "prompts.jsonl").write_bytes(b"")
    message = refused()
    assert "source 'file', file" in message
    assert "is empty (0 bytes)" in message


def test_source_file_that_is_not_there(finished, refused):
    (finished.folder / "prompts.jsonl").unlink()
    assert "key `sources.file.path` names" in refused()


def test_wrong_columns(finished, refused):
    finished.write_recipe(**with_source(columns={"prompt": "query", "answer": "answer"}))
    message = refused()
    assert "source 'file': lacks `columns.prompt: query`; found columns answer, question" in message


def test_source_without_reference_column(finished, refused):
    finished.write_recipe(**with_source(columns={"prompt": "question"}))
    assert "a prompt without a reference cannot be verified" in refused()


def test_source_whose_rows_have_no_reference(finished, refused):
    write_rows(finished, "prompts.jsonl", [{"question": "What is 1 + 1?", "answer": ""}] * 3)
    assert "source 'file': no row can be used; found 3 x no_reference" in refused()


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: data[: len(data) // 2], id="cut"),
        pytest.param(lambda data: data[:40] + bytes(60) + data[100:], id="overwritten"),
    ],
)
def test_corrupt_parquet(finished, refused, damage):
    path = finished.folder / "prompts.parquet"
    pl.DataFrame({"question": [f"What is {n} + 1?" for n in range(99)], "answer": ["1"] * 99}).write_parquet(path)
    path.write_bytes(damage(path.read_bytes()))
    finished.write_recipe(**with_source(path="prompts.parquet"))
    assert "prompts.parquet': is not a whole Parquet file" in refused()


def limited_run(workspace, limit):
    """A run in a process that cannot write more than `limit` bytes into a file, as on a disk that is full."""
    result = call(
        workspace,
        "run",
        str(workspace.settings.recipe),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    print(result.stderr)
    assert result.returncode == 1
    assert "Traceback" not in result.stdout + result.stderr
    return words(result.stderr)


def test_disk_too_full_for_dagsters_own_storage(small):
    message = limited_run(small, 20_000)
    assert "Dagster's storage in" in message
    assert "Check free disk space" in message


def test_full_disk(finished):
    draw = random.Random(0)
    rows = [{"question": draw.randbytes(20_000).hex(), "answer": "1"} for _ in range(300)]
    write_rows(finished, "prompts.jsonl", rows)
    before = contents(finished)
    message = limited_run(finished, 2**21)
    assert "table 'seed_prompts' cannot be written" in message
    assert "Check free disk space" in message
    assert contents(finished) == before
