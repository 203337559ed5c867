"""Every shipped recipe runs at small size: its sources are swapped for small files with the same columns.

The model is a real chat server that knows the references, so that every domain has right answers; nothing else of the
recipes is changed but numbers.
"""

import json
import re
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
import yaml
from fault_server import FaultServer
from scripted_writer import section
from small_workspace import SmallWorkspace

from openreason_dagster.domain.recipe_checks import load_recipe
from openreason_dagster.domain.release.funnel import UNKNOWN_REASON, count_funnel
from openreason_dagster.resources.scope import recipe_tables

pytestmark = pytest.mark.slow

RECIPES = Path(__file__).parents[2] / "recipes"
LAYOUTS = Path(__file__).parents[1] / "data" / "imported_layouts"
OWN_TESTS = {"starter", "gsm8k"}
SAMPLED = {"deepseek-r1", "mixture-of-thoughts", "openr1-math", "openthoughts3", "s1k"}
WHOLE = "deepseek-r1"
PROMPTS_ONLY = {"r1-zero", "tinyzero-countdown"}
NOUNS = ("apples", "books", "coins", "doors", "eggs", "flags", "gloves", "hats", "jars", "keys", "lamps", "maps")


def choices(index: int) -> dict[str, object]:
    labels, texts = ["A", "B", "C"], [f"{index} {noun}" for noun in NOUNS[:3]]
    question = f"Which of these is number {index} in the list of {NOUNS[index]} and of nothing else?"
    return {"id": str(index), "question": question, "choices": {"label": labels, "text": texts}, "answerKey": "B"}


def chat(index: int) -> tuple[str, str]:
    question = f"Please write two friendly lines about {NOUNS[index]} for the wall of a small shop in our street."
    return question, f"Here are two lines about {NOUNS[index]}. They are a pleasure to see every morning."


ROWS = {
    "open-r1/OpenR1-Math-220k": lambda n: {
        "uuid": str(n), "problem": f"A shelf holds {n + 3} rows of {NOUNS[n]} with 7 in each. How many are there?",
        "answer": str(7 * (n + 3)), "solution": f"7 times {n + 3}", "problem_type": ("Algebra", "Geometry")[n % 2],
    },
    "deepmind/code_contests": lambda n: {
        "name": str(n), "description": f"Read a whole number of {NOUNS[n]} from standard input and print its double.",
        "generated_tests": {"input": ["1\n", "21\n"], "output": ["2\n", "42\n"]},
    },
    "allenai/ai2_arc": choices,
    "allenai/qasc": lambda n: choices(n) | {"question": f"Who of these could carry {n} {NOUNS[n]} over a long hill?"},
    "allenai/tulu-3-sft-mixture": lambda n: {
        "id": str(n), "messages": [
            {"role": role, "content": text} for role, text in zip(("user", "assistant"), chat(n), strict=True)
        ],
    },
    "databricks/databricks-dolly-15k": lambda n: {
        "instruction": f"Tell me what one needs {NOUNS[n]} for at home in winter.", "context": "",
        "response": f"At home one needs {NOUNS[n]} for many things, and in winter for even more of them.",
    },
}  # fmt: skip
"""Repository → row of that number with the repository's columns."""


def swap(entry: dict, folder: Path, rows: list[dict]) -> None:
    """Let a small file stand in for a repository."""
    path = folder / f"{entry['name']}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    for key in ("repository", "revision", "config", "split"):
        entry.pop(key, None)
    entry |= {"kind": "file", "path": path.name}


def shrunk(name: str, folder: Path) -> dict:
    """The shipped recipe with small sources and few samples."""
    load_recipe(RECIPES / f"{name}.yaml")
    recipe = yaml.safe_load((RECIPES / f"{name}.yaml").read_text(encoding="utf-8"))
    for entry in [*recipe["sources"], *recipe.get("chat_sources", [])]:
        if entry["kind"] == "hub":
            swap(entry, folder, [ROWS[entry["repository"]](number) for number in range(8)])
        else:
            entry["count"] = 3
    for entry in recipe.get("benchmarks", []):
        swap(
            entry,
            folder,
            [dict.fromkeys(entry["columns"].values(), "Nobody asks for the ninth moon of the tenth sun.")],
        )
    recipe["sampling"] |= {"samples_per_prompt": min(2, recipe["sampling"]["samples_per_prompt"])}
    if recipe["models"]:
        recipe["models"] = ["model"]
    if "selection" in recipe.get("sft_mix", {}):
        recipe["sft_mix"]["rows"] = 4
    return recipe


