"""The web UI as a person uses it: a real server, daemon and browser over a small real workspace."""

import re
from pathlib import Path

import dagster as dg
import pytest
from playwright.sync_api import Page, expect
from small_workspace import SmallWorkspace, starter_entry
from web_ui import Browser, WebUI, browser, web_ui

from openreason_dagster.commands.dagster_home import prepare_home
from openreason_dagster.partitions import MODELS

TRACE_ASSETS = {"sampled_traces", "verified_traces", "scored_traces"}
GROUPS = {
    "seeds": {"seed_prompts", "benchmark_prompts"},
    "pool": {"prompt_pool"},
    "traces_and_OR5": TRACE_ASSETS,
    "statistics": {"prompt_statistics", "suspect_references", "model_rewards"},
    "OR1_cold_start_data": {"cold_start_data"},
    "OR2_chat_sft_data": {"chat_sft_data"},
    "OR3_reasoning_data": {"reasoning_data"},
    "OR4_non_reasoning_data": {"non_reasoning_data"},
    "OR6_cot_prompted_traces": {"cot_prompted_traces"},
    "datasets": {"sft_mix", "rl_prompts", "preference_votes", "preference_pairs", "safety_set"},
    "release": {"release", "dataset_report"},
}
DATASET_ASSETS = {
    "prompt_statistics", "suspect_references", "reasoning_data", "sft_mix", "rl_prompts", "preference_pairs", "release",
    "dataset_report",
}  # fmt: skip
TEMPERATURES = ("0.3", "1.2")


@pytest.fixture
def prepared(small: SmallWorkspace) -> SmallWorkspace:
    """Seeds and pool are built, one model is registered, and nothing is sampled."""
    home = prepare_home(small.settings)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        small.collect(instance)
        instance.add_dynamic_partitions(MODELS.name or "", ["starter-base"])
    return small


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_models_are_sampled_by_clicking_and_by_dropping_a_file(prepared: SmallWorkspace, tmp_path: Path) -> None:
    with web_ui(prepared.settings, tmp_path / "ui.log") as ui, browser() as chromium:
        the_graph_shows_groups_and_assets(ui, chromium.page)
        a_backfill_of_one_model_is_launched(ui, chromium.page)
        ui.wait_until("the backfill to succeed", lambda: finished(ui, backfill_runs(ui)), seconds=150)
        assert [run["assets"] for run in backfill_runs(ui)] == [TRACE_ASSETS]
        the_partition_matrix_is_green(ui, chromium.page, models=["starter-base"])
        a_trace_can_be_read_on_the_asset_page(prepared, ui, chromium.page)

        prepared.write_model(starter_entry("newcomer", weights="starter-small"))
        ui.wait_until("the sensor's run to succeed", lambda: finished(ui, sensor_runs(ui)), seconds=120)
        assert [run["assets"] for run in sensor_runs(ui)] == [TRACE_ASSETS]
        the_partition_matrix_is_green(ui, chromium.page, models=["starter-base", "newcomer"])
        ui.wait_until("the data sets to follow", lambda: data_sets_follow_traces(ui), seconds=150)
        assert chromium.requested_hosts == {"127.0.0.1"}
        assert not chromium.errors
    the_report_is_read_from_disk(prepared.workspace.report_file)


def the_graph_shows_groups_and_assets(ui: WebUI, page: Page) -> None:
    page.goto(f"{ui.url}/asset-groups", wait_until="domcontentloaded")
    for group in GROUPS:
        page.get_by_text(group, exact=True).first.wait_for()
    usual = page.viewport_size
    page.set_viewport_size({"width": 1500, "height": 3000})  # the page draws what is in view
    for group, assets in GROUPS.items():
        page.goto(f"{ui.url}/locations/{location(ui)}/asset-groups/{group}/lineage", wait_until="domcontentloaded")
        for asset in assets:
            page.get_by_text(asset, exact=True).first.wait_for()
    page.set_viewport_size(usual)


