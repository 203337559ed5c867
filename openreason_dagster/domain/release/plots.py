"""Figures as pure functions of small frames, for the report page and for asset metadata.

Each takes a frame with at least one row that `report_data` describes. Figures are built on matplotlib's object
interface; nothing touches pyplot's state.
"""

import io
from typing import TYPE_CHECKING

import polars as pl

from openreason_dagster.domain.records import Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#39424e"
"""Colour of all text and lines; the report page replaces it by its own text colour."""
GRID = "#8b95a5"
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#b8a200")
"""Okabe and Ito's colours, which people with any colour vision can tell apart, darkened where white needs it."""
HEAT = ("#e8f1f8", "#7fb3d5", "#0b4f82")
VERDICT_COLOURS = {
    Verdict.CORRECT: "#0072b2",
    Verdict.INCORRECT: "#d55e00",
    Verdict.TRUNCATED: "#e69f00",
    Verdict.NO_ANSWER: "#cc79a7",
    Verdict.ABSTAINED: "#56b4e9",
    Verdict.BAD_REFERENCE: "#b8a200",
    Verdict.TIMEOUT: "#7f7f7f",
    Verdict.ERROR: "#4d4d4d",
}
SIZE = (5.0, 3.0)
PANELS = 6
"""Models that get a panel or a line of their own; further ones are in the tables."""
DOTS_PER_INCH = 100
REASON_CHARACTERS = 56
"""Of the reasons below a bar of the funnel; all of them are in the table."""


def pass_rate_heatmap(pass_rates: pl.DataFrame) -> "Figure":
    """Pass rate per model (rows) and temperature (columns), with the numbers; `–` where nothing was judged."""
    figure, axes = _heatmap("Correct share of judged traces", pass_rates.select("model", "temperature", "pass_rate"))
    axes.set_xlabel("temperature")
    return figure


def language_heatmap(consistency: pl.DataFrame) -> "Figure":
    """Mean language consistency per model and temperature (rows) and language of the prompt (columns)."""
    sampled_by = pl.format("{}  {}", "model", "temperature").alias("model")
    figure, axes = _heatmap(
        "Words in the language of the prompt", consistency.select(sampled_by, "language", "mean_consistency")
    )
    axes.set_xlabel("language of the prompt")
    return figure


def pass_at_k_curves(pass_at_k: pl.DataFrame) -> "Figure":
    """pass@k over k, one panel per model and one line per temperature."""
    models, temperatures = _unique(pass_at_k, "model")[:PANELS], _unique(pass_at_k, "temperature")
    figure, panels = _panels("Prompts solved within k samples (pass@k)", models)
    for model, axes in zip(models, panels, strict=True):
        for index, temperature in enumerate(temperatures):
            line = pass_at_k.filter(model=model, temperature=temperature)
            axes.plot(line["k"], line["pass_at_k"], marker="o", markersize=3.5, color=PALETTE[index % len(PALETTE)])
        axes.set_xscale("log", base=2)
        axes.set_xticks([1, 2, 4, 8], ["1", "2", "4", "8"])
        axes.set_ylim(0, 1.03)
        axes.set_xlabel("k")
    colours = [PALETTE[index % len(PALETTE)] for index in range(len(temperatures))]
    _legend(figure, temperatures, colours, title="temperature")
    return figure


def length_histogram(lengths: pl.DataFrame) -> "Figure":
    """Share of each model's traces by completion tokens."""
    models = _unique(lengths, "model")[:PANELS]
    figure, axes = _figure("How long completions are")
    for index, model in enumerate(models):
        bins = lengths.filter(model=model)
        edges, shares = _filled_bins(bins)
        axes.stairs(shares, edges, color=PALETTE[index], linewidth=1.7)
    axes.set_xlabel("tokens generated")
    axes.set_ylabel("share of traces")
    _percent(axes)
    _legend(figure, models, list(PALETTE))
    return figure


