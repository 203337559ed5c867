"""The whole graph on the embedded models: what comes out, what a second run does, and what changes make stale."""

import hashlib
import json
import re
import shutil

import polars as pl
import pytest
import yaml
from finished_run import FINISHED, finish, run_every_job
from small_workspace import RECIPE, STARTER_MODELS, SmallWorkspace, starter_entry

from openreason_dagster.commands.status import partition_statuses
from openreason_dagster.domain.errors import ReleaseError
from openreason_dagster.domain.release.funnel import UNKNOWN_REASON, count_funnel
from openreason_dagster.domain.release.layouts import LAYOUTS
from openreason_dagster.domain.schemas import TABLES
from openreason_dagster.domain.schemas.written import WRITTEN_TABLES
from openreason_dagster.resources.scope import recipe_tables

EMPTY_WHEN_ALL_GOES_WELL = {"sampling_failures", "replaced_verdicts"}
OF_STAGES_LEFT_OUT = {
    "model_replies", "judge_verdicts", "preference_votes", "safety_set", "safety_set_dropped", "model_rewards",
    *(table.name for table in WRITTEN_TABLES),
}  # fmt: skip
"""The recipe has no judge, no writer, no reward model and no conversations; other tests have."""
PARTITIONS = 2 * 2


def states(workspace):
    return {
        (status.model, status.temperature): (status.state, status.stale_because)
        for status in partition_statuses(workspace.tables, workspace.workspace)
    }


def shards(workspace):
    """Names and hashes of the released files."""
    manifest = (workspace.workspace.release_folder / "manifest.json").read_text(encoding="utf-8")
    return json.loads(manifest)["shards"]


def test_every_table_is_filled(finished_run):
    tables = finished_run.workspace.tables
    empty = {name for name in TABLES if tables.scan(name).collect().is_empty()}
    assert empty == EMPTY_WHEN_ALL_GOES_WELL | OF_STAGES_LEFT_OUT


def test_rows_set_aside_have_their_reason(finished_run):
    tables = finished_run.workspace.tables
    assert tables.scan("seed_prompts_dropped").collect()["reason"].to_list() == ["no_reference"]
    assert sorted(tables.scan("prompt_pool_dropped").collect()["reason"]) == ["contaminated", "duplicate"]


def test_every_check_ran_and_passed(finished_run):
    evaluations = [one for result in finished_run.results for one in result.get_asset_check_evaluations()]
    assert [one.check_name for one in evaluations if not one.passed] == []
    graph = finished_run.workspace.definitions().resolve_asset_graph()
    assert {one.check_name for one in evaluations} == {key.name for key in graph.asset_check_keys}


def test_each_trace_has_one_verdict_and_one_score(finished_run):
    tables = finished_run.workspace.tables
    identities = sorted(tables.scan("sampled_traces").collect()["trace_id"])
    assert len(identities) == len(set(identities)) == tables.scan("prompt_pool").collect().height * 4 * PARTITIONS
    assert sorted(tables.scan("verified_traces").collect()["trace_id"]) == identities
    assert sorted(tables.scan("scored_traces").collect()["trace_id"]) == identities


def test_kept_and_left_out_rows_are_every_trace_once(finished_run):
    tables = finished_run.workspace.tables
    kept, dropped = (tables.scan(name).collect()["trace_id"] for name in ("reasoning_data", "reasoning_data_dropped"))
    assert sorted([*kept, *dropped]) == sorted(tables.scan("sampled_traces").collect()["trace_id"])
    mixed, left = (tables.scan(name).collect()["trace_id"] for name in ("sft_mix", "sft_mix_dropped"))
    assert sorted([*mixed, *left]) == sorted(kept)


def test_pool_is_rl_prompts_and_what_was_left_out(finished_run):
    tables = finished_run.workspace.tables
    parts = [tables.scan(name).collect() for name in ("rl_prompts", "rl_prompts_dropped")]
    assert sum(rows.height for rows in parts) == tables.scan("prompt_pool").collect().height
    statistics = tables.scan("prompt_statistics").group_by("prompt_id").agg(pl.col("judged", "correct").sum()).collect()
    counted = pl.concat([rows.select("prompt_id", "judged", "correct") for rows in parts])
    assert counted.sort("prompt_id").equals(statistics.sort("prompt_id")), "all models and temperatures count"


def test_second_run_samples_nothing_and_changes_no_row(finished, instance):
    version = finished.tables.version("sampled_traces")
    files = shards(finished)
    run_every_job(finished, instance)
    assert finished.tables.version("sampled_traces") == version
    assert shards(finished) == files


