"""What adaptive sampling saves: tokens per kept trace against a fixed number of samples, at equal coverage.

Run from the repository root: `python -m benchmarks.adaptive`. `--write FILE` puts the table between the markers of that
file and draws `images/adaptive_sampling.png` beside it.
"""

import argparse
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.recorded_outcomes import Prompt, recorded_rollouts, starter_samples
from benchmarks.sections import write
from openreason_dagster.domain.inference.adaptive import SamplingRule
from openreason_dagster.domain.release.plots import GRID, INK, PALETTE, to_png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BEGIN, END = "<!-- adaptive: begin -->", "<!-- adaptive: end -->"
MOST = 64
MAXIMA = (8, 12, 16, 24, 32, 48, 64)
SHOWN = (16, 32, 64)
SAMPLES = 64
Asked = Callable[[Sequence[bool]], int]
"""How many samples a policy asks for, given whether each of a prompt's samples would be correct."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one policy does on average."""

    coverage: float
    """Share of the solvable prompts with at least one kept trace."""
    per_kept: float
    """Length sampled for each kept trace."""
    samples: float
    """Samples per prompt."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One data set under both policies; `adaptive` by maximum, `fixed` by samples per prompt."""

    name: str
    unit: str
    kept: int
    """Most traces of a prompt that are kept, and the rule's `enough_correct`."""
    prompts: int
    solvable: int
    adaptive: dict[int, Cost]
    fixed: dict[int, Cost]


