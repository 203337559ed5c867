"""Each gate passes on a good mix and fails on the fault it is there for, naming what it found and the limit."""

import polars as pl
import pytest
from example_tables import NOW, small_run

from openreason_dagster.domain.errors import RecipeError, ReleaseError
from openreason_dagster.domain.recipe import Recipe
from openreason_dagster.domain.release.gates import release_gates, require_passed
from openreason_dagster.domain.release.licences import is_allowed
from openreason_dagster.domain.schemas import BENCHMARK_PROMPTS, TABLES, VERIFICATION_CANARIES

PROMPT = "Mia has 2 red pens and 3 blue pens. How many pens has she?"
VALUES = {
    "name": "small", "title": "Small", "seed": 0, "models": ["*"], "temperatures": [0.3],
    "sources": [{"name": "sums", "kind": "procedural", "task": "starter/addition", "count": 1, "seed": 1,
                 "license": "Apache-2.0"}],
    "sampling": {"samples_per_prompt": 8, "max_tokens": 9}, "release": {"license": "Apache-2.0"},
}  # fmt: skip


def recipe(tmp_path, **changes):
    return Recipe.from_values(VALUES | changes, path=tmp_path / "recipe.yaml")


def canary(number, outcome, *, is_right):
    return dict.fromkeys(VERIFICATION_CANARIES.schema, "") | {
        "canary_id": f"math-{number}", "verifier": "math", "is_right": is_right, "outcome": outcome, "verified_at": NOW,
    }  # fmt: skip


KNOWN = [canary(1, "as_expected", is_right=True), canary(2, "as_expected", is_right=False)]


def turns(name):
    return [{"role": "user", "content": PROMPT}, {"role": "assistant", "content": f"<think>\n{name}\n</think>\n\n5"}]


def good(**changes):
    """Tables of a mix in which nothing is wrong; `changes` are frames to put in their place."""
    tables = {name: table.frame([]).lazy() for name, table in TABLES.items()} | small_run(PROMPT)
    tables["verification_canaries"] = VERIFICATION_CANARIES.frame(KNOWN).lazy()
    mix = tables["sft_mix"].collect()
    messages = pl.Series("messages", [turns(name) for name in mix["trace_id"]], dtype=mix.schema["messages"])
    tables["sft_mix"] = mix.with_columns(messages).lazy()
    return tables | changes


def failed(tables, recipe):
    return {result.gate: result for result in release_gates(tables, recipe) if not result.passed}


def overlapping():
    row = {
        "benchmark": "b", "benchmark_row_id": "1", "solution": None,
        "prompt": "mia has 2 red pens and 3 blue pens; how many pens has she",
    }  # fmt: skip
    return BENCHMARK_PROMPTS.frame([row]).lazy()


def mix(*expressions, **columns):
    return good()["sft_mix"].with_columns(*expressions, **columns)


def canaries(*more):
    return VERIFICATION_CANARIES.frame([*KNOWN, *more]).lazy()


CUT = pl.when(pl.col("trace_id") == "large-0.3-0").then(pl.lit("length")).otherwise("finish_reason")
ENGLISH = {"en": {"minimum": 0.9}}
OTHER_SETS = ("rl_prompts", "preference_pairs", "safety_set")
EVERY_SET = {"release": {"license": "MIT", "formats": ["rl_prompts_verl", "preference", "safety"]}}


def other_set(name, **values):
    """One row of a set that is released beside the mix."""
    blank = {column.name: "x" for column in TABLES[name].columns if column.dtype == pl.String()}
    row = dict.fromkeys(TABLES[name].schema) | blank | {"license": "MIT", "label": "unsafe"} | values
    return TABLES[name].frame([{key: row[key] for key in TABLES[name].schema}]).lazy()


ASKED = {"rows": 3, "domain_shares": {"math": 1.0}}


