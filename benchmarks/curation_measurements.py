"""What is measured of curation, one function per child process. Arguments: name, folder, values; prints JSON."""

import json
import random
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import polars as pl
import psutil
import yaml

from openreason_dagster.commands.dagster_home import dagster_instance
from openreason_dagster.definitions import build_definitions, tables_of
from openreason_dagster.domain.curation.clusters import prompt_clusters
from openreason_dagster.domain.curation.near_duplicates import near_pairs
from openreason_dagster.domain.curation.semantic_duplicates import semantic_pairs
from openreason_dagster.domain.curation.static_embeddings import load_embedding
from openreason_dagster.domain.provenance import prompt_id, trace_id
from openreason_dagster.domain.recipe_pool import SemanticDuplicates
from openreason_dagster.domain.schemas import (
    SAMPLED_TRACES,
    SCORED_TRACES,
    SEED_PROMPTS,
    VERIFICATION_CANARIES,
    VERIFIED_TRACES,
)
from openreason_dagster.resources.ray_cluster import RayCluster
from openreason_dagster.resources.settings import Settings

SHARES = {
    "math": (0.491, 6_094),
    "code": (0.262, 7_436),
    "science": (0.013, 4_929),
    "logic": (0.013, 2_739),
    "general": (0.221, 1_420),
}
"""Share of the samples and mean tokens per domain, DeepSeek-R1 (arXiv:2501.12948, version 2), supervised data."""
CHARACTERS_PER_TOKEN = 5.6
SPREAD = 0.8
"""Standard deviation of the logarithm of the length; the paper states means alone."""
SAMPLES_PER_PROMPT = 2
NEAR_DUPLICATE_SHARE = 0.05
ROWS_AT_ONCE = 256
NOW = datetime(2025, 6, 1, tzinfo=UTC)
KEYS = {"model": "r1", "temperature": "0.6"}
RECIPE = {
    "name": "curation", "title": "Curation at size", "seed": 1, "models": ["r1"], "temperatures": [0.6],
    "sources": [
        {"name": domain, "kind": "file", "path": "rows.jsonl", "license": "MIT", "domain": domain,
         "verifier": "math", "columns": {"prompt": "prompt", "answer": "answer"}}
        for domain in SHARES
    ],
    "benchmarks": [{"name": "starter", "kind": "file", "path": "rows.jsonl", "columns": {"prompt": "prompt"}}],
    "sampling": {"samples_per_prompt": SAMPLES_PER_PROMPT, "max_tokens": 32_768},
    "release": {"license": "MIT", "rows_per_shard": 10_000},
}  # fmt: skip
CATALOGUE_ENTRY = {
    "name": "r1", "engine": "openai", "base_url": "http://127.0.0.1:9/v1", "served_model": "r1", "revision": "1",
    "license": "MIT",
}  # fmt: skip
Figures = dict[str, float]


def settings_of(folder: Path) -> Settings:
    """Root, recipe and catalogue in the folder."""
    return Settings(root=folder / "data", recipe=folder / "recipe.yaml", catalogue=folder / "catalogue")


def make(folder: Path, rows: str) -> Figures:
    """Tables of seeds and of so many correct traces, as sampling, verification and scoring would have left them."""
    (folder / "catalogue").mkdir(parents=True)
    (folder / "catalogue" / "r1.yaml").write_text(yaml.safe_dump(CATALOGUE_ENTRY))
    (folder / "recipe.yaml").write_text(yaml.safe_dump(RECIPE))
    (folder / "rows.jsonl").write_text(json.dumps({"prompt": "What is 1 + 1 in words?", "answer": "2"}) + "\n")
    tables, words = tables_of(settings_of(folder)), Words(seed=1)
    prompts = int(rows) // SAMPLES_PER_PROMPT
    for domain, (share, _) in SHARES.items():
        tables.replace("seed_prompts", seeds(domain, round(prompts * share), words), source=domain)
    plan = {
        "recipe": "curation",
        **KEYS,
        "fingerprint": "f",
        "sampling_record": "{}",
        "planned": int(rows),
        "planned_at": NOW,
    }
    tables.append("sampling_plans", pl.DataFrame([plan], schema=tables.scan("sampling_plans").collect_schema()))
    tables.replace("verification_canaries", VERIFICATION_CANARIES.frame(known_answers()), verifier="math")
    written, characters = 0, 0
    for batch in tables.scan("seed_prompts").select("prompt_id", "domain").collect().iter_slices(ROWS_AT_ONCE):
        traces = SAMPLED_TRACES.frame(sampled(batch, words))
        tables.append("sampled_traces", traces)
        tables.append("verified_traces", VERIFIED_TRACES.frame(verdict(row) for row in keys_of(traces)))
        tables.append("scored_traces", SCORED_TRACES.frame(score(row) for row in keys_of(traces)))
        written, characters = written + traces.height, characters + traces["reasoning"].str.len_bytes().sum()
    return {"traces": written, "gigabytes": characters / 1e9}


