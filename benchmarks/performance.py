"""Measures the platform on this machine and prints a table; `--write FILE` puts it between the markers of that file.

Each measurement runs in a process of its own, one after the other, on a copy of `recipes/starter.yaml`.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psutil
import yaml

from benchmarks.sections import write

REPOSITORY = Path(__file__).parents[1]
MEASUREMENTS = Path(__file__).with_name("measurements.py")
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
PACKAGES = ("torch", "transformers", "polars", "deltalake", "dagster", "math-verify")
SAMPLERS = ("platform", "engine", "generate", "all cores")


@dataclass(frozen=True)
class Measured:
    """One child process: the figures it printed, its wall time, and the most memory it held."""

    figures: Mapping[str, float]
    seconds: float
    megabytes: float


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    figure: str
    range: str
    megabytes: float


def main() -> None:
    """Measure everything and show it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one sample per prompt, each measurement once: a test")
    parser.add_argument("--write", type=Path, help="Markdown file with the two markers")
    options = parser.parse_args()
    repeats, samples = (1, 1) if options.quick else (3, 8)
    head = machine()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_recipe(folder, samples)
        rows = [*demo(folder), *loading(folder, repeats), *sampling(folder, repeats), *verification(folder, repeats)]
    text = f"{head}\n\n{table(rows)}"
    print(text)
    if options.write:
        write(options.write, text, begin=BEGIN, end=END)


def machine() -> str:
    """What was measured on, and how busy it was before."""
    packages = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    processor = names[0].partition(":")[2].strip() if names else "unknown processor"
    gigabytes = psutil.virtual_memory().total / 1e9
    return (
        f"{processor}, {os.cpu_count()} cores, {gigabytes:.0f} GB memory, no GPU used; Python "
        f"{sys.version.split()[0]}, {packages}; load average before the start {os.getloadavg()[0]:.2f}."
    )


def copy_recipe(folder: Path, samples: int) -> None:
    """The starter recipe with another number of samples per prompt."""
    shutil.copytree(REPOSITORY / "recipes", folder / "recipes")
    path = folder / "recipes" / "starter.yaml"
    recipe = yaml.safe_load(path.read_text())
    recipe["sampling"]["samples_per_prompt"] = samples
    path.write_text(yaml.safe_dump(recipe))


def demo(folder: Path) -> Iterator[Row]:
    """`openreason run` in a fresh root, and again in the same one."""
    command = [str(Path(sys.executable).with_name("openreason")), "run", str(folder / "recipes" / "starter.yaml")]
    for what in ("`openreason run recipes/starter.yaml`, fresh", "the same command again"):
        measured = child(command, folder)
        yield Row(what, f"{measured.seconds:.1f} s", "", measured.megabytes)


def loading(folder: Path, repeats: int) -> Iterator[Row]:
    """A process that imports and validates the code location."""
    runs = [measure(folder, "load_code_location") for _ in range(repeats)]
    assert not any(run.figures["heavy_imports"] for run in runs), "the code location imports a model library"
    yield row("loading the code location, interpreter included", [run.seconds for run in runs], "s", runs, digits=2)


def sampling(folder: Path, repeats: int) -> Iterator[Row]:
    """Tokens per second of each way to answer the same requests; the order turns with every repetition."""
    measure(folder, "build_pool")
    runs: dict[str, list[Measured]] = {name: [] for name in SAMPLERS}
    for repeat in range(repeats):
        turn = repeat % len(SAMPLERS)
        for name in SAMPLERS[turn:] + SAMPLERS[:turn]:
            runs[name].append(sample(folder, name, repeat))
    rates = {name: [run.figures["rate"] for run in runs[name]] for name in SAMPLERS}
    yield row("sampling through the platform", rates["platform"], "tokens/s", runs["platform"])
    yield row("the same engine called directly", rates["engine"], "tokens/s", runs["engine"])
    shares = [100 * through / direct for through, direct in zip(rates["platform"], rates["engine"], strict=True)]
    yield row("platform as a share of the engine, from separate runs", shares, "%", [], digits=1)
    inside = [100 * run.figures["engine_share"] for run in runs["platform"]]
    yield row("share of a platform run's sampling time spent in the engine itself", inside, "%", [], digits=1)
    yield row("`model.generate` in fixed batches", rates["generate"], "tokens/s", runs["generate"])
    yield row(f"the engine with {os.cpu_count()} threads", rates["all cores"], "tokens/s", runs["all cores"])
    whole = [run.figures["whole_seconds"] for run in runs["platform"]]
    traces = f"{runs['platform'][0].figures['tokens']:,.0f} tokens"
    yield row(f"whole sampling run of {traces}, weights loaded", whole, "s", runs["platform"], digits=1)


