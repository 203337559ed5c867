"""Recipes and catalogue files are refused before anything runs, and the message says how to mend them."""

from pathlib import Path

import pytest
import yaml

from openreason_dagster.domain.catalogue import load_model, model_names, select_models
from openreason_dagster.domain.errors import RecipeError
from openreason_dagster.domain.recipe_checks import load_recipe
from openreason_dagster.domain.yaml_model import read_yaml

ROUNDS = {
    "first_round": 4, "round": 4, "maximum": 16, "enough_correct": 4, "lowest_pass_rate": 0.05, "confidence": 0.9,
}  # fmt: skip
MINIMAL = {
    "name": "small",
    "title": "Small",
    "seed": 0,
    "sources": [
        {
            "name": "sums",
            "kind": "procedural",
            "task": "starter/addition",
            "count": 3,
            "seed": 1,
            "license": "Apache-2.0",
        }
    ],
    "models": ["*"],
    "temperatures": [0.6],
    "sampling": {"samples_per_prompt": 1, "max_tokens": 16},
    "release": {"license": "Apache-2.0"},
}
FILE_SOURCE = {
    "name": "gsm8k",
    "kind": "file",
    "path": "missing.jsonl",
    "domain": "math",
    "verifier": "math",
    "license": "MIT",
    "columns": {"prompt": "question", "answer": "answer"},
}
HUB_SOURCE = {key: value for key, value in FILE_SOURCE.items() if key != "path"} | {
    "kind": "hub",
    "repository": "openai/gsm8k",
    "split": "train",
    "revision": "0123456789abcdef0123456789abcdef01234567",
}

HUB_BENCHMARK = {
    "name": "b",
    "kind": "hub",
    "repository": "openai/gsm8k",
    "split": "test",
    "columns": {"prompt": "question"},
}
REVISIONS_THAT_MOVE = {
    "branch": "main",
    "short": "0123456",
    "upper-case": "0123456789ABCDEF0123456789ABCDEF01234567",
    "too-long": "0123456789abcdef0123456789abcdef012345678",
    "newline": "0123456789abcdef0123456789abcdef01234567\n",
}


def write(folder: Path, values: object, name: str = "recipe.yaml") -> Path:
    path = folder / name
    path.write_text(values if isinstance(values, str) else yaml.safe_dump(values), encoding="utf-8")
    return path


def changed(**changes: object) -> dict[str, object]:
    return MINIMAL | changes


def made(task: str, **changes: object) -> dict[str, object]:
    return changed(sources=[MINIMAL["sources"][0] | {"task": task} | changes])


def test_recipe_minimal_loads(tmp_path):
    recipe = load_recipe(write(tmp_path, MINIMAL))
    assert recipe.temperature_keys == ["0.6"]
    assert recipe.sampling.commit_rows > 0


