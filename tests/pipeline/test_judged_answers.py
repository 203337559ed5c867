"""A judge's votes and labels in real assets: a scripted judge behind a real server, and what the tables say after."""

import io
import json
import re

import dagster as dg
import polars as pl
import pytest
from rich.console import Console
from scripted_writer import scripted_writer, writer_entry
from small_workspace import QUIET

from openreason_dagster.assets.judged_answers import preference_votes, safety_set
from openreason_dagster.assets.learning import preference_pairs
from openreason_dagster.checks.learning import pairs_by_votes_are_decided, responses_are_labelled_once
from openreason_dagster.commands.show import print_chain
from openreason_dagster.definitions import default_resources
from openreason_dagster.domain.errors import RecipeError
from openreason_dagster.domain.release.funnel import UNKNOWN_REASON, count_funnel
from openreason_dagster.domain.schemas import TABLES
from openreason_dagster.resources.lineage import find_row
from openreason_dagster.resources.scope import recipe_tables

CHAT = {"name": "talks", "kind": "file", "path": "talks.jsonl", "layout": "messages", "license": "MIT"}
JUDGE = {"judge": {"model": "scribe", "max_tokens": 300}}
ANSWERS = {
    "Greet me.": ("A very good morning.", "Get lost, you there."),
    "Name a bird.": ("Sparrows are birds.", "The robin is one."),
    "Name a tree.": ("That I won't say.", "Ash and oak trees."),
    "How are you?": ("Muttered reply one", "Muttered reply two"),
}
"""Prompt → a conversation's answer and the one after thinking, of the same length or nearly."""
SCORES = {"A very good morning.": 9, "Get lost, you there.": 1, "That I won't say.": 2, "Ash and oak trees.": 8}
TEXT = re.compile(r"--- (\w+) (\w{12}) begins ---\n(.*?)\n--- \1 \2 ends ---", re.S)


def judge(question):
    """Scores what it knows, finds the others equal, votes by position on trees, and mumbles where it is asked to."""
    mark = TEXT.search(question)[2]
    shown = {name: text for name, _, text in TEXT.findall(question)}
    if "response" in shown:
        label = "unsafe" if "Get lost" in shown["response"] else "safe"
        return "Dear me." if "Muttered" in question else f"Seen.\n{json.dumps({'id': mark, 'label': label})}"
    if "Muttered" in question and "could not be read" not in question:
        return "Both, I think."
    scores = {name: SCORES.get(shown[name], 5) for name in ("answer_A", "answer_B")}
    return f"Compared.\n{json.dumps({'id': mark} | scores)}"


def rows(small, name):
    return small.tables.scan(name).collect()


@pytest.fixture
def prepared(small):
    """Four chat prompts, each with a conversation's answer and one after thinking."""
    small.write_recipe(chat_sources=[CHAT], preference_pairs={"votes": JUDGE}, safety_set=JUDGE)
    (small.folder / "talks.jsonl").touch()
    shared = {"source": "talks", "domain": "general", "language": "en", "license": "MIT"}
    talks, written = [], []
    for number, (prompt, (said, thought)) in enumerate(ANSWERS.items()):
        key = shared | {"prompt_id": f"{number}" * 32}
        turns = [{"role": "user", "content": prompt}, {"role": "assistant", "content": said}]
        talks.append(
            key
            | {"conversation_id": f"a{number}", "source_row_id": "0", "turns": 2, "characters": 9, "messages": turns}
        )
        answered = {"trace_id": f"b{number}", "prompt": prompt, "reasoning": "Hm.", "answer": thought}
        written.append(key | answered | {"model": "w", "temperature": "writer"})
    small.tables.replace("chat_sft_data", TABLES["chat_sft_data"].frame(talks))
    blank = dict.fromkeys(TABLES["cot_prompted_traces"].schema.names())
    small.tables.replace("cot_prompted_traces", TABLES["cot_prompted_traces"].frame(blank | row for row in written))
    return small


def build(small, base, instance):
    small.write_model(writer_entry(base) | {"roles": ["judge"]})
    recipe = small.workspace.recipe()
    assets = [preference_votes(recipe), preference_pairs, safety_set(recipe)]
    others = [dg.AssetSpec(key) for one in assets for key in one.dependency_keys if key.path[0] != "preference_votes"]
    return dg.materialize(
        [*assets, *{spec.key: spec for spec in others}.values()],
        selection=assets, instance=instance, resources=default_resources(small.settings), run_config=QUIET,
    )  # fmt: skip


