"""Figures show the numbers they are given."""

from collections.abc import Callable
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import polars as pl
import pytest
from example_tables import small_run

from openreason_dagster.domain.release import plots
from openreason_dagster.domain.release.report_data import collect_report_data

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DATA = collect_report_data(small_run(), title="Sums", description="")
STAGES = DATA.funnel.stages
LANGUAGES = pl.DataFrame(
    [("en", "large", "0.3", 0.975), ("en", "small", "0.3", 1.0), ("zh", "large", "0.3", None)],
    schema=["language", "model", "temperature", "mean_consistency"],
    orient="row",
)
FIGURES = {
    "pass rates": (plots.pass_rate_heatmap, DATA.pass_rates, ["71.4%", "12.5%", "–", "imported", "large"]),
    "pass@k": (plots.pass_at_k_curves, DATA.pass_at_k, ["large", "small", "0.3"]),
    "lengths": (plots.length_histogram, DATA.lengths, ["large", "small", "tokens generated"]),
    "verdicts": (plots.verdict_bars, DATA.verdicts, ["correct", "timeout", "abstained"]),
    "rewards": (plots.reward_histogram, DATA.reward_totals, ["incorrect", "correct"]),
    "languages": (plots.language_heatmap, LANGUAGES, ["en", "zh", "large  0.3", "97.5%", "–"]),
    "funnel": (plots.funnel, STAGES, ["1  (−3)", "duplicate 2, contaminated 1", "prompt pool", "released"]),
}
CASES = [pytest.param(*case, id=name) for name, case in FIGURES.items()]


@pytest.mark.parametrize(("draw", "frame", "texts"), CASES)
def test_svg_says_what_the_frame_holds(
    draw: "Callable[[pl.DataFrame], Figure]", frame: pl.DataFrame, texts: list[str]
) -> None:
    svg = plots.to_svg(draw(frame))
    shown = "".join(ElementTree.fromstring(svg).itertext())
    assert all(text in shown for text in texts)
    assert plots.to_svg(draw(frame)) == svg


@pytest.mark.parametrize(("draw", "frame", "texts"), CASES)
def test_png_is_small(draw: "Callable[[pl.DataFrame], Figure]", frame: pl.DataFrame, texts: list[str]) -> None:
    png = plots.to_png(draw(frame))
    assert png.startswith(b"\x89PNG")
    assert len(png) < 100_000


def test_names_cannot_leave_the_svg() -> None:
    frame = DATA.pass_rates.with_columns(model=pl.lit("</text></svg><script>alert(1)</script> --> $x_{"))
    svg = plots.to_svg(plots.pass_rate_heatmap(frame))
    assert "<script" not in svg


@pytest.mark.parametrize("count", [1, 4, 9])
def test_many_models_fit(count: int) -> None:
    frames = [DATA.pass_at_k.filter(model="large").with_columns(model=pl.lit(f"model-{n}")) for n in range(count)]
    svg = plots.to_svg(plots.pass_at_k_curves(pl.concat(frames)))
    assert svg.count("model-") >= min(count, plots.PANELS)