def test_two_runs_from_scratch_give_the_same_files(finished_run, tmp_path):
    again = finish(SmallWorkspace(tmp_path)).workspace
    first, second = (each.tables.scan("sft_mix").sort("trace_id").collect() for each in (finished_run.workspace, again))
    assert second.equals(first)
    assert shards(again) == shards(finished_run.workspace)


@pytest.mark.filterwarnings("ignore")  # of libraries that read the release
class TestRelease:
    @pytest.fixture(scope="class")
    def data(self, finished_run, tmp_path_factory):
        from datasets import load_dataset

        folder = finished_run.workspace.workspace.release_folder
        return load_dataset(str(folder), cache_dir=str(tmp_path_factory.mktemp("cache")))

    def test_load_dataset_reads_both_splits(self, finished_run, data):
        mix = finished_run.workspace.tables.scan("sft_mix").collect()
        assert set(data) == {"train", "validation"}
        for split, rows in data.items():
            expected = mix.filter(split=split).sort("trace_id")
            assert rows["trace_id"][:] == expected["trace_id"].to_list()
            assert rows["messages"][:] == expected["messages"].to_list()

    @pytest.mark.parametrize("name", [name for name in LAYOUTS if name != "safety"])  # nobody judges safety here
    def test_every_format_holds_its_table(self, finished_run, tmp_path, name):
        from datasets import load_dataset

        layout, folder = LAYOUTS[name], finished_run.workspace.workspace.release_folder
        files = str(folder / name / "*-*.jsonl")
        if layout.suffix == "jsonl":
            rows = load_dataset("json", data_files=files, cache_dir=str(tmp_path))
        else:
            rows = load_dataset(str(folder), name, cache_dir=str(tmp_path))
        found = sorted(key for split in rows.values() for key in split[layout.key])
        assert found == sorted(finished_run.workspace.tables.scan(layout.table).collect()[layout.key])

    def test_sft_trainer_learns_from_it(self, data, tmp_path):
        from trl import SFTConfig, SFTTrainer

        arguments = SFTConfig(
            output_dir=str(tmp_path), max_steps=1, per_device_train_batch_size=2, use_cpu=True, bf16=False,
            report_to=[], save_strategy="no", max_length=256, disable_tqdm=True, logging_strategy="no",
        )  # fmt: skip
        trainer = SFTTrainer(
            model=str(STARTER_MODELS / "starter-small"),
            args=arguments,
            train_dataset=data["train"],
            eval_dataset=data["validation"],
        )
        assert trainer.train().training_loss > 0

    def test_card_states_the_counts_of_the_tables(self, finished_run):
        tables = finished_run.workspace.tables
        card = (finished_run.workspace.workspace.release_folder / "README.md").read_text(encoding="utf-8")
        mix = tables.scan("sft_mix").collect()
        rows = {tuple(cell.strip() for cell in line.strip("|").split("|")) for line in card.splitlines()}
        for keys in (["split"], ["source", "license"]):
            for *names, count in mix.group_by(keys).len().iter_rows():
                assert (*names, str(count)) in rows
        for verdict, count in tables.scan("verified_traces").group_by("verdict").len().collect().iter_rows():
            assert (verdict, str(count)) in rows
        header = yaml.safe_load(card.split("---")[1])
        assert header["configs"][0]["data_files"][0]["split"] == "train"

    def test_manifest_holds_hashes_versions_and_the_recipe(self, finished_run):
        workspace = finished_run.workspace.workspace
        manifest = json.loads((workspace.release_folder / "manifest.json").read_text(encoding="utf-8"))
        for file in manifest["configurations"]:
            content = (workspace.release_folder / file["path"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == file["sha256"]
        for shard in manifest["shards"]:
            content = (workspace.release_folder / shard["path"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == shard["sha256"]
            assert pl.read_parquet(content).height == shard["rows"]
        assert manifest["recipe"] == workspace.recipe().model_dump(mode="json")
        versions = {name: finished_run.workspace.tables.version(name) for name in TABLES}
        assert manifest["table_versions"] == versions
        mix = finished_run.workspace.tables.scan("sft_mix").select("trace_id")
        released = finished_run.workspace.tables.scan("sampled_traces").join(mix, on="trace_id", how="semi").collect()
        assert set(manifest["fingerprints"]) == set(released["fingerprint"])


def test_report_is_one_page_without_network(finished_run):
    page = finished_run.workspace.workspace.report_file.read_text(encoding="utf-8")
    assert finished_run.workspace.workspace.recipe().title in page
    assert not re.search(r"""(src|href)=["']https?:""", page)
    assert re.search("starter-small", page)


def test_changed_setting_is_named_and_the_next_run_replaces_old_traces(finished, instance):
    assert set(states(finished).values()) == {("complete", ())}
    old = set(finished.tables.scan("sampled_traces").collect()["trace_id"])
    finished.write_recipe(**FINISHED, sampling=RECIPE["sampling"] | {"top_p": 0.9})
    assert set(states(finished).values()) == {("stale", ("top_p",))}

    finished.collect(instance)
    finished.sample("starter-base", instance)
    found = states(finished)
    assert {found["starter-base", key] for key in ("0.3", "1.2")} == {("complete", ())}
    assert {found["starter-small", key] for key in ("0.3", "1.2")} == {("stale", ("top_p",))}
    scoped = recipe_tables(finished.tables, finished.workspace)["sampled_traces"]
    sampled = scoped.filter(model="starter-base").collect()
    assert not old & set(sampled["trace_id"])
    assert old <= set(finished.tables.scan("sampled_traces").collect()["trace_id"]), "nothing is deleted"


def test_more_samples_add_to_what_is_there(finished, instance):
    old = finished.tables.scan("sampled_traces", model="starter-base").collect()
    finished.write_recipe(**FINISHED, sampling=RECIPE["sampling"] | {"samples_per_prompt": 5})
    assert set(states(finished).values()) == {("partial", ())}
    finished.collect(instance)
    finished.sample("starter-base", instance)
    now = finished.tables.scan("sampled_traces", model="starter-base").collect()
    assert now.height == old.height // 4 * 5
    assert now.join(old, on="trace_id", how="semi").sort("trace_id").equals(old.sort("trace_id"))


def test_removed_model_leaves_the_mix_and_an_added_one_enters(finished, instance):
    (finished.settings.catalogue / "starter-small.yaml").unlink()
    weights = finished.folder / "weights"
    shutil.copytree(STARTER_MODELS / "starter-base", weights)
    finished.write_model(starter_entry("third") | {"path": "../weights"})
    run_every_job(finished, instance)
    mix = finished.tables.scan("sft_mix").collect()
    assert set(mix["model"]) == {"starter-base", "third"}
    assert finished.tables.scan("sampled_traces", model="starter-small").collect().height > 0, "nothing is thrown away"


def test_funnel_of_a_finished_run_has_no_gap(finished_run):
    counted = count_funnel(recipe_tables(finished_run.workspace.tables, finished_run.workspace.workspace))
    assert counted.stages["rows"].min() > 0
    assert UNKNOWN_REASON not in counted.reasons["reason"].to_list()
    left_out = counted.reasons.group_by("stage").agg(pl.col("rows").sum())
    assert dict(left_out.iter_rows()) == {
        stage: rows for stage, rows in counted.stages["stage", "left_out"].iter_rows() if rows
    }


def test_gates_are_in_card_manifest_and_metadata(finished_run):
    workspace = finished_run.workspace.workspace
    gates = json.loads((workspace.release_folder / "manifest.json").read_text(encoding="utf-8"))["gates"]
    assert {gate["gate"] for gate in gates} >= {"contamination", "duplicates", "licences", "verifier errors", "rows"}
    assert all(gate["passed"] for gate in gates)
    card = (workspace.release_folder / "README.md").read_text(encoding="utf-8")
    assert all(f"| {gate['gate']} | " in card for gate in gates)
    (event,) = finished_run.results[-1].asset_materializations_for_node("release")
    shown = event.metadata["gates"].records
    assert [record.data["gate"] for record in shown] == [gate["gate"] for gate in gates]
    assert "funnel" in event.metadata


def test_language_consistency_is_in_the_metadata_of_scored_traces(finished_run):
    events = [
        event
        for result in finished_run.results
        if result.job_def.name == "sample_model"
        for event in result.asset_materializations_for_node("scored_traces")
    ]
    shown = [
        row.data for event in events if "languages" in event.metadata for row in event.metadata["languages"].records
    ]
    assert len(shown) == 4, "two models at two temperatures"
    assert {row["language"] for row in shown} == {"en"}
    scored = finished_run.workspace.tables.scan("scored_traces").collect()
    assert sum(row["words"] for row in shown) == scored["reasoning_words"].sum() > 0
    assert sum(row["traces"] for row in shown) == scored.height


def test_gate_that_fails_leaves_the_last_release_as_it_is(finished, instance):
    before = shards(finished)
    finished.write_recipe(**FINISHED | {"release": {"license": "MIT", "gates": {"allowed_licenses": ["ISC"]}}})
    with pytest.raises(ReleaseError, match="licences: found"):
        finished.run("build_datasets", instance)
    assert shards(finished) == before
