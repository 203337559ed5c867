"""datatrove's inference runner against a running server, with its checkpoints and its cache of single requests.

Arguments: `run` or `count`, and the job's JSON file.
"""

import json
import sqlite3
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from datatrove.data import Document
from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.inference.run_inference import InferenceConfig, InferenceRunner
from datatrove.pipeline.inference.types import InferenceResult
from datatrove.pipeline.writers import JsonlWriter

DOCUMENTS_PER_CHUNK = 50


def documents(data: Iterable[Document] | None, rank: int, world_size: int, *, path: str) -> Iterator[Document]:
    """The prompts as documents, as a step that reads nothing from a step before."""
    del data, rank, world_size
    for line in Path(path).read_text().splitlines():
        prompt = json.loads(line)
        yield Document(text=prompt["prompt"], id=prompt["id"])


async def rollout(
    document: Document, generate: Callable[[dict[str, Any]], Awaitable[InferenceResult]]
) -> dict[str, Any]:
    """One sample of one document."""
    result = await generate({"messages": [{"role": "user", "content": document.text}]})
    return {"text": result.text, "finish_reason": result.finish_reason, "usage": result.usage}


def run(job: dict[str, Any]) -> None:
    """Sample all documents, or what the checkpoints lack."""
    folder = Path(job["folder"])
    config = InferenceConfig(
        server_type="endpoint",
        endpoint_url=job["base_url"].removesuffix("/v1"),
        model_name_or_path=job["model"],
        default_generation_params={"temperature": job["temperature"], "max_tokens": job["max_tokens"]},
        rollouts_per_document=job["samples"],
        max_concurrent_generations=job["concurrency"],
        max_concurrent_documents=job["concurrency"],
    )
    runner = InferenceRunner(
        rollout_fn=rollout,
        config=config,
        output_writer=JsonlWriter(
            str(folder / "output"), output_filename="${rank}_chunk_${chunk_index}.jsonl", compression=None
        ),
        checkpoints_local_dir=str(folder / "checkpoints"),
        records_per_chunk=DOCUMENTS_PER_CHUNK,
    )
    reader = partial(documents, path=job["prompts"])
    LocalPipelineExecutor([reader, runner], logging_dir=str(folder / "logs"), tasks=1, workers=1).run()


def count(job: dict[str, Any]) -> int:
    """Rollouts in readable lines of finished chunks and checkpoints, and single ones in the cache of requests."""
    folder = Path(job["folder"])
    rollouts = {}
    for file in [*folder.glob("output/*.jsonl"), *folder.glob("checkpoints/**/chunk_*.jsonl")]:
        for line in file.read_text().splitlines():
            try:
                document = json.loads(line)
            except ValueError:
                continue
            rollouts[document["id"]] = len(document["metadata"]["rollout_results"])
    for database in folder.glob("checkpoints/**/*.sqlite3"):
        with sqlite3.connect(database) as connection:
            cached = connection.execute(
                "SELECT doc_id, COUNT(DISTINCT rollout_idx) FROM request_cache WHERE result IS NOT NULL GROUP BY doc_id"
            )
            for document, samples in cached:
                rollouts[document] = max(samples, rollouts.get(document, 0))
    return sum(rollouts.values())


if __name__ == "__main__":
    settings = json.loads(Path(sys.argv[2]).read_text())
    if sys.argv[1] == "run":
        run(settings)
    else:
        print(count(settings))
