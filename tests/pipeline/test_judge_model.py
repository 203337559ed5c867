"""Judge models in real runs: imported answers, a scripted judge behind a real server, and what the tables say after."""

import json

import dagster as dg
import polars as pl
import pytest
import yaml
from chat_server import ChatServer
from command_line import invoke
from judge_server import judge_server, verdict_line
from small_workspace import STARTER_MODELS, SmallWorkspace

from openreason_dagster.domain.verification.canaries import canaries, error_rates

QUESTIONS = [
    {"question": "Capital of France?", "answer": "Paris", "traces": ["It is Paris.", "It is Lyon.", "Paris"]},
    {
        "question": "Snow is white: why?",
        "answer": "It scatters light.",
        "traces": ["All light is scattered.", "Dye."],
    },
]
SUMS = [{"question": "What is 1+1?", "answer": "2", "traces": ["\\boxed{2}", "\\boxed{the even prime}", "\\boxed{3}"]}]
ROWS = QUESTIONS + SUMS
GOOD = {"It is Paris.", "All light is scattered.", "\\boxed{the even prime}", "\\boxed{2}"}
KNOWN = {
    (row["answer"].replace(" ", ""), row["reference_answer"]): row["is_right"]
    for row in canaries(["judge", "math"]).iter_rows(named=True)
}


def fair(put):
    known = KNOWN.get((put.answer.replace(" ", ""), put.reference), put.answer in GOOD)
    return verdict_line(put, "correct" if known else "incorrect")


def write(folder, name, rows):
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return name


def source(name, verifier, file):
    return {
        "name": name, "kind": "file", "path": file, "license": "Apache-2.0", "domain": "general",
        "verifier": verifier, "columns": {"prompt": "question", "answer": "answer"},
    }  # fmt: skip


def judge_entry(base_url, **changes):
    return {
        "name": "judge", "engine": "openai", "base_url": base_url, "served_model": "j", "revision": "1",
        "license": "x", "roles": ["judge"], "max_attempts": 1,
    } | changes  # fmt: skip


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    """Two prompts for a judge and one for a rule in the pool, and their traces in a file; read only."""
    small = SmallWorkspace(tmp_path_factory.mktemp("collected"))
    small.settings.catalogue.mkdir()
    thought = [row | {"traces": [f"<think>I see.</think>{trace}" for trace in row["traces"]]} for row in ROWS]
    traces = write(small.folder, "traces.jsonl", thought)
    small.write_model(
        {
            "name": "people", "engine": "dataset", "path": f"../{traces}", "revision": "1", "license": "Apache-2.0",
            "columns": {"prompt": "question", "completions": "traces"},
        }
    )  # fmt: skip
    small.write_recipe(
        sources=[
            source("open", "judge", write(small.folder, "open.jsonl", QUESTIONS)),
            source("sums", "math", write(small.folder, "sums.jsonl", SUMS)),
        ],
        temperatures=["imported"],
        sampling={"samples_per_prompt": 3, "max_tokens": 1},
        verification={"judge": {"model": "judge", "max_tokens": 200}, "workers": 1},
    )
    with dg.DagsterInstance.ephemeral() as instance:
        small.collect(instance)
    return small


@pytest.fixture
def prepared(collected, tmp_path):
    """A copy in which the judge answers at the given address by the given rules."""

    def prepare(base_url, **verification):
        small = collected.copied_to(tmp_path / "prepared")
        small.write_model(judge_entry(base_url))
        set_verification(small, **verification)
        return small

    return prepare


def set_verification(small, **changes):
    recipe = yaml.safe_load(small.settings.recipe.read_text(encoding="utf-8"))
    recipe["verification"] |= changes
    small.settings.recipe.write_text(yaml.safe_dump(recipe), encoding="utf-8")


def verdicts(small):
    answers = small.tables.scan("sampled_traces").select("trace_id", "answer")
    rows = small.tables.scan("verified_traces").join(answers, on="trace_id").select("answer", "verdict")
    return dict(rows.collect().iter_rows())


