"""Judges the known answers of each verifier kind: wrong verdicts, and answers per second of processor time.

Run from the repository root: `python -m benchmarks.verification_kinds`. `--write FILE` puts the table between the
markers of that file. Processor time is that of all processes, so that other work on the machine changes it little.
"""

import argparse
import json
import sys
from pathlib import Path

import polars as pl
import psutil

from benchmarks.child import measured_in_child
from benchmarks.sections import write
from openreason_dagster.domain.recipe_verification import Verification
from openreason_dagster.domain.verification.canaries import canaries
from openreason_dagster.domain.verification.registry import VERIFIER_VERSIONS
from openreason_dagster.domain.verification.verify import JUDGED_SCHEMA
from openreason_dagster.resources.judging import judge_of

MODULE = "benchmarks.verification_kinds"
BEGIN, END = "<!-- kinds: begin -->", "<!-- kinds: end -->"
HEAD = (
    "| kind | version | right answers | refused | wrong answers | accepted | answers/s of processor time |\n"
    "|---|---|---:|---:|---:|---:|---:|"
)
KINDS = tuple(kind for kind in VERIFIER_VERSIONS if kind != "judge")
"""Kinds that decide by rules."""
LEAST_SECONDS = 2.0
"""Processor time for which the known answers are judged again and again; clocks of processes tick every 10 ms."""


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, help="Markdown file with the two markers")
    options = parser.parse_args()
    text = "\n".join([HEAD, *map(_line, KINDS)])
    print(text)
    if options.write:
        write(options.write, text, begin=BEGIN, end=END)


def _line(kind: str) -> str:
    found = measured_in_child("judged", Path(), kind, module=MODULE)
    rate = float(f"{found['rate']:.2g}")
    counts = " | ".join(f"{found[name]:,}" for name in ("right", "refused", "wrong", "accepted"))
    return f"| `{kind}` | {VERIFIER_VERSIONS[kind]} | {counts} | {rate:,.0f} |"


def judged(_folder: Path, kind: str) -> dict[str, object]:
    """Judge the known answers of a kind on the path of the traces: once, and then round after round."""
    known = canaries([kind])
    frame = known.select(JUDGED_SCHEMA.names())
    with judge_of(Verification(workers=1)) as judge:
        verdicts = pl.concat(judge([frame]))
        before, seconds, rounds = _processor_seconds(), 0.0, 0
        while seconds < LEAST_SECONDS:
            list(judge([frame]))
            rounds += 1
            seconds = _processor_seconds() - before
    found = known.join(verdicts.select("trace_id", "verdict"), on="trace_id")
    is_accepted = pl.col("verdict") == "correct"
    return {
        "right": int(found["is_right"].sum()),
        "wrong": int((~found["is_right"]).sum()),
        "refused": found.filter(pl.col("is_right") & ~is_accepted).height,
        "accepted": found.filter(~pl.col("is_right") & is_accepted).height,
        "rate": rounds * known.height / seconds,
    }


def _processor_seconds() -> float:
    """Processor time of this process and of all below it, also of those that have ended."""
    own = psutil.Process()
    return sum(sum(process.cpu_times()[:4]) for process in (own, *own.children(recursive=True)))


if __name__ == "__main__":
    if sys.argv[1:2] == ["judged"]:
        print(json.dumps(judged(Path(sys.argv[2]), *sys.argv[3:])))
    else:
        main()
