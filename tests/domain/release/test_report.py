"""The page shows the tables' numbers, needs nothing from outside, and runs nothing that a model wrote."""

import base64
import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
from example_tables import small_run
from hypothesis import given, settings
from hypothesis import strategies as st

from openreason_dagster.domain.release.report import PAGE as PAGE_NAME
from openreason_dagster.domain.release.report import TRACE_FOLDER, render_report, write_report
from openreason_dagster.domain.release.report_data import ReportData, collect_report_data
from openreason_dagster.domain.release.trace_files import escaped_json

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAYLOADS = (
    "<script>window.hacked = 1</script>",
    "</script><script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    "<!--<script>",
    "]]></svg><svg onload=window.hacked=1>",
    "{{ 7 * 7 }}{% raw %}",
    "\u2028\u2029\x00\"'\\",
    "javascript:window.hacked=1",
)
HOSTILE = " ".join(PAYLOADS)


def hostile_tables() -> dict[str, pl.LazyFrame]:
    return small_run(prompt=HOSTILE, reasoning=HOSTILE, answer=HOSTILE)


def hostile_data() -> ReportData:
    return collect_report_data(hostile_tables(), title=HOSTILE, description=HOSTILE)


DATA = collect_report_data(small_run(), title="Sums & more", description="Small <numbers>")
PAGE = render_report(DATA)


class Elements(HTMLParser):
    """Tags with attributes, the text of each script element, and the text outside of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text: list[str] = []
        self.inside = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside == "script":
            self.scripts[-1] += data
        elif self.inside != "style":
            self.text.append(data.strip())


def test_headline_numbers_are_the_tables_numbers() -> None:
    shown = Elements(PAGE).text
    for value in ("Sums & more", "of 4 seed prompts", "36.4%", "8 of 22 judged traces", "2 train, 1 validation"):
        assert value in shown


@pytest.mark.parametrize(
    "frame", ["pass_rates", "pass_at_k", "verdicts", "lengths", "reward_totals", "mean_rewards", "topics"]
)
def test_every_number_of_a_frame_stands_in_a_cell(frame: str) -> None:
    shown = set(Elements(PAGE).text)
    values = [value for row in getattr(DATA, frame).iter_rows() for value in row if isinstance(value, int | str)]
    assert {str(value) for value in values if not isinstance(value, bool)} <= shown


def test_drop_reasons_stand_with_their_counts() -> None:
    shown = Elements(PAGE).text
    at = shown.index("not_correct")
    assert "22" in shown[at : at + 4]


def test_the_page_needs_nothing_from_outside() -> None:
    elements = Elements(PAGE)
    links = [value for _, attributes in elements.tags for key, value in attributes.items() if key in ("src", "href")]
    assert all(value is not None and value.startswith("#") for value in links)
    assert "url(" not in re.sub(r"url\(#\w+\)", "", PAGE)
    assert "@import" not in PAGE


def test_the_policy_allows_only_the_page_own_script() -> None:
    elements = Elements(PAGE)
    policy = next(a["content"] for t, a in elements.tags if a.get("http-equiv") == "Content-Security-Policy")
    digest = base64.b64encode(hashlib.sha256(elements.scripts[0].encode()).digest()).decode()
    assert policy is not None
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}' 'strict-dynamic';" in policy


def test_hostile_text_adds_no_element() -> None:
    ordinary, hostile = Elements(PAGE), Elements(render_report(hostile_data()))
    assert hostile.scripts == ordinary.scripts
    assert len(hostile.scripts) == 1
    assert {tag for tag, _ in hostile.tags} <= {tag for tag, _ in ordinary.tags}
    assert not [key for _, attributes in hostile.tags for key in attributes if key.startswith("on")]


@settings(max_examples=25)
@given(st.text(alphabet="<>/!-&;'\"\\scriptSCRIPT \u2028"))
def test_any_text_survives_escaping(text: str) -> None:
    embedded = escaped_json({"reasoning": text})
    assert not set("<>&\u2028") & set(embedded)
    assert json.loads(embedded) == {"reasoning": text}


def test_an_empty_run_has_a_page() -> None:
    assert "No trace has been verified yet." in render_report(collect_report_data({}, title="Empty", description=""))


def test_the_same_data_give_the_same_page() -> None:
    assert render_report(DATA) == PAGE


def test_the_same_tables_give_the_same_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_report(tmp_path / name, small_run(), DATA)
    files = [
        sorted(path.relative_to(tmp_path / name) for path in (tmp_path / name).rglob("*")) for name in ("one", "two")
    ]
    assert files[0] == files[1]
    for file in files[0]:
        if (tmp_path / "one" / file).is_file():
            assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


@pytest.fixture(scope="module")
def hostile_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hostile report on disk."""
    folder: Path = tmp_path_factory.mktemp("reports") / "report"
    write_report(folder, hostile_tables(), hostile_data())
    return folder / PAGE_NAME