def verdict_bars(verdicts: pl.DataFrame) -> "Figure":
    """Share of each verdict per model and temperature, stacked."""
    rows = verdicts.select("model", "temperature").unique(maintain_order=True).rows()
    seen = [verdict for verdict in VERDICT_COLOURS if verdict in _unique(verdicts, "verdict")]
    figure, axes = _figure("What the verifier found", height=max(2.0, 1.3 + 0.27 * len(rows)))
    counts = {(model, temperature, verdict): traces for model, temperature, verdict, traces in verdicts.iter_rows()}
    for place, row in enumerate(rows):
        total, left = sum(counts.get((*row, verdict), 0) for verdict in seen), 0.0
        for verdict in seen:
            share = counts.get((*row, verdict), 0) / total
            axes.barh(place, share, left=left, color=VERDICT_COLOURS[verdict], height=0.72)
            left += share
    axes.set_yticks(range(len(rows)), [f"{model}  {temperature}" for model, temperature in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.grid(visible=False)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    _legend(figure, [str(verdict) for verdict in seen], [VERDICT_COLOURS[verdict] for verdict in seen])
    return figure


def reward_histogram(reward_totals: pl.DataFrame) -> "Figure":
    """Traces by total reward, correct ones stacked on incorrect ones."""
    figure, axes = _figure("Total reward of judged traces")
    bottom: dict[float, int] = {}
    groups = ((False, VERDICT_COLOURS[Verdict.INCORRECT]), (True, VERDICT_COLOURS[Verdict.CORRECT]))
    for is_correct, colour in groups:
        for start, width, traces in reward_totals.filter(is_correct=is_correct)["start", "width", "traces"].iter_rows():
            axes.bar(start, traces, width=width * 0.9, align="edge", bottom=bottom.get(start, 0), color=colour)
            bottom[start] = bottom.get(start, 0) + traces
    axes.set_xlabel("total reward (weighted sum)")
    axes.set_ylabel("traces")
    _legend(figure, ["incorrect", "correct"], [colour for _, colour in groups])
    return figure


def reason_bars(reasons: pl.DataFrame) -> "Figure":
    """Rows that a stage left out by reason, most frequent first; columns reason and rows."""
    ordered = reasons.sort("rows", "reason", descending=[True, False])
    figure, axes = _figure("Left out, by reason", height=max(2.0, 1.3 + 0.27 * ordered.height))
    for place, rows in enumerate(ordered["rows"]):
        axes.barh(place, rows, color=PALETTE[0], height=0.72)
        axes.annotate(f" {rows:,}", (rows, place), va="center", color=INK, fontsize=8)
    axes.set_yticks(range(ordered.height), ordered["reason"].to_list())
    axes.set_ylim(ordered.height - 0.5, -0.5)
    axes.set_xlabel("rows")
    return figure


def funnel(stages: pl.DataFrame) -> "Figure":
    """Rows of each stage, those left out in a pale colour with the reasons below; each unit on a scale of its own.

    Columns unit, stage, entered, rows, left_out, reasons, in order.
    """
    units = _unique(stages, "unit")
    heights = [len(stages.filter(unit=unit)) for unit in units]
    figure = _canvas("From seeds to released rows", 0.7 + 0.42 * sum(heights))
    panels = figure.subplots(len(units), squeeze=False, height_ratios=heights)[:, 0]
    for index, (unit, axes) in enumerate(zip(units, panels, strict=True)):
        _style(axes)
        _funnel_panel(axes, stages.filter(unit=unit), colour=PALETTE[(2, 0)[index % 2]])
    return figure


def to_png(figure: "Figure") -> bytes:
    """The figure as PNG on white, at its own size and DOTS_PER_INCH."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DOTS_PER_INCH, facecolor="white")
    return file.getvalue()


def to_svg(figure: "Figure") -> str:
    """The figure as an `<svg>` element with text as text: transparent, without prolog, and equal for equal figures."""
    from matplotlib import rc_context

    file = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "openreason"}):
        figure.savefig(
            file, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
        )
    text = file.getvalue()
    return text[text.index("<svg") :].rstrip()


def _heatmap(title: str, values: pl.DataFrame) -> "tuple[Figure, Axes]":
    """Shares by row and column, which are the frame's first two columns; `–` where a share is not known."""
    rows, columns = (_unique(values, name) for name in values.columns[:2])
    figure, axes = _figure(title, height=max(2.3, 1.2 + 0.42 * len(rows)))
    shares = {(row, column): share for row, column, share in values.iter_rows()}
    for row, row_name in enumerate(rows):
        for column, column_name in enumerate(columns):
            _heat_cell(axes, column, row, rate=shares.get((row_name, column_name)))
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.grid(visible=False)
    return figure, axes


def _heat_cell(axes: "Axes", column: int, row: int, *, rate: float | None) -> None:
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.patches import Rectangle

    colour = GRID + "30" if rate is None else LinearSegmentedColormap.from_list("heat", HEAT)(rate)
    axes.add_patch(Rectangle((column - 0.48, row - 0.46), 0.96, 0.92, facecolor=colour, edgecolor="none"))
    text = "–" if rate is None else f"{rate:.1%}"
    ink = INK if rate is None else "#ffffff" if rate > 0.75 else "#10243a"
    axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=9)


def _funnel_panel(axes: "Axes", rows: pl.DataFrame, *, colour: str) -> None:
    most = max([*rows["entered"], 1])
    axes.barh(range(len(rows)), rows["rows"], color=colour, height=0.5)
    axes.barh(range(len(rows)), rows["left_out"], left=rows["rows"], color=colour, alpha=0.25, height=0.5)
    for place, row in enumerate(rows.iter_rows(named=True)):
        left_out = f"  (−{row['left_out']:,})" if row["left_out"] else ""
        axes.text(
            row["entered"] + most * 0.015, place, f"{row['rows']:,}{left_out}", va="center", color=INK, fontsize=8.5
        )
        axes.text(most * 0.003, place + 0.43, _cut(row["reasons"]), va="center", color=INK, fontsize=7.5, alpha=0.85)
    axes.set_yticks(range(len(rows)), rows["stage"])
    axes.set_ylim(len(rows) - 0.35, -0.5)
    axes.set_xlim(0, most * 1.3)
    axes.set_xticks([])
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)


