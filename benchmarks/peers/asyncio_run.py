"""A plain asyncio script, as one would write it in an afternoon: a semaphore, aiohttp, retries, a line per prompt.

Arguments: `run` or `count`, and the job's JSON file. A prompt's line is appended once all of its samples are there;
started again, it leaves out the prompts that have a line.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, TextIO

import aiohttp

ATTEMPTS = 3


def done(output: Path) -> set[str]:
    """Prompt ids of the lines that can be read."""
    ids: set[str] = set()
    for line in output.read_text().splitlines() if output.exists() else []:
        try:
            ids.add(json.loads(line)["id"])
        except ValueError:
            continue
    return ids


async def run(job: dict[str, Any]) -> None:
    """Ask for what has no line yet."""
    output = Path(job["folder"]) / "traces.jsonl"
    finished = done(output)
    prompts = [json.loads(line) for line in Path(job["prompts"]).read_text().splitlines()]
    places = asyncio.Semaphore(job["concurrency"])
    connector = aiohttp.TCPConnector(limit=job["concurrency"])
    timeout = aiohttp.ClientTimeout(total=None)

    async def sample(session: aiohttp.ClientSession, prompt: dict[str, str]) -> Any:  # noqa: ANN401 - JSON
        body = {
            "model": job["model"],
            "messages": [{"role": "user", "content": prompt["prompt"]}],
            "temperature": job["temperature"],
            "max_tokens": job["max_tokens"],
        }
        for attempt in range(1, ATTEMPTS + 1):
            try:
                async with places, session.post(f"{job['base_url']}/chat/completions", json=body) as response:
                    response.raise_for_status()
                    return (await response.json())["choices"][0]
            except aiohttp.ClientError:
                if attempt == ATTEMPTS:
                    raise
                await asyncio.sleep(attempt)
        raise AssertionError

    async def answer(session: aiohttp.ClientSession, prompt: dict[str, str], file: TextIO) -> None:
        choices = await asyncio.gather(*(sample(session, prompt) for _ in range(job["samples"])))
        file.write(json.dumps(prompt | {"choices": choices}) + "\n")
        file.flush()

    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        with output.open("a") as file:
            await asyncio.gather(*(answer(session, prompt, file) for prompt in prompts if prompt["id"] not in finished))


def count(job: dict[str, Any]) -> int:
    """Samples in the lines that can be read."""
    return len(done(Path(job["folder"]) / "traces.jsonl")) * int(job["samples"])


if __name__ == "__main__":
    settings = json.loads(Path(sys.argv[2]).read_text())
    if sys.argv[1] == "run":
        asyncio.run(run(settings))
    else:
        print(count(settings))