def a_backfill_of_one_model_is_launched(ui: WebUI, page: Page) -> None:
    """All temperatures of the model, for the three assets of the group at once."""
    page.goto(f"{ui.url}/locations/{location(ui)}/asset-groups/traces_and_OR5/lineage", wait_until="domcontentloaded")
    page.get_by_role("button", name="Materialize all").click()
    dialog = page.locator("[role=dialog]").filter(has_text="Partition selection").last
    dialog.get_by_text("Select a partition or create one").first.click()
    page.get_by_role("menuitem", name="starter-base").click()
    page.keyboard.press("Escape")
    dialog.get_by_role("button", name="All", exact=True).nth(1).click()
    dialog.get_by_role("button", name="Launch backfill").click()
    page.get_by_text("Created backfill").wait_for()


def the_partition_matrix_is_green(ui: WebUI, page: Page, *, models: list[str]) -> None:
    cells = len(models) * len(TEMPERATURES)
    for asset in sorted(TRACE_ASSETS):
        page.goto(f"{ui.url}/assets/{asset}?view=partitions", wait_until="domcontentloaded")
        expect(page.get_by_text(f"Materialized ({cells})")).to_be_visible()
        expect(page.get_by_text("Missing (0)")).to_be_visible()
        for name in (*models, *TEMPERATURES):
            row = page.locator(f"[data-tooltip='{name}']").locator("xpath=..")
            expect(row.locator("[style*='accent-green']")).to_be_visible()


def a_trace_can_be_read_on_the_asset_page(prepared: SmallWorkspace, ui: WebUI, page: Page) -> None:
    trace = prepared.tables.scan("sampled_traces", model="starter-base", temperature="0.3").head(1).collect()
    key = "starter-base%7C0.3"
    page.goto(f"{ui.url}/assets/sampled_traces?view=partitions&partition={key}", wait_until="domcontentloaded")
    reasoning = page.get_by_role("cell", name=trace["reasoning"].item()[:40]).first
    expect(reasoning).to_be_visible()


def the_report_is_read_from_disk(file: Path) -> None:
    with browser() as chromium:
        page = chromium.page
        page.goto(file.as_uri())
        page.locator("select[name=model]").select_option("newcomer")
        page.locator("select[name=verdict]").select_option("incorrect")
        found = page.locator("#found").inner_text()
        assert re.fullmatch(r"[1-9]\d* of \d+", found), found
        row = page.locator("#rows-of-traces tr").last
        expect(row).to_contain_text("newcomer")
        row.click()
        prompt = row.get_by_role("button").inner_text()
        detail = page.locator("#detail")
        expect(detail.locator(".prompt")).to_contain_text(prompt)
        expect(detail.locator(".reasoning")).not_to_be_empty()
        expect(detail.locator("header")).to_contain_text("incorrect")
        requires_nothing_but_itself(chromium)


def requires_nothing_but_itself(chromium: Browser) -> None:
    assert chromium.requested_hosts == set()
    assert not chromium.errors


def location(ui: WebUI) -> str:
    query = """{ repositoriesOrError { ... on RepositoryConnection { nodes { name location { name } } } } }"""
    repository = ui.ask(query)["repositoriesOrError"]["nodes"][0]
    return f"{repository['name']}@{repository['location']['name']}"


def backfill_runs(ui: WebUI) -> list[dict]:
    return [run for run in ui.runs() if "dagster/backfill" in run["tags"] and run["assets"] & TRACE_ASSETS]


def sensor_runs(ui: WebUI) -> list[dict]:
    return [run for run in ui.runs() if run["tags"].get("dagster/sensor_name") == "new_models"]


def finished(ui: WebUI, runs: list[dict]) -> bool:
    assert not [run for run in ui.runs() if run["status"] == "FAILURE"]
    return bool(runs) and all(run["status"] == "SUCCESS" for run in runs)


def data_sets_follow_traces(ui: WebUI) -> bool:
    """Whether every data set is newer than the last scored trace, and nothing runs any more."""
    scored = ui.last_materialised("scored_traces")
    return finished(ui, ui.runs()) and all(ui.last_materialised(asset) > scored for asset in DATASET_ASSETS)
