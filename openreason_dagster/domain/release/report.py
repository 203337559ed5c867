"""The report page: one HTML file with everything inside, which works from disk and without a network.

Prompts, reasoning and answers are hostile text. They reach the page as table cells that the template escapes, or as
JSON in which every `<`, `>` and `&` is escaped and which is shown by `textContent`; the page's policy runs no script
but its own, known by its hash, and loads nothing.
"""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
from markupsafe import Markup

from openreason_dagster.domain.release import plots
from openreason_dagster.domain.release.report_data import ReportData, Totals

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One headline number."""

    label: str
    value: str
    note: str


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A figure with the numbers behind it."""

    label: str
    """What the figure shows, for readers who do not see it."""
    svg: Markup
    table: pl.DataFrame


def render_report(data: ReportData) -> str:
    """The whole page as HTML; equal for equal data."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["cell"] = _cell
    script = (TEMPLATES / "report.js").read_text("utf-8")
    return environment.get_template("report.html").render(
        data=data,
        tiles=_tiles(data.totals),
        funnel=_plot("Rows left at each stage", plots.funnel, stages(data.totals)),
        plots=_plots(data),
        mean_rewards=data.mean_rewards.rename(lambda name: name.removeprefix("reward_")),
        traces=_embedded_json(data.traces),
        style=Markup((TEMPLATES / "report.css").read_text("utf-8")),  # noqa: S704 - a file of this package
        script=Markup(script),  # noqa: S704 - a file of this package
        policy=_content_security_policy(script),
    )


def _content_security_policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'"
    )


def _embedded_json(frame: pl.DataFrame) -> Markup:
    """The rows as JSON that cannot end a script element whatever they hold; seeds as text, for JavaScript rounds."""
    rows = frame.with_columns(pl.col("seed").cast(pl.String)).to_dicts()
    text = json.dumps(rows, ensure_ascii=False, allow_nan=False, default=_time_as_text)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - escaped above


def _time_as_text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    raise TypeError(f"{type(value).__name__} has no place in the report's traces")


def _tiles(totals: Totals) -> list[Tile]:
    return [
        Tile(
            label="Prompts in the pool",
            value=f"{totals.prompt_pool:,}",
            note=f"of {totals.seed_prompts:,} seed prompts",
        ),
        Tile(
            label="Traces sampled",
            value=f"{totals.sampled:,}",
            note=f"{totals.completion_tokens:,} tokens generated",
        ),
        Tile(
            label="Correct",
            value=_share(totals.correct, totals.judged),
            note=f"{totals.correct:,} of {totals.judged:,} judged traces",
        ),
        Tile(
            label="Prompts solved",
            value=_share(totals.prompts_solved, totals.prompts_sampled),
            note=f"{totals.prompts_solved:,} of {totals.prompts_sampled:,}, by any trace",
        ),
        Tile(
            label="Rows to train on",
            value=f"{totals.mix_train + totals.mix_validation:,}",
            note=f"{totals.mix_train:,} train, {totals.mix_validation:,} validation",
        ),
    ]


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "–"


def stages(totals: Totals) -> pl.DataFrame:
    """Rows at each stage from seeds to mix: unit, stage, rows; what the funnel draws."""
    return pl.DataFrame(
        [
            ("prompts", "seed prompts", totals.seed_prompts),
            ("prompts", "prompt pool", totals.prompt_pool),
            ("traces", "sampled", totals.sampled),
            ("traces", "judged", totals.judged),
            ("traces", "correct", totals.correct),
            ("traces", "reasoning data", totals.kept),
            ("traces", "SFT mix", totals.mix_train + totals.mix_validation),
        ],
        schema=["unit", "stage", "rows"],
        orient="row",
    )


def _plots(data: ReportData) -> list[Plot]:
    """The figures that have data."""
    parts = [
        ("Correct share of judged traces by model and temperature", plots.pass_rate_heatmap, data.pass_rates),
        ("Prompts solved within k samples by model and temperature", plots.pass_at_k_curves, data.pass_at_k),
        ("Share of each verdict by model and temperature", plots.verdict_bars, data.verdicts),
        ("Histogram of tokens generated by model", plots.length_histogram, data.lengths),
        ("Histogram of the total reward of judged traces", plots.reward_histogram, data.reward_totals),
    ]
    return [_plot(label, draw, frame) for label, draw, frame in parts if not frame.is_empty()]


def _plot(label: str, draw: "Callable[[pl.DataFrame], Figure]", frame: pl.DataFrame) -> Plot:
    """The figure in the page's own text colour; matplotlib escapes the names in it."""
    svg = plots.to_svg(draw(frame)).replace(plots.INK, "currentColor")
    return Plot(label=label, svg=Markup(svg), table=frame)  # noqa: S704 - written by matplotlib


def _cell(value: object) -> str:
    """A value as it stands in a table."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        decimals = 0 if value.is_integer() else 1 if abs(value) >= 100 else 3
        return f"{value:,.{decimals}f}"
    return str(value)
