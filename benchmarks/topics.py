"""How well groups found by meaning agree with topics that sources state, and what they are called.

`python -m benchmarks.topics --model FOLDER FILE...`: FOLDER has a model of model2vec, each row of the JSONL files (also
`.gz`) a question or problem and its topic. The stated topics are hidden, the groups are found and compared with them.
"""

import argparse
import time
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from benchmarks.paraphrases import rows_of, stated
from openreason_dagster.domain.curation.static_embeddings import load_topic_embedding
from openreason_dagster.domain.curation.topics import with_topics
from openreason_dagster.domain.provenance import prompt_id
from openreason_dagster.domain.recipe_pool import Topics

STATED = ("topic", "type", "category", "subject")
SHOWN = 12


def main() -> None:
    """Group and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="folder with a model of model2vec")
    parser.add_argument("--count", type=int, default=50, help="groups")
    parser.add_argument("files", type=Path, nargs="+", help="JSONL files")
    options = parser.parse_args()
    embed = load_topic_embedding(Topics(model=str(options.model.absolute())), Path())
    for path in options.files:
        prompts = pl.DataFrame([described(row) for row in rows_of(path)]).unique("prompt_id", maintain_order=True)
        start = time.process_time()
        found = with_topics(prompts.with_columns(topic=pl.lit(None, pl.String)), embed, count=options.count)
        seconds = time.process_time() - start
        report(path.name, found.with_columns(prompts["stated"]).drop_nulls("topic"), seconds)


def described(row: Mapping[str, object]) -> dict[str, str]:
    """A prompt, and what its source says that it is about."""
    question, _ = stated(row)
    topic = next(str(row[key]) for key in STATED if key in row)
    return {"prompt_id": prompt_id(question, "math", "{}"), "prompt": question, "stated": topic}


def report(name: str, found: pl.DataFrame, seconds: float) -> None:
    """Agreement, and the largest groups with their main stated topic and its share."""
    pairs = found.group_by("topic", "stated").len("prompts").sort("prompts", descending=True)
    groups = pairs.group_by("topic", maintain_order=True).agg(
        pl.col("stated").first(), main=pl.col("prompts").first(), prompts=pl.col("prompts").sum()
    )
    largest = found["stated"].value_counts()["count"].max()
    print(
        f"\n{name}: {found.height:,} prompts of {found['stated'].n_unique()} stated topics in {groups.height} groups, "
        f"{seconds:.0f} s of processor time; main topic of their group {groups['main'].sum() / found.height:.0%}, "
        f"largest stated topic {int(str(largest)) / found.height:.0%}\n"
    )
    print("| group | prompts | main topic | share |\n|---|---:|---|---:|")
    for topic, main_topic, main, prompts in groups.sort("prompts", descending=True).head(SHOWN).iter_rows():
        print(f"| {topic} | {prompts} | {main_topic} | {main / prompts:.0%} |")


if __name__ == "__main__":
    main()
