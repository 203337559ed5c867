"""A release in every format, made of eight sums: small enough for one step of a trainer."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import polars as pl
import yaml
from example_tables import filled_rows

from openreason_dagster.domain.each_part import one_by_one
from openreason_dagster.domain.inference.prompts import PLACEHOLDER, build_messages
from openreason_dagster.domain.recipe_formats import Format
from openreason_dagster.domain.release.configurations import data_files, write_configurations
from openreason_dagster.domain.release.layouts import LAYOUTS, Layout, Question
from openreason_dagster.domain.release.release_parts import ReleaseParts, write_in_parts

FORMATS: tuple[Format, ...] = get_args(Format)
ROWS = [(first, first + 3) for first in range(12, 20)]


def solved(first, second, offset=0):
    return f"<think>\n{first} + {second} makes {first + second + offset}.\n</think>\n\n{first + second + offset}"


def tables():
    texts = [
        (str(number), f"What is {first} + {second}?", first, second) for number, (first, second) in enumerate(ROWS)
    ]
    shared = {"split": "train", "language": "en", "domain": "math", "source": "sums", "license": "MIT"}
    return {
        "sft_mix": filled_rows("sft_mix", [
            shared | {"trace_id": key, "messages": [
                {"role": "user", "content": text}, {"role": "assistant", "content": solved(first, second)},
            ]} for key, text, first, second in texts
        ]),
        "rl_prompts": filled_rows("rl_prompts", [
            shared | {"prompt_id": key, "prompt": text, "reference_answer": str(first + second), "verifier": "math",
                      "verifier_spec": "{}", "pass_rate": 0.5} for key, text, first, second in texts
        ]),
        "preference_pairs": filled_rows("preference_pairs", [
            shared | {"pair_id": key, "prompt": text, "chosen": solved(first, second),
                      "rejected": solved(first, second, 1)} for key, text, first, second in texts
        ]),
        "safety_set": filled_rows("safety_set", [
            shared | {"trace_id": key, "prompt": text, "answer": solved(first, second), "label": label}
            for (key, text, first, second), label in zip(texts, ("safe", "unsafe") * 4, strict=True)
        ]),
    }  # fmt: skip


def write_sums_release(folder: Path) -> Path:
    """Write the mix into `data` and each format into its folder, five rows to a file, and a card that lists them."""
    frames = tables()
    question = Question(messages=build_messages(PLACEHOLDER, "{prompt}", None), form="messages")

    def rows(layout: Layout, split: str) -> Iterator[pl.DataFrame]:
        yield layout.arrange(frames[layout.table].filter(pl.col("split") == split), question).collect()

    of_the_mix = [name for name in FORMATS if LAYOUTS[name].table == "sft_mix"]
    plan = ReleaseParts(
        building=folder, spreading=folder / "spreading", rows_per_shard=5, rows_per_frame=5, formats=of_the_mix,
        question=question,
    )  # fmt: skip
    mix, table = frames["sft_mix"].collect(), folder / "mix.parquet"
    folder.mkdir(exist_ok=True)
    mix.write_parquet(table)
    replaced = pl.DataFrame(schema={"prompt_id": pl.String, "judged_against": pl.String})
    _, files = write_in_parts(plan, [str(table)], mix, replaced=replaced, each=one_by_one)
    table.unlink()
    others = [name for name in FORMATS if name not in of_the_mix]
    files += write_configurations(folder, others, rows=rows, per_file=5)
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump({'configs': data_files(files)})}---\n")
    return folder