def check_of(result, name):
    return {each.check_name: each for each in result.get_asset_check_evaluations()}[name]


def test_judge_decides_where_there_is_no_rule(prepared, instance):
    with judge_server(fair) as server:
        small = prepared(server.base_url)
        result = small.sample("people", instance)
        asked = len(server.asked)
        assert check_of(result, "verifiers_are_right").passed
        small.sample("people", instance)
        assert len(server.asked) == asked, "nothing is asked twice"
    assert verdicts(small) == {
        "It is Paris.": "correct", "It is Lyon.": "incorrect", "Paris": "correct",
        "All light is scattered.": "correct", "Dye.": "incorrect",
        "\\boxed{2}": "correct", "\\boxed{the even prime}": "incorrect", "\\boxed{3}": "incorrect",
    }  # fmt: skip
    assert not any(put.question == "What is 1+1?" for put in server.asked)
    evidence = small.tables.scan("judge_verdicts").collect()
    assert evidence.height == 4, "an answer that is the reference needs no judge"
    assert set(evidence.select("first_pass", "second_pass").rows()) == {("correct", "correct"), ("incorrect", None)}
    paid = small.tables.scan("sampling_ledger").filter(pl.col("model") == "judge").collect()
    assert paid["completion_tokens"].sum() == 10 * asked
    versions = small.tables.scan("verified_traces").select(pl.col("verifier_version").unique()).collect()
    assert any("judge-1:rule:judge@" in version for version in versions["verifier_version"])


@pytest.mark.parametrize(
    ("decided_by", "expected"),
    [
        pytest.param(
            "union",
            {"\\boxed{2}": "correct", "\\boxed{the even prime}": "correct", "\\boxed{3}": "incorrect"},
            id="union_adds",
        ),
        pytest.param(
            "judge",
            {"\\boxed{2}": "incorrect", "\\boxed{the even prime}": "correct", "\\boxed{3}": "incorrect"},
            id="judge_overrules",
        ),
    ],
)
def test_rule_and_judge_together(prepared, instance, decided_by, expected):
    """The judge accepts "the even prime", and wrongly refuses "2"."""

    def odd(put):
        return verdict_line(put, "incorrect") if put.answer == "\\boxed{2}" else fair(put)

    with judge_server(odd) as server:
        small = prepared(server.base_url, decided_by=decided_by)
        small.sample("people", instance)
        small.run("build_datasets", instance)
    found = verdicts(small)
    assert {answer: found[answer] for answer in expected} == expected
    pairs = small.tables.scan("judge_verdicts").select("rule_verdict", "judge_verdict", "verdict").collect().rows()
    assert ("incorrect", "correct", "correct") in pairs
    assert (("correct", "incorrect", "incorrect") in pairs) == (decided_by == "judge")
    methods = small.tables.scan("verified_traces").filter(extracted_answer="3").collect()["method"].to_list()
    assert [method.startswith("judge/") for method in methods] == [decided_by == "judge"], "the rule's reasons stand"
    page = small.workspace.report_file.read_text(encoding="utf-8")
    assert "on which rule and judge disagree" in page
    assert "the even prime" in page


def test_who_decides_can_be_changed_back_and_forth(prepared, instance):
    def decide(by):
        set_verification(small, decided_by=by)
        small.sample("people", instance)
        methods = small.tables.scan("verified_traces").select("trace_id", "verdict", "method").sort("trace_id")
        evidence = small.tables.scan("judge_verdicts").select("trace_id").collect()["trace_id"]
        assert evidence.is_unique().all()
        return methods.collect().rows(), set(evidence)

    with judge_server(fair) as server:
        small = prepared(server.base_url)
        first = [decide("rule"), decide("union")]
        asked = len(server.asked)
        assert [decide("rule"), decide("union")] == first
        assert len(server.asked) == asked, "nothing is paid for twice"
    assert first[0][1] < first[1][1]