@pytest.fixture
def browser_page(hostile_report: Path) -> Iterator["Page"]:
    """A hostile report, opened from disk in Chromium, with its list loaded."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine; install the package `chromium`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(hostile_report.as_uri())
        page.locator("#detail .reasoning").wait_for()
        yield page
        browser.close()


@pytest.mark.slow
def test_hostile_text_does_not_run_in_a_browser(browser_page: "Page") -> None:
    for row in browser_page.locator("#rows-of-traces tr").all():
        row.click()
        assert browser_page.locator("#detail .reasoning").text_content() == HOSTILE.strip()
    browser_page.locator("#detail header button").click()
    browser_page.locator("#comparison article .answer").first.wait_for()
    assert browser_page.locator("#comparison article .answer").first.text_content() == HOSTILE.strip()
    assert browser_page.evaluate("typeof window.hacked") == "undefined"
    assert browser_page.locator("img").count() == 0


@pytest.mark.slow
def test_filters_narrow_the_list(browser_page: "Page") -> None:
    rows = browser_page.locator("#rows-of-traces tr")
    assert rows.count() == 26
    browser_page.select_option("select[name=model]", "large")
    browser_page.select_option("select[name=verdict]", "correct")
    assert rows.count() == 7
    browser_page.fill("input[name=text]", "large-1.2")
    assert rows.count() == 2
    browser_page.fill("input[name=text]", "no such text")
    assert browser_page.locator("#found").text_content() == "0 of 26"
    assert browser_page.locator("#detail").text_content() == ""


@pytest.mark.slow
def test_models_and_temperatures_stand_side_by_side(browser_page: "Page") -> None:
    browser_page.locator("#detail header button").click()
    cards = browser_page.locator("#comparison article")
    cards.nth(3).wait_for()
    heads = [card.locator(".note").first.text_content() for card in cards.all()]
    assert heads == [
        "T = 0.3, 5 of 8 correct", "T = 1.2, 2 of 8 correct", "T = 0.3, 1 of 8 correct", "T = imported, 0 of 2 correct",
    ]  # fmt: skip
    first = cards.first
    assert first.locator("header span").first.text_content() == "1 of 8"
    first.get_by_label("Next answer of large").click()
    assert first.locator("header span").first.text_content() == "2 of 8"


@pytest.mark.slow
def test_trace_of_a_link_is_shown_with_its_chain(browser_page: "Page", hostile_report: Path) -> None:
    browser_page.goto("about:blank")
    browser_page.goto(f"{hostile_report.as_uri()}#trace=large-0.3-3")
    browser_page.locator("#detail .chain").wait_for()
    chain = browser_page.locator("#detail .chain").text_content()
    assert chain is not None
    for step in ("sums, row 0", "large at T = 0.3, sample 3", f"seed {2**62 + 1}", "not in the mix: over_row_limit"):
        assert step in chain


@pytest.mark.slow
def test_page_without_its_files_says_so(browser_page: "Page", hostile_report: Path, tmp_path: Path) -> None:
    shutil.copyfile(hostile_report, tmp_path / PAGE_NAME)
    browser_page.goto((tmp_path / PAGE_NAME).as_uri())
    browser_page.get_by_text(f"{TRACE_FOLDER}/index.js is not beside this page.").wait_for()