def sample(folder: Path, name: str, repeat: int) -> Measured:
    """One repetition of one way to sample; the platform starts from a fresh copy of the pool."""
    if name == "platform":
        shutil.copytree(folder / "pool", folder / f"sampled-{repeat}")
        return measure(folder, "sample_through_platform", f"sampled-{repeat}")
    if name == "generate":
        return measure(folder, "sample_with_generate")
    return measure(folder, "sample_with_engine", "catalogue" if name == "engine" else str(os.cpu_count()))


def verification(folder: Path, repeats: int) -> Iterator[Row]:
    """Traces per second in worker processes, against one process that checks them in turn."""
    for data, title in (("sampled", "sampled traces"), ("rollouts", "AMC-23 rollouts")):
        workers = [measure(folder, "verify_in_workers", data, "sampled-0") for _ in range(repeats)]
        turns = [measure(folder, "verify_in_turn", data, "sampled-0") for _ in range(repeats)]
        first, alone = workers[0].figures, turns[0].figures
        counts = f"{first['traces']:,.0f} {title}, {first['distinct']:,.0f} of them distinct"
        for name, runs in ((f"verifying {counts}", workers), (f"Math-Verify in turn on these {title}", turns)):
            yield row(name, [run.figures["rate"] for run in runs], "traces/s", runs)
        found = f"{first['correct']:,.0f} and {alone['correct']:,.0f}"
        yield Row(f"{title} found correct by the platform and by Math-Verify", found, "", 0.0)
        starts = [run.figures["starting_seconds"] for run in workers]
        yield row(f"starting the workers and judging 128 roots, before the {title}", starts, "s", [], digits=1)


def measure(folder: Path, name: str, *values: str) -> Measured:
    """Run one function of the measurements in its own process."""
    return child([sys.executable, str(MEASUREMENTS), name, str(folder), *values], folder)


def child(command: Sequence[str], folder: Path) -> Measured:
    """Run a command to its end; the figures are the last line it prints, if that is JSON."""
    print(f"… {' '.join(Path(part).name for part in command)}", file=sys.stderr)
    environment = os.environ | {
        "OPENREASON_ROOT": str(folder / "demo"), "OPENREASON_CATALOGUE": str(REPOSITORY / "catalogue"),
    }  # fmt: skip
    with tempfile.TemporaryFile("w+") as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment, cwd=REPOSITORY)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with code {process.returncode}:\n{text[-3000:]}")
    last = text.strip().splitlines()[-1]
    return Measured(json.loads(last) if last.startswith("{") else {}, seconds, usage.ru_maxrss / 1000)


def row(what: str, values: Sequence[float], unit: str, runs: Sequence[Measured], *, digits: int = 0) -> Row:
    """Median and range of one figure over the repetitions."""
    spread = f"{min(values):,.{digits}f} to {max(values):,.{digits}f}" if len(values) > 1 else ""
    median = f"{statistics.median(values):,.{digits}f} {unit}"
    return Row(what, median, spread, max((run.megabytes for run in runs), default=0.0))


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown."""
    lines = ["| What | Median | Range | Peak memory |", "|---|---:|---:|---:|"]
    for each in rows:
        memory = f"{each.megabytes:,.0f} MB" if each.megabytes else ""
        lines.append(f"| {each.what} | {each.figure} | {each.range} | {memory} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