def main() -> None:
    """Replay both policies on every data set and show what they cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few problems and replays: a test of the script")
    parser.add_argument("--write", type=Path, help="Markdown file with the two markers")
    options = parser.parse_args()
    each, replays = (3, 3) if options.quick else (25, 200)
    comparisons = [
        compare(name, unit, prompts, kept=kept, replays=replays) for name, unit, prompts, kept in data_sets(each)
    ]
    text = table(comparisons)
    print(text)
    if options.write:
        write(options.write, text, begin=BEGIN, end=END)
        picture = options.write.parent / "images" / "adaptive_sampling.png"
        picture.write_bytes(draw(comparisons))


def data_sets(each: int) -> list[tuple[str, str, list[Prompt], int]]:
    """Name, unit of length, prompts and traces to keep of each; a prompt of both models counts once for each."""
    base, small = (
        starter_samples(name, problems_each=each, samples=SAMPLES) for name in ("starter-base", "starter-small")
    )
    return [
        ("starter, both models", "tokens", [*base, *small], 4),
        ("starter-base", "tokens", base, 4),
        ("starter-small", "tokens", small, 4),
        *(("AMC-23 rollouts", "characters", recorded_rollouts(), kept) for kept in (1, 2, 4)),
    ]


def reference_rule(maximum: int, kept: int) -> SamplingRule:
    """The rule that is measured, at one maximum; its rounds are as long as the traces to keep."""
    return SamplingRule(
        first_round=kept, round=kept, maximum=maximum, enough_correct=kept, lowest_pass_rate=0.05, confidence=0.95
    )


def compare(name: str, unit: str, prompts: Sequence[Prompt], *, kept: int, replays: int) -> Comparison:
    """Both policies on the same draws."""
    adaptive = [reference_rule(maximum, kept).samples_asked for maximum in MAXIMA]
    fixed = [_always(samples) for samples in range(1, MOST + 1)]
    costs = replay(prompts, [*adaptive, *fixed], most_kept=kept, replays=replays)
    return Comparison(
        name=name,
        unit=unit,
        kept=kept,
        prompts=len(prompts),
        solvable=sum(_is_solvable(prompt) for prompt in prompts),
        adaptive=dict(zip(MAXIMA, costs, strict=False)),
        fixed=dict(enumerate(costs[len(MAXIMA) :], start=1)),
    )


def replay(prompts: Sequence[Prompt], policies: Sequence[Asked], *, most_kept: int, replays: int) -> list[Cost]:
    """Cost of each policy over so many replays; a replay draws every prompt's samples anew from those it has.

    All policies see the same draws. A trace is kept when it is correct and among the first `most_kept` of its prompt.
    """
    draws = random.Random(1)
    spent, kept, covered, samples = ([0] * len(policies) for _ in range(4))
    for prompt in [prompt for prompt in prompts for _ in range(replays)]:
        drawn = draws.choices(prompt, k=MOST)
        marks = [sample.is_correct for sample in drawn]
        lengths = [0, *accumulate(sample.length for sample in drawn)]
        correct = [0, *accumulate(marks)]
        for number, asked in enumerate(policies):
            count = asked(marks)
            samples[number] += count
            spent[number] += lengths[count]
            kept[number] += min(correct[count], most_kept)
            covered[number] += correct[count] > 0
    solvable = sum(_is_solvable(prompt) for prompt in prompts)
    return [
        Cost(coverage=found / (solvable * replays), per_kept=length / traces, samples=asked / (len(prompts) * replays))
        for found, length, traces, asked in zip(covered, spent, kept, samples, strict=True)
    ]


def at_coverage(fixed: dict[int, Cost], coverage: float) -> tuple[float, float]:
    """Samples per prompt and length per kept trace of the fixed number that first reaches a coverage, interpolated.

    A rule never covers more than `MOST` samples of every prompt do, for all policies see the same draws.
    """
    samples = next(samples for samples, cost in fixed.items() if cost.coverage >= coverage)
    if samples == 1:
        return 1.0, fixed[1].per_kept
    low, high = fixed[samples - 1], fixed[samples]
    part = (coverage - low.coverage) / (high.coverage - low.coverage)
    return samples - 1 + part, low.per_kept + part * (high.per_kept - low.per_kept)


def table(comparisons: Sequence[Comparison]) -> str:
    """The comparisons in Markdown."""
    lines = [
        "| Data | Kept | Maximum | Coverage | Samples | Equal fixed n | Length per kept trace | with fixed n | Ratio |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for each in comparisons:
        what = f"{each.name}: {each.prompts} prompts, {each.solvable} solvable"
        for maximum in SHOWN:
            cost = each.adaptive[maximum]
            samples, per_kept = at_coverage(each.fixed, cost.coverage)
            lines.append(
                f"| {what} | {each.kept} | {maximum} | {cost.coverage:.1%} | {cost.samples:.1f} | {samples:.1f} "
                f"| {cost.per_kept:,.0f} {each.unit} | {per_kept:,.0f} {each.unit} | {cost.per_kept / per_kept:.2f} |"
            )
    return "\n".join(lines)


def draw(comparisons: Sequence[Comparison]) -> bytes:
    """Length per kept trace over coverage for both policies, a panel per data set and number kept, as PNG."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(13.0, 6.4), layout="constrained")
    for axes, each in zip(figure.subplots(2, 3).flat, comparisons, strict=True):
        fixed = {samples: cost for samples, cost in each.fixed.items() if samples >= MAXIMA[0]}
        _curve(axes, fixed, label="fixed n", colour=PALETTE[1], beside=(-5.0, 4.0))
        _curve(axes, each.adaptive, label="adaptive, by maximum", colour=PALETTE[0], beside=(5.0, -11.0))
        axes.set_title(
            f"{each.name}, {each.kept} kept of a prompt", loc="left", fontsize=9.5, color=INK, fontweight="bold"
        )
        axes.set_xlabel("solvable prompts with a kept trace", fontsize=8.5, color=INK)
        axes.set_ylabel(f"{each.unit} per kept trace", fontsize=8.5, color=INK)
        axes.margins(0.08)
        axes.set_ylim(bottom=0)
        axes.grid(color=GRID, alpha=0.25)
        axes.tick_params(labelsize=8.5, colors=INK)
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.legend(frameon=False, fontsize=8.5, labelcolor=INK)
    return to_png(figure)


def _curve(axes: "Axes", costs: Mapping[int, Cost], *, label: str, colour: str, beside: tuple[float, float]) -> None:
    """One policy's line, with the numbers of samples at some of its points, offset by `beside`."""
    points = [(each.coverage, each.per_kept) for each in costs.values()]
    axes.plot(*zip(*points, strict=True), color=colour, label=label)
    for samples in (MAXIMA[0], *SHOWN):
        place = (costs[samples].coverage, costs[samples].per_kept)
        axes.plot(*place, "o", color=colour, markersize=4)
        side = "right" if beside[0] < 0 else "left"
        axes.annotate(str(samples), place, beside, textcoords="offset points", ha=side, color=colour, fontsize=8)


def _is_solvable(prompt: Prompt) -> bool:
    return any(sample.is_correct for sample in prompt)


def _always(samples: int) -> Asked:
    return lambda _: samples


if __name__ == "__main__":
    main()
