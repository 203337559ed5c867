"""A distilabel pipeline of one text generation step. Arguments: `run` or `count`, and the job's JSON file.

The samples of a prompt are one request (`n`), and a batch is distilabel's default of 50 prompts. It is found again by
its cache folder, which is kept below the job's.
"""

import json
import sys
from pathlib import Path
from typing import Any


def run(job: dict[str, Any]) -> None:
    """Run the pipeline, or go on where its cache ends."""
    from distilabel.models.llms import OpenAILLM
    from distilabel.pipeline import Pipeline
    from distilabel.steps import LoadDataFromDicts
    from distilabel.steps.tasks import TextGeneration

    prompts = [json.loads(line) for line in Path(job["prompts"]).read_text().splitlines()]
    with Pipeline(name="sampling", cache_dir=str(Path(job["folder"]) / "cache")) as pipeline:
        load = LoadDataFromDicts(data=[{"id": each["id"], "instruction": each["prompt"]} for each in prompts])
        generate = TextGeneration(
            llm=OpenAILLM(
                model=job["model"],
                base_url=job["base_url"],
                api_key="none",
                timeout=600,
                generation_kwargs={"temperature": job["temperature"], "max_new_tokens": job["max_tokens"]},
            ),
            num_generations=job["samples"],
            group_generations=True,
            use_default_structured_output=False,
        )
        load >> generate
    pipeline.run(use_cache=True)


def count(job: dict[str, Any]) -> int:
    """Generations in the Parquet files of the step's output that can be read."""
    import pyarrow
    from pyarrow import parquet

    samples = 0
    for file in Path(job["folder"]).glob("cache/**/steps_outputs/**/*.parquet"):
        try:
            rows = parquet.read_table(file, columns=["generation"])["generation"].to_pylist()
        except (OSError, pyarrow.ArrowInvalid):
            continue
        samples += sum(generation is not None for row in rows for generation in row)
    return samples


if __name__ == "__main__":
    settings = json.loads(Path(sys.argv[2]).read_text())
    if sys.argv[1] == "run":
        run(settings)
    else:
        print(count(settings))