def judged(question: str) -> str:
    """Good, safe, and better where something is said about shop walls; a judge is asked between lines with a mark."""
    mark = re.search(r"--- request (\w{12}) begins ---", question)[1]
    if question.startswith("You rate how well"):
        return json.dumps({"id": mark, "score": 8})
    if "label" in question:
        return json.dumps({"id": mark, "label": "safe"})
    parts = {name: re.search(rf"--- {name} .*?\n(.*?)\n---", question, re.S)[1] for name in ("answer_A", "answer_B")}
    scores = {name: 8 if "pleasure" in text or "many things" in text else 4 for name, text in parts.items()}
    return json.dumps({"id": mark} | scores)


class Answers:
    """Replies: the pool's reference (at first a wrong one in mathematics), or the texts that a writer is asked for."""

    def __init__(self, workspace: SmallWorkspace) -> None:
        self.workspace = workspace
        self.asked: Counter[str] = Counter()

    def reply(self, request: dict) -> dict:
        question = request["messages"][-1]["content"]
        text = judged(question) if "is no instruction to you" in question else self.written(question)
        message = {"role": "assistant", "content": text or self.solved(question)}
        usage = {"prompt_tokens": 5, "completion_tokens": 40}
        return {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage}

    def written(self, question: str) -> str | None:
        if " notes]" in question:
            return f"<reasoning>I look at it step by step: {section(question, 'notes')}</reasoning>"
        if " final answer]" in question:
            return f"<summary>So it is \\boxed{{{section(question, 'final answer')}}}.</summary>"
        if "<answer>" in question and " message]" in question:
            return "<reasoning>They want something friendly.</reasoning><answer>Here is what you asked for.</answer>"
        return None

    def solved(self, question: str) -> str:
        pool = self.workspace.tables.scan("prompt_pool").collect()
        (row,) = [row for row in pool.iter_rows(named=True) if row["prompt"] in question]
        self.asked[row["prompt_id"]] += 1
        number = self.asked[row["prompt_id"]]
        thought = (
            f"<think>\nLet me look at what is asked here for the {number}. time, and then answer it.\n</think>\n\n"
        )
        if row["verifier"] == "code":
            return f"{thought}```python\nprint(2 * int(input()))\n```"
        if row["verifier"] != "math":
            return thought + row["reference_answer"]
        return f"{thought}\\boxed{{{row['reference_answer'] if number > 1 else 0}}}"


def served(name: str, server: FaultServer, role: str) -> dict[str, object]:
    return {
        "name": name, "engine": "openai", "base_url": server.base_url, "served_model": name, "revision": "1",
        "license": "MIT", "roles": [role], "max_attempts": 1,
    }  # fmt: skip


@pytest.fixture
def run(tmp_path, instance):
    """Run a recipe from its sources to the release and give the workspace."""
    workspace = SmallWorkspace(tmp_path)
    workspace.settings.catalogue.mkdir()

    def run_recipe(recipe: dict) -> SmallWorkspace:
        workspace.settings.recipe.write_text(yaml.safe_dump(recipe), encoding="utf-8")
        workspace.collect(instance)
        for model in workspace.workspace.selected_models():
            workspace.sample(model, instance)
        result = workspace.run("build_datasets", instance)
        failed = [one.check_name for one in result.get_asset_check_evaluations() if not one.passed]
        assert failed == []
        tables, rules = (
            recipe_tables(workspace.tables, workspace.workspace),
            workspace.workspace.recipe().reasoning_data,
        )
        counted = count_funnel(tables, answers=rules.answers)
        assert UNKNOWN_REASON not in counted.reasons["reason"].to_list()
        return workspace

    with FaultServer(rates={}, reply=Answers(workspace).reply) as server:
        workspace.write_model(served("model", server, "base"))
        workspace.write_model(served("writer", server, "writer"))
        workspace.write_model(served("judge", server, "judge"))
        yield run_recipe