def _cut(text: str) -> str:
    """The text if it fits below a bar, or its beginning."""
    return text if len(text) <= REASON_CHARACTERS else text[: REASON_CHARACTERS - 1].rstrip(", ") + "…"


def _filled_bins(bins: pl.DataFrame) -> tuple[list[float], list[float]]:
    """Edges of all bins between the first and the last, and the share of traces in each."""
    width, first = bins["width"][0], bins["start"][0]
    counts = {round((start - first) / width): traces for start, traces in bins.select("start", "traces").iter_rows()}
    places, total = range(max(counts) + 1), sum(counts.values())
    edges = [first + width * place for place in range(len(places) + 1)]
    return edges, [counts.get(place, 0) / total for place in places]


def _canvas(title: str, height: float) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(SIZE[0], height), dpi=DOTS_PER_INCH, layout="constrained")
    figure.suptitle(title, color=INK, fontsize=10.5, x=0.01, ha="left", fontweight="bold")
    return figure


def _figure(title: str, *, height: float = SIZE[1]) -> "tuple[Figure, Axes]":
    figure = _canvas(title, height)
    axes = figure.subplots()
    _style(axes)
    return figure, axes


def _panels(title: str, names: list[str]) -> "tuple[Figure, list[Axes]]":
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    figure = _canvas(title, SIZE[1] + 2.0 * (rows - 1))
    grid = list(figure.subplots(rows, columns, sharey=True, squeeze=False).flat)
    for name, axes in zip(names, grid, strict=False):
        _style(axes)
        axes.set_title(name, color=INK, fontsize=9, loc="left")
        _percent(axes)
    for axes in grid[len(names) :]:
        axes.set_axis_off()
    return figure, grid[: len(names)]


def _style(axes: "Axes") -> None:
    axes.tick_params(colors=INK, labelsize=8.5, length=0)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set(color=INK, fontsize=8.5)
    for side, spine in axes.spines.items():
        spine.set(visible=side == "bottom", edgecolor=GRID)
    axes.grid(axis="y", color=GRID, alpha=0.25, linewidth=0.8)
    axes.set_axisbelow(True)


def _percent(axes: "Axes") -> None:
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")


def _legend(figure: "Figure", names: list[str], colours: list[str], *, title: str | None = None) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=colour, label=name) for name, colour in zip(names, colours, strict=False)]
    if not handles:
        return
    legend = figure.legend(
        handles=handles, title=title, loc="outside lower left", ncols=min(4, len(handles)), frameon=False,
        fontsize=8.5, title_fontsize=8.5, labelcolor=INK, handlelength=0.9, handleheight=0.9, alignment="left",
    )  # fmt: skip
    legend.get_title().set_color(INK)


def _unique(frame: pl.DataFrame, column: str) -> list[str]:
    return frame.get_column(column).unique(maintain_order=True).to_list()