@pytest.mark.parametrize(
    ("values", "fragments"),
    [
        pytest.param("name: [unclosed", ["recipe.yaml", "not valid YAML", "line"], id="broken-yaml"),
        pytest.param("name: \x00", ["recipe.yaml", "not valid YAML", "#x0000"], id="null-character"),
        pytest.param("name: a\nseed: 1\nname: b\n", ["line 3", "`name`", "line 1"], id="key-twice"),
        pytest.param("sources:\n  - {name: a, 'name': b}\n", ["line 2", "`name`"], id="nested-key-twice-on-a-line"),
        pytest.param("", ["recipe.yaml", "whole file"], id="empty-file"),
        pytest.param("- a list", ["recipe.yaml", "whole file"], id="not-a-mapping"),
        pytest.param(changed(temperatur=[0.1]), ["`temperatur`", "Did you mean `temperatures`"], id="misspelt-key"),
        pytest.param(
            changed(sampling={"samples_per_prompt": 1, "max_tokens": 16, "top_x": 3}),
            ["`sampling.top_x`", "Did you mean `top_p`"],
            id="misspelt-nested-key",
        ),
        pytest.param({k: v for k, v in MINIMAL.items() if k != "release"}, ["`release` is missing"], id="missing-key"),
        pytest.param(changed(temperatures=[0.6, 3.0]), ["temperatures", "3", "0 to 2"], id="temperature-too-high"),
        pytest.param(changed(temperatures=[0.6, 0.6]), ["listed twice"], id="temperature-twice"),
        pytest.param(changed(temperatures=[]), ["temperatures", "at least 1"], id="no-temperature"),
        pytest.param(changed(sources=MINIMAL["sources"] * 2), ["'sums'", "used twice"], id="source-twice"),
        pytest.param(
            changed(preference_pairs={"votes": {"judge": {"model": "j"}, "sources": ["talks"]}}),
            ["`preference_pairs.votes.sources` names 'talks'", "chat_sources"],
            id="votes-on-an-unknown-source",
        ),
        pytest.param(
            changed(safety_set={"judge": {"model": "j"}, "sources": ["sums", "talks"]}),
            ["`safety_set.sources` names 'talks'", "correct the name"],
            id="labels-of-an-unknown-source",
        ),
        pytest.param(
            changed(rewards={"helpfull": {"model": "j"}}),
            ["`rewards.helpfull`", "Did you mean `helpful`"],
            id="unknown-reward-model",
        ),
        pytest.param(
            changed(sampling={"max_tokens": 5}), ["samples_per_prompt", "adaptive"], id="no-number-of-samples"
        ),
        pytest.param(
            changed(sampling={"max_tokens": 5, "samples_per_prompt": 4, "adaptive": ROUNDS}),
            ["either `samples_per_prompt` or `adaptive`"],
            id="two-numbers-of-samples",
        ),
        pytest.param(
            changed(sampling={"max_tokens": 5, "adaptive": ROUNDS | {"maximum": 1}}),
            ["`maximum` is 1", "`first_round`"],
            id="maximum-below-the-first-round",
        ),
        pytest.param(
            changed(sampling={"max_tokens": 5, "adaptive": ROUNDS | {"enough_correct": 3}}),
            ["enough_correct` is 3", "keeps up to 4"],
            id="rounds-that-cannot-fill-the-mix",
        ),
        pytest.param(
            changed(budget={"run": {"tokens": 0}}), ["budget.run.tokens", "greater than or equal to 1"], id="no-budget"
        ),
        pytest.param(
            changed(sources=[MINIMAL["sources"][0] | {"count": 0}]), ["count", "greater than or equal to 1"], id="zero"
        ),
        pytest.param(
            changed(sources=[MINIMAL["sources"][0] | {"name": "a|b"}]), ["name", "a|b", "pattern"], id="bad-name"
        ),
        pytest.param(
            changed(sources=[MINIMAL["sources"][0] | {"task": "reasoning_gym/leg_counting"}]),
            ["reasoning_gym", "`domain`"],
            id="task-without-domain",
        ),
        pytest.param(
            changed(pool={"semantic_duplicates": {"model": "minishlab/potion-base-8M"}}),
            ["pool.semantic_duplicates", "`revision`"],
            id="vectors-that-can-change",
        ),
        pytest.param(
            changed(pool={"semantic_duplicates": {"model": "./absent"}}),
            ["pool.semantic_duplicates.model", "absent", "does not exist"],
            id="no-folder-of-vectors",
        ),
        pytest.param(
            changed(pool={"semantic_duplicates": {"model": "./absent", "policy": "drop"}}),
            ["`near_duplicates.policy`", "mark both"],
            id="the-less-alike-dropped-alone",
        ),
        pytest.param(
            changed(pool={"topics": {"model": "minishlab/potion-base-8M"}}),
            ["pool.topics", "`revision`"],
            id="topics-that-can-change",
        ),
        pytest.param(
            changed(pool={"topics": {"model": "./absent"}}),
            ["pool.topics.model", "absent", "does not exist"],
            id="no-folder-of-vectors-for-topics",
        ),
        pytest.param(
            changed(pool={"topics": {"model": "./absent", "count": 1}}),
            ["pool.topics.count", "greater than or equal to 2"],
            id="one-topic",
        ),
        pytest.param(
            changed(sources=[FILE_SOURCE]), ["sources.gsm8k.path", "missing.jsonl", "does not exist"], id="no-file"
        ),
        pytest.param(
            changed(sources=[FILE_SOURCE | {"columns": {"prompt": "question"}}]),
            ["columns.answer", "without a reference"],
            id="no-reference-column",
        ),
        pytest.param(
            changed(sources=[FILE_SOURCE | {"verifier": "choice"}]),
            ["`choice` needs `columns.choices`"],
            id="no-choices",
        ),
        pytest.param(
            changed(sources=[FILE_SOURCE | {"verifier": "instruction"}]),
            ["`columns.answer` is not used by verifier `instruction`"],
            id="answer-to-constraints",
        ),
        pytest.param(
            changed(
                sources=[FILE_SOURCE | {"verifier": "instruction", "columns": {"prompt": "q", "constraints": "c"}}]
            ),
            ["`instruction` needs `columns.arguments`"],
            id="constraints-without-arguments",
        ),
        pytest.param(
            changed(sources=[FILE_SOURCE | {"columns": {"prompt": "q", "answer": "a", "constraints": "c"}}]),
            ["`columns.constraints` is not used by verifier `math`; use `instruction` or remove it"],
            id="constraints-of-another-verifier",
        ),
        pytest.param(
            changed(sources=[FILE_SOURCE | {"columns": {"prompt": "q", "answer": "a", "unit": "u"}}]),
            ["`columns.unit` is not used", "`numeric`"],
            id="unit-of-no-number",
        ),
        pytest.param(
            changed(sources=[FILE_SOURCE | {"columns": {"prompt": "q", "answer": "a", "aliases": "b"}}]),
            ["`columns.aliases` is not used", "`exact`"],
            id="aliases-of-no-text",
        ),
        pytest.param(
            changed(sources=[FILE_SOURCE | {"tolerance": {"relative": 0.01}}]),
            ["`tolerance` is not used", "`numeric`"],
            id="tolerance-of-no-number",
        ),
        pytest.param(
            changed(sources=[FILE_SOURCE | {"verifier": "numeric", "tolerance": {"relative": -1}}]),
            ["relative", "greater than or equal to 0"],
            id="negative-tolerance",
        ),
        pytest.param(
            changed(sources=[FILE_SOURCE | {"answer_extraction": {"rule": "after_marker"}}]),
            ["marker"],
            id="marker-missing",
        ),
        pytest.param(
            changed(sources=[HUB_SOURCE | {"revision": None}]), ["needs `revision`", "commit hash"], id="unpinned-hub"
        ),
        *(
            pytest.param(
                changed(sources=[HUB_SOURCE | {"revision": revision}]),
                ["sources.0.hub.revision", repr(revision), "40 lower-case hexadecimal digits"],
                id=f"hub-revision-{case}",
            )
            for case, revision in REVISIONS_THAT_MOVE.items()
        ),
        pytest.param(
            changed(benchmarks=[HUB_BENCHMARK | {"revision": "main"}]),
            ["benchmarks.0.hub.revision", "main", "40 lower-case hexadecimal digits"],
            id="benchmark-revision-branch",
        ),
        pytest.param(
            changed(sources=[HUB_SOURCE | {"repository": "./nowhere"}]),
            ["sources.gsm8k.repository", "nowhere", "does not exist"],
            id="local-hub-folder-missing",
        ),
        pytest.param(
            changed(sft_mix={"domain_shares": {"math": 0.5, "code": 0.2}}), ["sum to 0.7", "must sum to 1"], id="shares"
        ),
        pytest.param(
            changed(benchmarks=[{"name": "b", "kind": "file", "path": "gone.jsonl", "columns": {"prompt": "q"}}]),
            ["benchmarks.b.path", "gone.jsonl"],
            id="benchmark-missing",
        ),
        pytest.param(
            changed(sampling=MINIMAL["sampling"] | {"template": "boxd"}),
            ["`sampling.template`", "'boxd'", "boxed, "],
            id="unknown-template",
        ),
        pytest.param(
            changed(sampling=MINIMAL["sampling"] | {"template": "recipe.yaml"}),
            ["`sampling.template`", "lacks `{prompt}`", "Add it"],
            id="template-without-prompt",
        ),
        pytest.param(
            changed(safety_set={"judge": {"model": "m", "template": "safe"}}),
            ["`safety_set.judge.template`", "'safe'", "compare, prefer, rate, safety"],
            id="unknown-question-to-a-judge",
        ),
        pytest.param(
            changed(preference_pairs={"votes": {"judge": {"model": "m", "template": "recipe.yaml"}}}),
            ["`preference_pairs.votes.judge.template`", "lacks {mark}, {texts}"],
            id="question-to-a-judge-without-the-texts",
        ),
        pytest.param(
            changed(sft_mix={"domain_shares": {"math": 0.5, "code": 0.5}}),
            ["`sft_mix.domain_shares.code`", "0.5", "found: math", "Add a source"],
            id="share-of-a-domain-without-source",
        ),
        pytest.param(
            made("starter/poetry"),
            ["`sources.sums.task`", "'poetry'", "addition, comparison", "Correct"],
            id="unknown-starter-family",
        ),
        pytest.param(
            made("reasoning_gym/sudokus", domain="logic"),
            ["`sources.sums.task`", "'sudokus'", "use one of"],
            id="unknown-task",
        ),
        pytest.param(
            made("reasoning_gym/rush_hour", domain="logic"),
            ["`sources.sums.task`", "'rush_hour'", "gives no answer", "Use another task"],
            id="task-without-answers",
        ),
    ],
)
def test_recipe_unusable_is_refused_with_remedy(tmp_path, values, fragments):
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(tmp_path, values))
    for fragment in ["recipe.yaml", *fragments]:
        assert fragment in str(caught.value)