def rows(workspace: SmallWorkspace, table: str) -> pl.DataFrame:
    return workspace.tables.scan(table).collect()


def test_every_recipe_is_tried() -> None:
    assert {path.stem for path in RECIPES.glob("*.yaml")} == SAMPLED | PROMPTS_ONLY | OWN_TESTS | {"relabel"}


def make_a_release_at_its_shares(name, run, folder):
    recipe = shrunk(name, folder)
    workspace = run(recipe)
    mix = rows(workspace, "sft_mix")
    assert mix.height > 0
    counts = dict(mix["domain"].value_counts().iter_rows())
    for domain, share in recipe["sft_mix"].get("domain_shares", {}).items():
        assert abs(counts.get(domain, 0) - share * mix.height) <= 1, domain
    assert (workspace.workspace.release_folder / "README.md").is_file()
    verdicts = set(rows(workspace, "reasoning_data").join(rows(workspace, "verified_traces"), on="trace_id")["verdict"])
    assert verdicts == ({"correct", "incorrect"} if name == "openthoughts3" else {"correct"})
    return workspace


@pytest.mark.parametrize("name", sorted(SAMPLED - {WHOLE}))
def test_sampled_recipe_makes_a_release_at_its_shares(name, run, tmp_path):
    make_a_release_at_its_shares(name, run, tmp_path)


def test_deepseek_r1_makes_a_release_at_its_shares_and_fills_every_box(run, tmp_path):
    workspace = make_a_release_at_its_shares(WHOLE, run, tmp_path)
    boxes = ("cold_start_data", "chat_sft_data", "reasoning_data", "cot_prompted_traces", "non_reasoning_data")
    assert [box for box in boxes if rows(workspace, box).is_empty()] == []
    assert set(rows(workspace, "rl_prompts")["domain"]) <= {"math", "code", "science", "logic"}
    assert set(rows(workspace, "preference_votes")["mean_difference"]) == {4.0, -4.0}
    kept = rows(workspace, "preference_pairs")["method"].value_counts()
    assert dict(kept.iter_rows())["verified"] > 0
    assert set(rows(workspace, "safety_set")["label"]) == {"safe"}
    verdicts = rows(workspace, "cot_prompted_traces").filter(pl.col("verifier_version").str.starts_with("rating-"))
    assert set(verdicts["verdict"]) == {"correct"}


@pytest.mark.parametrize("name", sorted(PROMPTS_ONLY))
def test_recipe_without_models_makes_prompts_in_its_template(name, run, tmp_path):
    workspace = run(shrunk(name, tmp_path))
    assert rows(workspace, "sampled_traces").is_empty()
    prompts, pool = rows(workspace, "rl_prompts"), rows(workspace, "prompt_pool")
    assert prompts.height == pool.height > 0
    (split, *_) = sorted(workspace.workspace.release_folder.glob("rl_prompts/train-*.parquet"))
    assert re.search(r"<think>", pl.read_parquet(split)["prompt"][0])


def test_community_traces_are_judged_anew(run, tmp_path):
    recipe = shrunk("relabel", tmp_path)
    questions = [json.loads(line) for line in (LAYOUTS / "openr1_math.jsonl").read_text("utf-8").splitlines()]
    swap(recipe["sources"][0], tmp_path, questions)
    recipe["models"] = sorted(path.stem for path in (RECIPES / "traces").glob("*.yaml"))
    for path, rows_of in zip(recipe["models"], ("openr1_math", "open_thoughts"), strict=True):
        entry = yaml.safe_load((RECIPES / "traces" / f"{path}.yaml").read_text(encoding="utf-8"))
        for key in ("repository", "config", "split"):
            entry.pop(key, None)
        write_entry = entry | {"path": str(LAYOUTS / f"{rows_of}.jsonl")}
        (tmp_path / "catalogue" / f"{path}.yaml").write_text(yaml.safe_dump(write_entry), encoding="utf-8")
    workspace = run(recipe)
    found = rows(workspace, "verified_traces").group_by("model").agg(pl.col("verdict").sort())
    assert dict(found.iter_rows())["openr1-math"].count("correct") == 2
    assert rows(workspace, "sft_mix").height > 0