def test_a_judge_that_accepts_everything_blocks_what_is_built_on_it(prepared, instance):
    with judge_server(lambda put: verdict_line(put, "correct")) as server:
        small = prepared(server.base_url)
        result = small.sample("people", instance, raise_on_error=False)
    assert not check_of(result, "verifiers_are_right").passed
    (rates,) = error_rates(small.tables.scan("verification_canaries").filter(verifier="judge")).to_dicts()
    assert (rates["false_accept_rate"], rates["false_reject_rate"]) == (1.0, 0.0)


def test_a_judge_that_goes_by_the_order_of_the_texts_abstains(prepared, instance):
    marks = set()

    def fickle(put):
        subject = (put.question, put.reference, put.answer)
        verdict = "incorrect" if subject in marks else "correct"
        marks.add(subject)
        return verdict_line(put, verdict)

    with judge_server(fickle) as server:
        small = prepared(server.base_url)
        small.sample("people", instance, raise_on_error=False)
    assert set(small.tables.scan("judge_verdicts").collect()["judge_verdict"]) == {"abstained"}
    assert small.tables.scan("verified_traces").filter(verdict="abstained").collect()["is_correct"].null_count() == 4


def test_unreadable_replies_are_asked_again_and_then_the_judge_abstains(prepared, instance):
    def mumbles(put):
        return fair(put) if put.is_reminded and put.answer == "It is Paris." else "I would rather not say."

    with judge_server(mumbles) as server:
        small = prepared(server.base_url)
        small.sample("people", instance, raise_on_error=False)
    assert verdicts(small)["It is Paris."] == "correct"
    assert verdicts(small)["It is Lyon."] == "abstained"
    assert sum(put.answer == "It is Lyon." for put in server.asked) == 3
    attempts = small.tables.scan("model_replies").group_by("attempt").len().sort("attempt").collect()
    assert attempts["attempt"].to_list() == [1, 2, 3]


def test_a_judge_that_fails_leaves_the_verdict_open_until_the_next_run(prepared, instance):
    with judge_server(lambda put: None if put.answer in {"Dye.", "It is Lyon."} else fair(put)) as server:
        small = prepared(server.base_url, error_share_limit=0.5)
        small.sample("people", instance, raise_on_error=False)
    assert verdicts(small)["Dye."] == "error"
    assert verdicts(small)["It is Paris."] == "correct"
    with judge_server(fair) as server:
        small.write_model(judge_entry(server.base_url))
        small.sample("people", instance)
        assert {put.answer for put in server.asked} == {"Dye.", "It is Lyon."}
    assert verdicts(small)["Dye."] == "incorrect"
    assert small.tables.scan("judge_verdicts").collect()["trace_id"].is_unique().all()


def test_another_judge_judges_again(prepared, instance):
    with judge_server(fair) as server:
        small = prepared(server.base_url)
        small.sample("people", instance)
        before = len(server.asked)
        small.write_model(judge_entry(server.base_url, revision="2"))
        small.sample("people", instance)
        assert len(server.asked) == 2 * before
        comparison = invoke(small, "verify", "--compare")
        assert len(server.asked) == 2 * before
    assert comparison.exit_code == 0
    assert "0 differ" in comparison.output


def test_a_real_server_with_a_model_that_cannot_judge_abstains(prepared, instance, tmp_path):
    """The starter was never taught to compare texts: its replies have not the asked form, and that is no verdict."""
    with ChatServer(STARTER_MODELS / "starter-base", tmp_path) as server:
        small = prepared(server.base_url, judge={"model": "judge", "max_tokens": 200, "attempts": 1})
        small.write_model(judge_entry(server.base_url, served_model=server.model))
        result = small.sample("people", instance, raise_on_error=False)
    assert {verdicts(small)[row] for row in ("It is Paris.", "It is Lyon.", "Dye.")} == {"abstained"}
    assert not check_of(result, "verifiers_are_right").passed, "a judge that never judges cannot be trusted"
    replies = small.tables.scan("model_replies").collect()
    assert replies["error"].null_count() == replies.height
    assert (replies["completion_tokens"] > 0).all()