class Words:
    """Text without meaning: pieces of a long run of words, so that a trace takes no time to write."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        syllables = ["ba", "ko", "ri", "te", "lu", "san", "mo", "ver", "di", "plen", "qua", "tos"]
        vocabulary = ["".join(self.random.choices(syllables, k=self.random.randint(1, 4))) for _ in range(20_000)]
        self.text = " ".join(self.random.choices(vocabulary, k=8_000_000))

    def take(self, characters: int) -> str:
        """That many characters, less what would cut a word."""
        start = self.text.index(" ", self.random.randrange(len(self.text) - characters - 100)) + 1
        return self.text[start : start + characters].rpartition(" ")[0] or "so"


def seeds(domain: str, count: int, words: Words) -> Iterator[pl.DataFrame]:
    """Prompts of about 60 words; some repeat the one before with a word changed."""
    rows: list[dict[str, object]] = []
    text, answer = "", ""
    for number in range(count):
        if number % round(1 / NEAR_DUPLICATE_SHARE) == 1:
            text = text.replace("takes", "needs")
        else:
            text = f"{words.take(330)} takes {number % 97} of {number}, how many are left?"
            answer = str(number)
        rows.append({
            "prompt_id": prompt_id(text, "math", "{}"), "source": domain, "source_row_id": str(number),
            "domain": domain, "language": "en", "prompt": text, "reference_answer": answer, "solution": None,
            "verifier": "math", "verifier_spec": "{}", "license": "MIT",
        })  # fmt: skip
        if len(rows) == 100 * ROWS_AT_ONCE:
            yield SEED_PROMPTS.frame(rows)
            rows = []
    yield SEED_PROMPTS.frame(rows)


def sampled(prompts: pl.DataFrame, words: Words) -> Iterator[dict[str, object]]:
    """Traces with lengths spread around the mean of their domain, at most 32,768 tokens."""
    for prompt, domain in prompts.iter_rows():
        for index in range(SAMPLES_PER_PROMPT):
            mean = SHARES[domain][1] / 2.718281828 ** (SPREAD**2 / 2)
            tokens = min(32_768, round(mean * words.random.lognormvariate(0, SPREAD)))
            yield {
                "trace_id": trace_id(prompt, "r1", temperature="0.6", sample_index=index, fingerprint="f"),
                "prompt_id": prompt, **KEYS, "sample_index": index, "fingerprint": "f",
                "reasoning": words.take(max(20, round(tokens * CHARACTERS_PER_TOKEN))),
                "answer": words.take(1_200), "think_state": "opened_by_template", "finish_reason": "stop",
                "prompt_tokens": 80, "completion_tokens": tokens, "sampling_temperature": 0.6, "seed": index,
                "token_logprobs": None, "attempts": 1, "sampling_record": "{}", "imported_record": None,
                "environment": "{}", "run_id": "made", "sampled_at": NOW,
            }  # fmt: skip


def keys_of(traces: pl.DataFrame) -> Iterator[dict[str, object]]:
    """The keys of each trace."""
    yield from traces.select("trace_id", "prompt_id", *KEYS).iter_rows(named=True)


def verdict(keys: dict[str, object]) -> dict[str, object]:
    """A row of verified_traces."""
    return keys | {
        "verdict": "correct", "is_correct": True, "extracted_answer": "1", "reference_answer": "1", "method": "made",
        "message": "", "milliseconds": 0.0, "verifier_version": "made", "verified_at": NOW,
    }  # fmt: skip


def known_answers() -> Iterator[dict[str, object]]:
    """Rows of verification_canaries, judged as expected: a release needs one right and one wrong answer at least."""
    for is_right in (True, False):
        yield dict.fromkeys(VERIFICATION_CANARIES.schema, "made") | {
            "verifier": "math", "is_right": is_right, "outcome": "as_expected", "verified_at": NOW,
        }  # fmt: skip


def score(keys: dict[str, object]) -> dict[str, object]:
    """A row of scored_traces."""
    return keys | {
        "reward_accuracy": 1.0, "reward_format": 1.0, "reward_language_consistency": 1.0, "reward_total": 3.0,
        "dominant_language": "en", "reasoning_words": 100,
    }  # fmt: skip


def stage(folder: Path, asset: str) -> Figures:
    """One asset, without its checks, as a Dagster run on the tables of the folder."""
    settings = settings_of(folder)
    job = "build_pool" if asset == "prompt_pool" else "build_datasets"
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    with dagster_instance(settings) as instance:
        definition = build_definitions(settings).resolve_job_def(job)
        started = clocks()
        definition.execute_in_process(instance=instance, run_config=quiet, asset_selection=[dg.AssetKey(asset)])
        return measured(started)


def stage_on(folder: Path, asset: str, runner: str) -> Figures:
    """The same, with curation here or on a Ray cluster of this machine, whose start is not counted; small shards."""
    curation, release = {"runner": runner}, {"license": "MIT", "rows_per_shard": 1_000}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(RECIPE | {"curation": curation, "release": release}))
    with RayCluster() if runner == "ray" else nullcontext():
        before = processor_seconds()
        return stage(folder, asset) | {"processor_seconds": processor_seconds() - before}


def processor_seconds() -> float:
    """Processor time of this process and of all that it started, and that these started, so far."""
    own, total = psutil.Process(), 0.0
    for process in (own, *own.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            total += sum(process.cpu_times()[:4])
    return total


def near_duplicates(folder: Path, rows: str) -> Figures:
    """Pairs and clusters among so many short prompts, without a table."""
    del folder
    frame = pl.concat(seeds("math", int(rows), Words(seed=1)))
    before = peak_megabytes()
    started = clocks()
    clusters = prompt_clusters(frame, near_pairs(frame, similarity=0.8))
    found = measured(started)
    repeats = clusters.filter(pl.col("kind") == "near_duplicate").height
    return found | {"before_megabytes": before, "near_duplicates": repeats}


def make_prompts(folder: Path, rows: str, kind: str) -> Figures:
    """A static model, and so many prompts: problems, or open ones without any number or answer."""
    words = Words(seed=1)
    save_vectors(folder, words)
    frame = pl.concat(seeds("math", int(rows), words))
    if kind == "open":
        text = pl.col("prompt").str.extract(r"^(.*) \d+ of \d+,")
        frame = frame.with_columns(prompt=text, reference_answer=pl.lit(""))
    frame.write_parquet(folder / "prompts.parquet")
    return {}


def semantic_duplicates(folder: Path) -> Figures:
    """Pairs and clusters by meaning among the prompts that `make_prompts` left in the folder."""
    frame = pl.read_parquet(folder / "prompts.parquet")
    embed = load_embedding(SemanticDuplicates(model=str(folder)), Path())
    before = peak_megabytes()
    started = clocks()
    pairs = semantic_pairs(frame, embed, similarity=0.9)
    clusters = prompt_clusters(frame, pairs.clear(), semantic=pairs)
    found = measured(started)
    repeats = clusters.filter(pl.col("kind") == "semantic_duplicate").height
    return found | {"before_megabytes": before, "semantic_duplicates": repeats}


def save_vectors(folder: Path, words: Words) -> None:
    """A static model with 256 numbers for each word; they mean nothing, which changes neither time nor memory."""
    import numpy as np
    from model2vec import StaticModel
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Digits, Sequence, Whitespace

    own = ["takes", "needs", "of", "how", "many", "are", "left", ",", "?", *"0123456789"]
    vocabulary = ["[UNK]", *sorted({*words.text.split(), *own})]
    tokenizer = Tokenizer(WordLevel({word: place for place, word in enumerate(vocabulary)}, unk_token=vocabulary[0]))
    tokenizer.pre_tokenizer = Sequence([Whitespace(), Digits(individual_digits=True)])
    vectors = np.random.default_rng(1).normal(size=(len(vocabulary), 256)).astype(np.float32)
    StaticModel(vectors, tokenizer).save_pretrained(folder)


def clocks() -> tuple[float, float]:
    """Seconds on the wall, and of processor time of all threads: the second hardly depends on what else runs."""
    return time.perf_counter(), time.process_time()


def measured(started: tuple[float, float]) -> Figures:
    """Seconds and processor seconds since then, and the most memory that the process has had."""
    seconds, processor = (now - before for now, before in zip(clocks(), started, strict=True))
    return {"seconds": seconds, "processor_seconds": processor, "megabytes": peak_megabytes()}


def peak_megabytes() -> float:
    """Largest resident set of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])))
