"""bespokelabs-curator against an OpenAI-compatible server. Arguments: `run` or `count`, and the job's JSON file.

A row is one sample, since curator asks for one completion of a row. Its limits per minute are set out of reach, and
answers cut at the token limit are taken as they are instead of being asked again.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ |= {"TELEMETRY_ENABLED": "False", "CURATOR_VIEWER": "0", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}


def run(job: dict[str, Any]) -> None:
    """Sample all rows, or those that the cache lacks."""
    import litellm.litellm_core_utils.default_encoding  # noqa: F401 - a copy of the encoding that curator would fetch
    from bespokelabs import curator
    from datasets import Dataset

    class Sampler(curator.LLM):
        def prompt(self, input: dict[str, Any]) -> str:  # noqa: A002 - curator's name
            return input["prompt"]

        def parse(self, input: dict[str, Any], response: str) -> dict[str, Any]:  # noqa: A002
            return input | {"response": response}

    prompts = [json.loads(line) for line in Path(job["prompts"]).read_text().splitlines()]
    rows = [prompt | {"sample": sample} for prompt in prompts for sample in range(job["samples"])]
    sampler = Sampler(
        model_name=job["model"],
        backend="openai",
        generation_params={"temperature": job["temperature"], "max_tokens": job["max_tokens"]},
        backend_params={
            "base_url": job["base_url"],
            "api_key": "none",
            "max_concurrent_requests": job["concurrency"],
            "max_requests_per_minute": 1_000_000,
            "max_tokens_per_minute": 1_000_000_000,
            "invalid_finish_reasons": ["content_filter"],
        },
    )
    sampler(Dataset.from_list(rows), working_dir=str(Path(job["folder"]) / "curator"))


def count(job: dict[str, Any]) -> int:
    """Responses without errors in the lines that can be read."""
    rows = set()
    for file in Path(job["folder"]).glob("curator/*/responses_*.jsonl"):
        for line in file.read_text().splitlines():
            try:
                response = json.loads(line)
            except ValueError:
                continue
            if not response["response_errors"]:
                rows.add(response["generic_request"]["original_row_idx"])
    return len(rows)


if __name__ == "__main__":
    settings = json.loads(Path(sys.argv[2]).read_text())
    if sys.argv[1] == "run":
        run(settings)
    else:
        print(count(settings))
