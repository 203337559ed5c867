"""Verifies the same traces through this platform and one by one, and shows that hangs and mass do no harm.

Run from the repository root: `python -m benchmarks.verification`. `--write FILE` puts the table between the markers of
that file.
"""

import argparse
import os
import statistics
from collections.abc import Iterator
from pathlib import Path

from benchmarks.child import measured_in_child
from benchmarks.sections import write

MODULE = "benchmarks.verification_measurements"
BEGIN, END = "<!-- verification: begin -->", "<!-- verification: end -->"
HEAD = "| What | Figure | Range |\n|---|---:|---:|"


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few traces, measured once: a test")
    parser.add_argument("--write", type=Path, help="Markdown file with the two markers")
    options = parser.parse_args()
    prompts, mass, repeats, programs = (4, 20, 1, 20) if options.quick else (120, 6_250, 3, 600)
    load = f"{os.cpu_count()} cores; load average before the start {os.getloadavg()[0]:.2f}."
    lines = [
        *beside_each_other(prompts, repeats),
        *with_hangs(prompts),
        *in_mass(mass),
        *programs_run(programs, repeats),
    ]
    text = f"{load}\n\n{HEAD}\n" + "\n".join(lines)
    print(text)
    if options.write:
        write(options.write, text, begin=BEGIN, end=END)


def beside_each_other(prompts: int, repeats: int) -> Iterator[str]:
    """Traces per second of both ways, in turn, and the share of their medians."""
    rates: dict[str, list[float]] = {"platform": [], "in_turn": []}
    correct = {}
    for repeat in range(repeats):
        for name in sorted(rates, reverse=bool(repeat % 2)):
            found = measure(name, str(prompts))
            rates[name].append(found["rate"])
            correct[name] = f"{found['correct']:,} of {found['traces']:,}"
    yield rate_line("16 samples of a prompt, through the platform", rates["platform"])
    yield rate_line("parsed and verified in turn by Math-Verify", rates["in_turn"])
    ratios = [ours / theirs for ours, theirs in zip(rates["platform"], rates["in_turn"], strict=True)]
    yield f"| as many times as fast | {statistics.median(ratios):.1f} | {min(ratios):.1f} to {max(ratios):.1f} |"
    yield f"| found correct, by the platform and in turn | {correct['platform']} and {correct['in_turn']} | |"


def with_hangs(prompts: int) -> Iterator[str]:
    """Seconds without and with comparisons that never end."""
    hanging = 4
    found = measure("hangs", str(prompts), str(hanging))
    extra = found["with"] - found["without"]
    yield (
        f"| {hanging} comparisons among them that hang, limited to 2 s each, with two workers | {extra:.1f} s more, "
        f"{found['timeouts_with']} timeouts | |"
    )


def in_mass(prompts: int) -> Iterator[str]:
    """Peak memory for a tenth and for all of the traces."""
    tenth, whole = measure("platform", str(prompts // 10)), measure("platform", str(prompts))
    yield f"| peak memory for {tenth['traces']:,} traces, one worker's included | {tenth['megabytes']:.0f} MB | |"
    yield f"| for {whole['traces']:,} traces | {whole['megabytes']:.0f} MB | |"


def programs_run(programs: int, repeats: int) -> Iterator[str]:
    """Programs and tests per second, and one new interpreter after the other."""
    found = [(measure("code", str(programs)), measure("code_in_turn", str(programs))) for _ in range(repeats)]
    rates, tests = [ours["rate"] for ours, _ in found], [ours["tests"] for ours, _ in found]
    yield rate_line("short Python programs in the sandbox", rates, unit="programs/s")
    yield rate_line("tests of these, four for each program", tests, unit="tests/s")
    yield rate_line(
        "a new interpreter for each, no sandbox", [theirs["rate"] for _, theirs in found], unit="programs/s"
    )
    ours, theirs = found[0]
    counts = f"{ours['correct']:.0f} of {ours['traces']} and {theirs['correct']:.0f} of {theirs['traces']}"
    yield f"| found correct, in the sandbox and by exit code | {counts} | |"


def rate_line(title: str, rates: list[float], *, unit: str = "traces/s") -> str:
    """A row with median and range."""
    return f"| {title} | {statistics.median(rates):,.0f} {unit} | {min(rates):,.0f} to {max(rates):,.0f} |"


def measure(name: str, *values: str) -> dict[str, float]:
    """One function of the measurements in a process of its own."""
    return measured_in_child(name, Path(), *values, module=MODULE)


if __name__ == "__main__":
    main()