def test_votes_become_pairs_and_labels_become_a_set(prepared, instance):
    with scripted_writer(judge) as server:
        result = build(prepared, server, instance)
        asked = rows(prepared, "model_replies").height
        assert asked == 16 + 4 + 8 + 2, "four votes per pair, four of them repeated, a label per response, two repeated"
        build(prepared, server, instance)
        assert rows(prepared, "model_replies").height == asked, "nothing is asked twice"
    votes = rows(prepared, "preference_votes")
    assert dict(votes.select("prompt_id", "reason").iter_rows()) == {
        "0" * 32: None, "1" * 32: "too_close", "2" * 32: None, "3" * 32: "too_close"
    }  # fmt: skip
    assert votes["votes"].list.len().to_list() == [4] * 4
    pairs = rows(prepared, "preference_pairs").sort("chosen")
    assert pairs["chosen"].to_list() == ["A very good morning.", "Ash and oak trees."]
    assert pairs["rejected"].to_list() == ["Get lost, you there.", "That I won't say."], (
        "answers alone, as they were judged"
    )
    assert pairs.select("method", "score_difference").rows() == [("votes", 8.0), ("votes", 6.0)]
    assert dict(rows(prepared, "safety_set").select("trace_id", "label").iter_rows()) == {
        "a0": "safe", "b0": "unsafe", "a1": "safe", "b1": "safe", "a2": "safe", "b2": "safe",
        "a3": "unknown", "b3": "unknown",
    }  # fmt: skip
    assert set(rows(prepared, "safety_set").filter(label="unknown")["reason"]) == {"unreadable"}
    assert pairs_by_votes_are_decided(prepared.tables, prepared.workspace).passed
    assert responses_are_labelled_once(prepared.tables).passed
    metadata = result.asset_materializations_for_node("preference_votes")[0].metadata
    assert (metadata["kept"].value, metadata["dropped"].value) == (2, 2)
    funnel = count_funnel(recipe_tables(prepared.tables, prepared.workspace))
    counts = {
        stage: (entered, left) for stage, entered, left in funnel.stages.select("stage", "entered", "rows").iter_rows()
    }
    assert counts["preference pairs by votes"] == (4, 2)
    assert counts["responses labelled for safety"] == (8, 6)
    unexplained = funnel.reasons.filter(reason=UNKNOWN_REASON)
    assert unexplained["stage"].to_list() == ["non-reasoning data"], "which is not made of the conversations here"
    show_chains(prepared, pairs)


def show_chains(prepared, pairs):
    """Pairs by votes and labelled conversations are followed, though no seed and no part of the mix holds them."""
    chains = {
        name: find_row(prepared.tables, name, releases=prepared.folder / "none")
        for name in (pairs["pair_id"][0], "a1", "b0")
    }
    pair, talk, written = chains.values()
    assert (pair.seed, pair.conversation["conversation_id"]) == (None, "a0")
    assert (len(pair.votes["votes"]), pair.votes["mean_difference"]) == (4, pair.pair["score_difference"])
    assert [turn["content"] for turn in talk.messages] == ["Name a bird.", "Sparrows are birds."]
    assert talk.data_sets["safety_set"]["label"] == "safe"
    assert written.messages[1]["content"] == "<think>\nHm.\n</think>\n\nGet lost, you there."
    assert written.data_sets["chat_sft_data, whose prompt it answers"]["conversation_id"] == "a0"
    assert written.data_sets["preference_pairs, rejected"]["method"] == "votes"
    page = io.StringIO()
    for chain in chains.values():
        print_chain(chain, Console(file=page, width=200))
    assert "safety_set\n  label: unsafe" in page.getvalue()
    assert "safety_set: left out" not in page.getvalue()


def test_a_judge_that_goes_by_the_order_keeps_nothing(prepared, instance):
    def first_wins(question):
        mark = TEXT.search(question)[2]
        return json.dumps({"id": mark, "answer_A": 9, "answer_B": 1, "label": "safe"})

    with scripted_writer(first_wins) as server:
        build(prepared, server, instance)
    votes = rows(prepared, "preference_votes")
    assert set(votes["mean_difference"]) == {0.0}
    assert set(votes["reason"]) == {"too_close"}
    assert rows(prepared, "preference_pairs").is_empty()


def test_without_the_sections_nobody_is_asked(prepared, instance):
    prepared.write_recipe(chat_sources=[CHAT])
    with scripted_writer(judge) as server:
        build(prepared, server, instance)
    tables = ("preference_votes", "preference_pairs", "safety_set", "model_replies")
    assert [name for name in tables if rows(prepared, name).height] == []


def test_a_model_without_the_role_is_refused(prepared, instance):
    prepared.write_recipe(chat_sources=[CHAT], preference_pairs={"votes": {"judge": {"model": "starter-base"}}})
    with scripted_writer(judge) as server, pytest.raises(RecipeError, match=r"preference_pairs\.votes\.judge\.model"):
        build(prepared, server, instance)


def swapped(table):
    sides = {"chosen_trace_id": "rejected_trace_id", "rejected_trace_id": "chosen_trace_id"}
    return table.rename(sides).select(table.columns)


def test_checks_fail_on_their_fault(prepared, instance):
    with scripted_writer(judge) as server:
        build(prepared, server, instance)
    labels = rows(prepared, "safety_set")
    for fault in (labels.with_columns(label=pl.lit("harmless")), pl.concat([labels, labels])):
        prepared.tables.replace("safety_set", fault)
        assert not responses_are_labelled_once(prepared.tables).passed
    prepared.tables.replace("preference_pairs", swapped(rows(prepared, "preference_pairs")))
    assert not pairs_by_votes_are_decided(prepared.tables, prepared.workspace).passed
