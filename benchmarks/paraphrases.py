"""How many reworded questions a static model finds, and how many pairs among real problems, for several similarities.

`python -m benchmarks.paraphrases --model FOLDER [--problems FILE...]`: FOLDER has a model of model2vec, each row of the
JSONL files (also `.gz`) a question, problem or instruction and its answer, if there is one. `--show 0.9` prints the
pairs found, the least alike first.
"""

import argparse
import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from openreason_dagster.domain.curation.near_duplicates import near_pairs
from openreason_dagster.domain.curation.semantic_duplicates import semantic_pairs
from openreason_dagster.domain.curation.static_embeddings import load_embedding
from openreason_dagster.domain.recipe_pool import SemanticDuplicates

DATA = Path(__file__).parents[1] / "tests" / "data"
SIMILARITIES = (0.8, 0.85, 0.9, 0.95)
QUESTIONS = ("question", "problem", "Problem", "instruction")
KINDS = ("light", "reworded")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="folder with a model of model2vec")
    parser.add_argument("--problems", type=Path, nargs="*", default=[], help="JSONL files")
    parser.add_argument("--show", type=float, help="print the pairs among the problems of this similarity")
    options = parser.parse_args()
    embed = load_embedding(SemanticDuplicates(model=str(options.model.absolute())), Path())
    planted = list(rows_of(DATA / "paraphrases" / "paraphrases.jsonl"))
    questions = frame([(original(row), "1") for row in planted] + [(str(row["prompt"]), "1") for row in planted])
    stated_problems = frame([stated(row) for path in options.problems for row in rows_of(path)])
    problems = stated_problems.unique("prompt", keep="first", maintain_order=True)
    print(f"{len(planted)} reworded questions, {problems.height:,} problems\n")
    columns = (*KINDS, "pairs among problems", "problems like an earlier one")
    print("| | " + " | ".join(columns) + " |\n|---|" + "---:|" * len(columns))
    found = [("near-duplicates", near_pairs(questions, similarity=0.8), near_pairs(problems, similarity=0.8))]
    for least in SIMILARITIES:
        both = (semantic_pairs(rows, embed, similarity=least) for rows in (questions, problems))
        found.append((f"semantic, {least}", *both))
    for name, among_questions, among_problems in found:
        numbers = (*recall(planted, among_questions), among_problems.height, among_problems["row"].n_unique())
        print(f"| {name} | " + " | ".join(map(str, numbers)) + " |")
    if options.show:
        for row, earlier, likeness in (
            semantic_pairs(problems, embed, similarity=options.show).sort("similarity").rows()
        ):
            print(f"\n{likeness:.3f}\n{problems['prompt'][earlier]}\n- - -\n{problems['prompt'][row]}")


def rows_of(path: Path) -> Iterator[Mapping[str, object]]:
    """The rows of a JSONL file."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def original(planted: Mapping[str, object]) -> str:
    """The benchmark's question that was reworded."""
    rows = (DATA / str(planted["benchmark"]) / "test.jsonl").read_text(encoding="utf-8").splitlines()
    return stated(json.loads(rows[int(str(planted["row"]))]))[0]


def stated(row: Mapping[str, object]) -> tuple[str, str]:
    """Question and answer, the last part of a worked one."""
    question = next(str(row[key]) for key in QUESTIONS if key in row)
    return question, str(row.get("answer", "")).rpartition("####")[2].strip()


def frame(rows: list[tuple[str, str]]) -> pl.DataFrame:
    """What both searches ask for."""
    named = pl.DataFrame(rows, schema={"prompt": pl.String, "reference_answer": pl.String}, orient="row")
    return named.with_columns(verifier=pl.lit("math"), verifier_spec=pl.lit("{}"))


def recall(planted: list[Mapping[str, object]], pairs: pl.DataFrame) -> list[int]:
    """Of each kind, how many are paired with what they reword."""
    found = set(pairs.select("row", "earlier_row").rows())
    return [
        sum((len(planted) + place, place) in found for place, row in enumerate(planted) if row["kind"] == kind)
        for kind in KINDS
    ]


if __name__ == "__main__":
    main()
