"""What runs inside a worker process: one chunk of comparisons per line of input, one judgement per line of output.

The process is started with an environment of its own and limits itself before it loads anything. Both directions are
JSON, so that a worker taken over by a hostile answer can send the parent nothing but text.
"""

import json
import logging
import resource
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

from openreason_dagster.domain.records import Judgement, Verdict
from openreason_dagster.domain.verification.registry import Comparison, judge, verifier

READY = "ready"
RETIRING = "retiring"
LARGEST_FILE_BYTES = 1_000_000
MEMORY_SHARE = 0.9
"""Above this share of its memory limit a worker may have failed to allocate, which the libraries it calls can hide."""
OUT_OF_MEMORY = "the comparison reached the memory limit of its worker"


def main() -> None:
    """Serve chunks until the input ends. Arguments: memory limit in megabytes, timeout of one comparison in seconds."""
    memory_bytes, timeout_seconds = int(sys.argv[1]) * 1_000_000, float(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE_BYTES, LARGEST_FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable(logging.CRITICAL)
    for line in sys.stdin:
        comparisons = [Comparison(**fields) for fields in json.loads(line)]
        for kind in {comparison.kind for comparison in comparisons}:
            verifier(kind).prepare()
        _say(READY)
        for comparison in comparisons:
            judgement = _judge_within(comparison, timeout_seconds)
            if _peak_bytes() < MEMORY_SHARE * memory_bytes:
                _say(_as_fields(judgement))
                continue
            _say(_as_fields(judgement if judgement.verdict is Verdict.CORRECT else _error(OUT_OF_MEMORY)))
            _say(RETIRING)
            return


def _judge_within(comparison: Comparison, timeout_seconds: float) -> Judgement:
    """Judge one comparison; the alarm ends this process should the parent be gone and unable to."""
    signal.setitimer(signal.ITIMER_REAL, 2 * timeout_seconds + 1)
    started = time.perf_counter()
    try:
        judgement = judge(comparison)
    except MemoryError:
        judgement = _error(OUT_OF_MEMORY)
    except Exception as error:  # noqa: BLE001 - a library may raise anything on hostile text; it becomes a verdict
        judgement = _error(f"{type(error).__name__}: {str(error)[:300]}")
    signal.setitimer(signal.ITIMER_REAL, 0)
    return replace(judgement, milliseconds=1000 * (time.perf_counter() - started))


def _peak_bytes() -> int:
    """The largest address space this process has had."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.partition("VmPeak:")[2].split(maxsplit=1)[0])


def _error(message: str) -> Judgement:
    return Judgement(
        verdict=Verdict.ERROR, extracted_answer=None, method="worker/exception", message=message, milliseconds=0.0
    )


def _as_fields(judgement: Judgement) -> dict[str, object]:
    return {
        "verdict": judgement.verdict.value,
        "extracted_answer": judgement.extracted_answer,
        "method": judgement.method,
        "message": judgement.message,
        "milliseconds": judgement.milliseconds,
        "extras": judgement.extras,
    }


def _say(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
