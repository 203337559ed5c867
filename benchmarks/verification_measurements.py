"""What `verification.py` measures in processes of their own. Arguments: name, folder, values; prints JSON."""

import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from openreason_dagster.domain.recipe_verification import Verification
from openreason_dagster.domain.records import ThinkState
from openreason_dagster.domain.verification.verify import verify_batch
from openreason_dagster.domain.verification.workers import Workers
from openreason_dagster.resources.verification_workers import verification_workers

DATA = Path(__file__).parents[1] / "tests" / "data"
SAMPLES, RIGHT = 16, 10
"""Samples of a prompt, and how many of them answer with its reference."""
FORMS = (
    r"so the answer is $\boxed{%s}$.",
    r"therefore \[\boxed{%s}\]",
    r"$\boxed{ %s }$",
    r"hence $x$ is $\boxed{%s}$",
)
ROWS_PER_BATCH = 2_000
_HANGS = r"\boxed{\lim_{u \to 0} u + (x+y+z+w)^{%d}}"
CALLS = (1, 20, 300, 4000)
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def references() -> list[str]:
    """Reference answers of MATH problems."""
    lines = [
        line
        for name in ("math500/test.jsonl", "math_train/train.jsonl")
        for line in (DATA / name).read_text(encoding="utf-8").splitlines()
    ]
    return [str(json.loads(line)["answer"]) for line in lines]


def traces(prompts: int) -> Iterator[dict[str, object]]:
    """Rows for `verify_batch`: 16 of each prompt, 10 right in several forms and 6 with others' answers."""
    draw, known = random.Random(1), references()
    for number in range(prompts):
        reference = known[number % len(known)]
        wrong = draw.sample([answer for answer in known if answer != reference], 3)
        for sample in range(SAMPLES):
            answer = reference if sample < RIGHT else draw.choice(wrong)
            yield {
                "trace_id": f"{number}-{sample}",
                "prompt_id": str(number),
                "model": "m",
                "temperature": "0.6",
                "answer": f"The steps of sample {sample} lead there, " + draw.choice(FORMS) % answer,
                "think_state": ThinkState.OPENED_BY_MODEL.value,
                "finish_reason": "stop",
                "reference_answer": reference,
                "verifier": "math",
                "verifier_spec": "{}",
            }


def frames(prompts: int) -> Iterator[pl.DataFrame]:
    """The same, in frames of a bounded size."""
    waiting: list[dict[str, object]] = []
    for row in traces(prompts):
        waiting.append(row)
        if len(waiting) == ROWS_PER_BATCH:
            yield pl.DataFrame(waiting)
            waiting = []
    if waiting:
        yield pl.DataFrame(waiting)


def platform(_folder: Path, prompts: str) -> dict[str, object]:
    """Verdicts by `verify_batch` with two workers, their start left out; memory with all that was started."""
    with Workers(count=2, timeout_seconds=20, memory_megabytes=2048) as workers:
        warm = [row | {"reference_answer": rf"\sqrt{{{8 + int(row['prompt_id'])}}}"} for row in traces(4)]
        verify_batch(pl.DataFrame(warm), workers, now=NOW)
        correct = judged = 0
        started = time.perf_counter()
        for frame in frames(int(prompts)):
            verdicts = verify_batch(frame, workers, now=NOW)
            correct += int(verdicts["is_correct"].sum())
            judged += verdicts.height
        seconds = time.perf_counter() - started
    peak = sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {"rate": judged / seconds, "traces": judged, "correct": correct, "megabytes": peak / 1024}


def in_turn(_folder: Path, prompts: str) -> dict[str, object]:
    """Each trace parsed and verified by Math-Verify by itself, as a reward function of open-r1's kind does."""
    from math_verify import parse, verify

    rows = list(traces(int(prompts)))
    for row in rows[:SAMPLES]:
        verify(parse(f"${row['reference_answer']}$"), parse(str(row["answer"])))
    correct, started = 0, time.perf_counter()
    for row in rows:
        correct += bool(verify(parse(f"${row['reference_answer']}$"), parse(str(row["answer"]))))
    seconds = time.perf_counter() - started
    return {"rate": len(rows) / seconds, "traces": len(rows), "correct": correct}


def hangs(_folder: Path, prompts: str, hanging: str) -> dict[str, object]:
    """Seconds for the traces alone, and with some whose comparison never ends; a comparison may take 2 seconds."""
    rows = list(traces(int(prompts)))
    endless = [
        row | {"trace_id": f"h{number}", "reference_answer": r"\sqrt{2}x", "answer": _HANGS % (900 + number)}
        for number, row in enumerate(rows[: int(hanging)])
    ]
    found: dict[str, object] = {}
    with Workers(count=2, timeout_seconds=2, memory_megabytes=2048) as workers:
        verify_batch(pl.DataFrame(rows[:SAMPLES]), workers, now=NOW)
        for name, batch in (("without", rows), ("with", rows + endless)):
            started = time.perf_counter()
            verdicts = verify_batch(pl.DataFrame(batch), workers, now=NOW)
            found[name] = time.perf_counter() - started
            found[f"timeouts_{name}"] = verdicts.filter(pl.col("verdict") == "timeout").height
    return found


def code(_folder: Path, programs: str) -> dict[str, object]:
    """Programs judged per second: each against four tests, in the sandbox."""
    with verification_workers(Verification()) as judges:
        verify_batch(pl.DataFrame(code_traces(4)), judges, now=NOW)
        started = time.perf_counter()
        verdicts = verify_batch(pl.DataFrame(code_traces(int(programs))), judges, now=NOW)
        seconds = time.perf_counter() - started
    return {
        "rate": verdicts.height / seconds,
        "tests": verdicts.height * len(CALLS) / seconds,
        "correct": int(verdicts["is_correct"].sum()),
        "traces": verdicts.height,
    }


def code_in_turn(_folder: Path, programs: str) -> dict[str, object]:
    """The same with a new interpreter for each program and no sandbox, one after the other; right if it ends with 0."""
    correct, started = 0, time.perf_counter()
    for number in range(int(programs)):
        checks = "\n".join(f"assert step{number}({argument}) == {argument + number}" for argument in CALLS)
        command = [sys.executable, "-I", "-c", f"{_program(number)}\n{checks}"]
        correct += subprocess.run(command, check=False, capture_output=True, timeout=10).returncode == 0
    seconds = time.perf_counter() - started
    return {"rate": int(programs) / seconds, "correct": correct, "traces": int(programs)}


def code_traces(programs: int) -> list[dict[str, object]]:
    """Answers that differ from each other; every fifth is wrong."""
    first = next(traces(1))
    return [
        first
        | {
            "trace_id": f"c{number}",
            "verifier": "code",
            "reference_answer": None,
            "answer": f"```python\n{_program(number)}\n```",
            "verifier_spec": json.dumps(
                {
                    "entry": f"step{number}",
                    "calls": [{"args": [argument], "expected": argument + number} for argument in CALLS],
                }
            ),
        }
        for number in range(programs)
    ]


def _program(number: int) -> str:
    return f"def step{number}(x):\n    return x + {number if number % 5 else number + 1}"


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])))
