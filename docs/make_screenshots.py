"""Takes the pictures of the documentation from the real web UI and report, over a finished run of the starter recipe.

`make screenshots` runs the recipe first, which samples nothing that is already there, and then this.
"""

import tempfile
from pathlib import Path

from playwright.sync_api import Page

from openreason_dagster.definitions import workspace_of
from openreason_dagster.resources.settings import Settings
from tests.web_ui import browser, web_ui

IMAGES = Path(__file__).parent / "images"
WIDTH = 1400
GRAPH_WIDTH, GRAPH_HEIGHT = 2000, 1250
SETTLED_MILLISECONDS = 2500  # Dagster's graph moves for a while after its last request


def main() -> None:
    """Write graph.png, partitions.png, report.png and trace.png."""
    settings = Settings.from_environment()
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, web_ui(settings, Path(folder) / "ui.log") as ui:
        with browser(width=GRAPH_WIDTH, height=GRAPH_HEIGHT, scale=WIDTH / GRAPH_WIDTH) as chromium:
            _graph(chromium.page, ui.url)
        with browser(width=WIDTH, height=900) as chromium:
            _partitions(chromium.page, ui.url)
    with browser(width=WIDTH, height=1060) as chromium:
        _report(chromium.page, workspace_of(settings).report_file)


def _graph(page: Page, url: str) -> None:
    page.goto(f"{url}/asset-groups", wait_until="domcontentloaded")
    page.get_by_text("Hide navigation").click()
    page.get_by_role("img", name="panel_show_right").click()
    page.get_by_text("seeds", exact=True).first.wait_for()  # groups stay closed: all of them fit into the page
    _settle(page)
    page.screenshot(path=IMAGES / "graph.png")


def _partitions(page: Page, url: str) -> None:
    key = "starter-base%7C0.6"
    page.goto(f"{url}/assets/sampled_traces?view=partitions&partition={key}", wait_until="domcontentloaded")
    page.get_by_text("completion_tokens", exact=True).first.wait_for()
    _settle(page)
    page.screenshot(path=IMAGES / "partitions.png")


def _report(page: Page, file: Path) -> None:
    page.goto(file.as_uri())
    page.evaluate("document.fonts.ready")
    end = page.locator("#verifiers").bounding_box()
    assert end is not None
    page.screenshot(path=IMAGES / "report.png", full_page=True, clip=_from_top(end["y"]))
    page.locator("select[name=domain]").select_option("logic")
    page.locator("select[name=verdict]").select_option("incorrect")
    page.locator("#rows-of-traces tr").first.click()
    page.mouse.move(0, 0)
    page.locator("#traces").evaluate("section => section.scrollIntoView({behavior: 'instant'})")
    page.screenshot(path=IMAGES / "trace.png")


def _from_top(height: float) -> dict[str, float]:
    return {"x": 0, "y": 0, "width": WIDTH, "height": height}


def _settle(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(SETTLED_MILLISECONDS)


if __name__ == "__main__":
    main()