def test_keys_that_only_seem_to_be_given_twice_are_read(tmp_path):
    text = "base: &base {x: 1, y: {x: 2}}\nother: {<<: *base, x: 3}\nsame: [*base, *base]\n1: a\n'1': b\n"
    base = {"x": 1, "y": {"x": 2}}
    expected = {"base": base, "other": base | {"x": 3}, "same": [base, base], 1: "a", "1": "b"}
    assert read_yaml(write(tmp_path, text)) == expected


def test_recipe_missing_file_is_named(tmp_path):
    with pytest.raises(RecipeError, match=r"nowhere\.yaml.*cannot be read"):
        load_recipe(tmp_path / "nowhere.yaml")


def test_shipped_recipes_load():
    recipes = sorted(Path("recipes").glob("*.yaml"))
    assert {path.stem for path in recipes} >= {"starter", "gsm8k"}
    for path in recipes:
        assert load_recipe(path).name == path.stem


@pytest.mark.parametrize(
    ("task", "changes", "domain"),
    [
        pytest.param("starter/ordering", {}, "logic", id="family-knows-its-domain"),
        pytest.param("starter/ordering", {"domain": "general"}, "general", id="recipe-says-another"),
        pytest.param("reasoning_gym/maze", {"domain": "logic"}, "logic", id="task-of-another-package"),
    ],
)
def test_recipe_share_of_a_domain_that_a_task_has(tmp_path, task, changes, domain):
    recipe = load_recipe(write(tmp_path, made(task, **changes) | {"sft_mix": {"domain_shares": {domain: 1.0}}}))
    assert recipe.sft_mix.domain_shares == {domain: 1.0}