@pytest.mark.parametrize(
    ("gate", "changes", "settings", "found"),
    [
        pytest.param("contamination", {"benchmark_prompts": overlapping()}, {}, "1 prompts", id="contaminated"),
        pytest.param("duplicates", {"sft_mix": pl.concat([mix(), mix().head(1)])}, {}, "1 repeated", id="trace-twice"),
        pytest.param(
            "duplicates", {"sft_mix": mix(pl.col("messages").first())}, {}, "2 repeated", id="same-conversation"
        ),
        pytest.param(
            "truncated share",
            {"sampled_traces": good()["sampled_traces"].with_columns(finish_reason=CUT)},
            {},
            "33.33% (1 of 3 rows)",
            id="truncated",
        ),
        pytest.param(
            "verifier errors",
            {"verification_canaries": canaries(canary(3, "false_accept", is_right=False))},
            {},
            "math accepts 1 of 2 wrong answers",
            id="accepts-wrong-answers",
        ),
        pytest.param(
            "verifier errors",
            {"verification_canaries": canaries(canary(3, "false_reject", is_right=True))},
            {},
            "rejects 1 of 2 right ones",
            id="rejects-right-answers",
        ),
        pytest.param(
            "verifier errors",
            {"verification_canaries": VERIFICATION_CANARIES.frame([]).lazy()},
            {},
            "math not measured",
            id="not-measured",
        ),
        pytest.param(
            "licences", {"sft_mix": mix(license=pl.lit("CC-BY-NC-4.0"))}, {}, "'CC-BY-NC-4.0' of sums", id="licence"
        ),
        pytest.param("licences", {"sft_mix": mix(license=pl.lit(""))}, {}, "3 rows", id="no-licence"),
        pytest.param(
            "language share en",
            {"sft_mix": mix(language=pl.lit("zh"))},
            {"release": {"license": "MIT", "gates": {"language_shares": ENGLISH}}},
            "0.00%",
            id="language-too-rare",
        ),
        pytest.param(
            "language share zh",
            {"sft_mix": mix(language=pl.lit("zh"))},
            {"release": {"license": "MIT", "gates": {"language_shares": {"zh": {"maximum": 0.5}}}}},
            "100.00%",
            id="language-too-frequent",
        ),
        pytest.param("rows", {}, {"sft_mix": {"rows": 100}}, "3", id="too-few-rows"),
        pytest.param("rows", {}, {"sft_mix": {"rows": 2}}, "3", id="too-many-rows"),
        pytest.param("rows", {"sft_mix": mix().head(0)}, {}, "0", id="no-rows"),
        pytest.param(
            "domain share math", {"sft_mix": mix(domain=pl.lit("code"))}, {"sft_mix": ASKED}, "0.00%", id="domain"
        ),
        pytest.param(
            "component share cold_start_data", {},
            {"sft_mix": {"component_shares": {"reasoning_data": 0.5, "cold_start_data": 0.5}}}, "0.00%", id="component",
        ),
        *(
            pytest.param(
                f"licences of {table}", {table: other_set(table, license="MIT AND CC-BY-NC-4.0")}, EVERY_SET,
                "'MIT AND CC-BY-NC-4.0'", id=f"licence-of-{table}",
            )
            for table in OTHER_SETS
        ),
        *(
            pytest.param(
                f"contamination of {table}",
                {table: other_set(table, prompt=PROMPT), "benchmark_prompts": overlapping()}, EVERY_SET,
                "1 prompts", id=f"contaminated-{table}",
            )
            for table in OTHER_SETS
        ),
    ],
)  # fmt: skip
def test_gate_passes_then_fails_on_its_fault(tmp_path, gate, changes, settings, found):
    loose = {key: value for key, value in settings.items() if key == "release"}
    before = failed(good(), recipe(tmp_path)) if not loose else {}
    assert before == {}
    stopped = failed(good(**changes), recipe(tmp_path, **settings))
    assert found in stopped[gate].found
    with pytest.raises(ReleaseError, match=rf"blocked by(.|\n)*{gate}: found (.|\n)*limit") as error:
        require_passed(release_gates(good(**changes), recipe(tmp_path, **settings)))
    assert stopped[gate].remedy in str(error.value)


