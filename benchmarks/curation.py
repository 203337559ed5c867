"""Pool, reasoning data, mix, release and report on made traces of R1's length: is memory bounded, and time linear?

Run from the repository root: `python -m benchmarks.curation --rows 25000,50000`. `--write FILE` puts the tables between
the markers of that file. Needs four times the space of the text.
"""

import argparse
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.child import measured_in_child
from benchmarks.sections import write

MODULE = "benchmarks.curation_measurements"
BEGIN, END = "<!-- curation: begin -->", "<!-- curation: end -->"
RAY_BEGIN, RAY_END = "<!-- curation on ray: begin -->", "<!-- curation on ray: end -->"
ON_RAY = ("prompt_pool", "sft_mix", "release")
STAGES = ("prompt_pool", "reasoning_data", "sft_mix", "release", "dataset_report")


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default="25000,50000,100000", help="numbers of traces, with commas between them")
    parser.add_argument("--prompts", default="100000,1000000", help="numbers of prompts for near-duplicates alone")
    parser.add_argument("--semantic", default="100000", help="numbers of prompts for semantic duplicates alone")
    parser.add_argument("--ray", type=int, help="compare this machine with a Ray cluster on it, and nothing else")
    parser.add_argument("--folder", type=Path, help="where the tables are made; the system's folder if left out")
    parser.add_argument("--write", type=Path, help="Markdown file with the two markers")
    options = parser.parse_args()
    load = f"{os.cpu_count()} cores; load average before the start {os.getloadavg()[0]:.2f}."
    if options.ray:
        text = "\n".join([f"{load}\n", *ray_lines(options.ray, options.folder)])
        print(text)
        if options.write:
            write(options.write, text, begin=RAY_BEGIN, end=RAY_END)
        return
    stages = [line for rows in numbers(options.rows) for line in stage_lines(rows, options.folder)]
    near = [near_line(prompts) for prompts in numbers(options.prompts)]
    semantic = [semantic_line(prompts, kind) for prompts in numbers(options.semantic) for kind in ("problems", "open")]
    text = "\n".join(
        [
            f"{load}\n",
            "| Traces | Text | " + " | ".join(f"`{stage}`" for stage in STAGES) + " |",
            "|---:|---:|" + "---:|" * len(STAGES),
            *stages,
            "",
            "| Prompts | Near-duplicates found | Time | Peak memory | Of it before the start |",
            "|---:|---:|---:|---:|---:|",
            *near,
            "",
            "| Prompts | Kind | Semantic duplicates found | Time | Peak memory | Of it before the start |",
            "|---:|---|---:|---:|---:|---:|",
            *semantic,
        ]
    )
    print(text)
    if options.write:
        write(options.write, text, begin=BEGIN, end=END)


def numbers(text: str) -> list[int]:
    """Numbers with commas between them; none of an empty text."""
    return [int(part) for part in text.split(",") if part]


def stage_lines(rows: int, parent: Path | None) -> Iterator[str]:
    """Seconds and peak memory of each stage on a folder of tables made for it and removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="curation-", dir=parent))
    try:
        made = measured_in_child("make", folder / "root", str(rows), module=MODULE)
        found = [measured_in_child("stage", folder / "root", stage, module=MODULE) for stage in STAGES]
    finally:
        shutil.rmtree(folder)
    cells = [
        f"{stage['seconds']:.0f} s ({stage['processor_seconds']:.0f} s), {stage['megabytes']:,.0f} MB"
        for stage in found
    ]
    yield f"| {made['traces']:,} | {made['gigabytes']:.2f} GB | " + " | ".join(cells) + " |"


def ray_lines(rows: int, parent: Path | None) -> Iterator[str]:
    """Seconds and peak memory of the driver, here and with Ray, on the same tables; whether the shards are equal."""
    folder = Path(tempfile.mkdtemp(prefix="curation-", dir=parent))
    found, shards = {}, {}
    try:
        measured_in_child("make", folder / "root", str(rows), module=MODULE)
        for runner in ("local", "ray"):
            for name in (ON_RAY[0], "reasoning_data", *ON_RAY[1:]):
                found[name, runner] = measured_in_child("stage_on", folder / "root", name, runner, module=MODULE)
            (manifest,) = (folder / "root").rglob("manifest.json")
            shards[runner] = json.loads(manifest.read_text())["shards"]
    finally:
        shutil.rmtree(folder)
    yield f"| {rows:,} traces | Here | On Ray | Ratio of processor time |"
    yield "|---|---:|---:|---:|"
    for name in ON_RAY:
        here, there = found[name, "local"], found[name, "ray"]
        cells = " | ".join(
            f"{run['seconds']:.0f} s ({run['processor_seconds']:.0f} s), {run['megabytes']:,.0f} MB"
            for run in (here, there)
        )
        yield f"| `{name}` | {cells} | {there['processor_seconds'] / here['processor_seconds']:.1f} |"
    same = "yes" if shards["local"] == shards["ray"] else "no"
    yield f"| {len(shards['ray'])} shards equal byte by byte | | {same} | |"


def near_line(prompts: int) -> str:
    """Time and memory of the near-duplicate stage."""
    found = measured_in_child("near_duplicates", Path(), str(prompts), module=MODULE)
    return (
        f"| {prompts:,} | {found['near_duplicates']:,} | {found['seconds']:.0f} s | {found['megabytes']:,.0f} MB | "
        f"{found['before_megabytes']:,.0f} MB |"
    )


def semantic_line(prompts: int, kind: str) -> str:
    """Time and memory of the search for semantic duplicates, the model's loading left out."""
    with tempfile.TemporaryDirectory() as folder:
        measured_in_child("make_prompts", Path(folder), str(prompts), kind, module=MODULE)
        found = measured_in_child("semantic_duplicates", Path(folder), module=MODULE)
    return (
        f"| {prompts:,} | {kind} | {found['semantic_duplicates']:,} | {found['seconds']:.0f} s | "
        f"{found['megabytes']:,.0f} MB | {found['before_megabytes']:,.0f} MB |"
    )


if __name__ == "__main__":
    main()