def test_recipe_with_its_own_template_loads(tmp_path):
    write(tmp_path, "Think. {prompt}", "own.txt")
    load_recipe(write(tmp_path, changed(sampling=MINIMAL["sampling"] | {"template": "own.txt"})))


TRANSFORMERS = {
    "name": "mine",
    "engine": "transformers",
    "path": "weights",
    "revision": "1",
    "license": "Apache-2.0",
}


def test_catalogue_substitutes_variables(tmp_path):
    write(tmp_path, TRANSFORMERS | {"path": "${WEIGHTS}", "revision": "${REVISION:-" + "7" * 40 + "}"}, "mine.yaml")
    model = load_model(tmp_path, "mine", variables={"WEIGHTS": "owner/model"})
    assert (model.path, model.revision) == ("owner/model", "7" * 40)


def test_catalogue_local_weights_take_any_revision(tmp_path):
    (tmp_path / "weights").mkdir()
    write(tmp_path, TRANSFORMERS | {"path": "./weights"}, "mine.yaml")
    assert load_model(tmp_path, "mine", variables={}).revision == "1"


@pytest.mark.parametrize(
    ("values", "fragments"),
    [
        pytest.param(TRANSFORMERS | {"name": "other"}, ["'other'", "file is named 'mine'"], id="name-differs"),
        pytest.param(TRANSFORMERS | {"engine": "magic"}, ["`engine`", "'magic'", "transformers"], id="unknown-engine"),
        pytest.param(TRANSFORMERS | {"path": "${UNSET}"}, ["UNSET", "not set"], id="unset-variable"),
        pytest.param(TRANSFORMERS | {"batchsize": 4}, ["`batchsize`", "Did you mean `batch_size`"], id="misspelt"),
        pytest.param("engine: [", ["not valid YAML"], id="broken-yaml"),
        pytest.param(
            TRANSFORMERS | {"roles": ["base", "reward"]},
            ["role `reward`", "no other role"],
            id="reward-model-that-writes",
        ),
        pytest.param(TRANSFORMERS | {"path": "./gone"}, ["`path`", "'./gone'", "does not exist"], id="no-weights"),
        pytest.param("just text", ["`engine`"], id="not-a-mapping"),
        pytest.param(
            TRANSFORMERS | {"path": "owner/model", "revision": "main"},
            ["`revision`", "'main'", "'owner/model'", "40 lower-case hexadecimal digits", "`./`"],
            id="hub-weights-not-pinned",
        ),
    ],
)
def test_catalogue_file_unusable_is_refused_with_remedy(tmp_path, values, fragments):
    write(tmp_path, values, "mine.yaml")
    with pytest.raises(RecipeError) as caught:
        load_model(tmp_path, "mine", variables={})
    for fragment in ["mine.yaml", *fragments]:
        assert fragment in str(caught.value)


def test_catalogue_unknown_model_lists_known_ones(tmp_path):
    write(tmp_path, TRANSFORMERS, "mine.yaml")
    with pytest.raises(RecipeError, match=r"'yours'.*Known models: mine"):
        load_model(tmp_path, "yours", variables={})


def test_catalogue_missing_folder_is_named(tmp_path):
    with pytest.raises(RecipeError, match="does not exist"):
        model_names(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        pytest.param(["*"], ["base", "endpoint", "small"], id="all"),
        pytest.param(["*", "!endpoint"], ["base", "small"], id="all-but-one"),
        pytest.param(["small"], ["small"], id="by-name"),
        pytest.param(["s*", "base"], ["base", "small"], id="catalogue-order"),
        pytest.param(["x*"], [], id="pattern-without-match"),
    ],
)
def test_select_models_follows_patterns(patterns, expected):
    assert select_models(patterns, ["base", "endpoint", "small"]) == expected


def test_select_models_unknown_name_is_refused():
    with pytest.raises(RecipeError, match="'large' is not in the catalogue"):
        select_models(["large"], ["base"])