def test_sets_that_are_not_released_are_free(tmp_path):
    changes = {name: other_set(name, license="CC-BY-NC-4.0") for name in OTHER_SETS}
    settings = {"release": {"license": "MIT", "formats": ["rl_prompts", "safety"]}}
    assert set(failed(good(**changes), recipe(tmp_path, **settings))) == {
        "licences of rl_prompts",
        "licences of safety_set",
    }
    unknown = good(safety_set=other_set("safety_set", license="CC-BY-NC-4.0", label="unknown"))
    assert failed(unknown, recipe(tmp_path, **settings)) == {}


def test_limits_of_the_recipe_are_kept_to(tmp_path):
    gates = {
        "duplicate_rows": 2, "contaminated_prompts": 1, "truncated_share": 0.34, "allowed_licenses": ["LicenseRef-own"],
        "minimum_row_share": 0.03, "language_shares": ENGLISH, "domain_share_tolerance": 1.0,
    }  # fmt: skip
    changes = {
        "sft_mix": mix(pl.col("messages").first(), license=pl.lit("licenseref-OWN"), domain=pl.lit("code")),
        "benchmark_prompts": overlapping(),
        "sampled_traces": good()["sampled_traces"].with_columns(finish_reason=CUT),
    }
    settings = {"sft_mix": ASKED | {"rows": 100}, "release": {"license": "MIT", "gates": gates}}
    assert failed(good(**changes), recipe(tmp_path, **settings)) == {}


def test_recipe_that_asks_no_model_may_have_no_rows(tmp_path):
    nothing = good(sft_mix=mix().head(0))
    assert "rows" not in failed(nothing, recipe(tmp_path, models=[]))
    assert "rows" in failed(nothing, recipe(tmp_path, models=[], sft_mix={"rows": 5}))


def test_language_within_its_range_passes(tmp_path):
    settings = {"release": {"license": "MIT", "gates": {"language_shares": ENGLISH}}}
    assert failed(good(), recipe(tmp_path, **settings)) == {}


def test_a_recipe_that_asks_for_prompts_only_needs_no_rows(tmp_path):
    empty = good(sft_mix=mix().head(0))
    assert failed(empty, recipe(tmp_path, models=[])) == {}
    assert set(failed(empty, recipe(tmp_path))) == {"rows"}


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        pytest.param("MIT", True, id="listed"),
        pytest.param("mit", True, id="case"),
        pytest.param("GPL-3.0-only", False, id="not-listed"),
        pytest.param("GPL-3.0-only OR MIT", True, id="either"),
        pytest.param("GPL-3.0-only AND MIT", False, id="both"),
        pytest.param("GPL-3.0-only AND MIT OR Apache-2.0", True, id="and-binds-closer"),
        pytest.param("MIT-Modern-Variant", False, id="longer-name"),
        pytest.param("", False, id="empty"),
        pytest.param("unknown", False, id="unknown"),
    ],
)
def test_licence_expressions(expression, allowed):
    assert is_allowed(expression, ["MIT", "Apache-2.0"]) == allowed


@pytest.mark.parametrize(
    ("gates", "message"),
    [
        pytest.param({"allowed_licenses": ["MIT, ISC"]}, "not an SPDX identifier", id="two-in-one"),
        pytest.param({"language_shares": {"en": {"minimum": 0.6, "maximum": 0.4}}}, "above `maximum`", id="range"),
        pytest.param({"truncated": 0}, "truncated_share", id="unknown-key"),
    ],
)
def test_gates_that_make_no_sense_are_refused(tmp_path, gates, message):
    with pytest.raises(RecipeError, match=message):
        recipe(tmp_path, release={"license": "MIT", "gates": gates})
