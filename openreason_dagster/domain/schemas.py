"""Every table of the platform, described once: name, columns with their meaning, and partition columns.

A table's name is its asset's key. Side tables (`*_dropped`, `*_failures`) hold what a stage set aside, with the
reason. Nothing outside this module spells out a schema.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import polars as pl

UTC_TIMESTAMP = pl.Datetime("us", "UTC")
MESSAGES = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column: its type, whether it may be null, and what it means."""

    name: str
    dtype: pl.DataType
    description: str
    nullable: bool = False


@dataclass(frozen=True)
class Table:
    """One Delta table."""

    name: str
    description: str
    columns: tuple[Column, ...]
    partition_by: tuple[str, ...] = ()

    @cached_property
    def schema(self) -> pl.Schema:
        """Column names and Polars types, in order."""
        return pl.Schema({column.name: column.dtype for column in self.columns})

    def frame(self, rows: Iterable[dict[str, object]]) -> pl.DataFrame:
        """A frame with exactly this table's schema from an iterable of row dictionaries."""
        return pl.DataFrame(list(rows), schema=self.schema, orient="row")


def _text(name: str, description: str) -> Column:
    return Column(name=name, dtype=pl.String(), description=description)


def _text_or_null(name: str, description: str) -> Column:
    return Column(name=name, dtype=pl.String(), description=description, nullable=True)


def _integer(name: str, description: str) -> Column:
    return Column(name=name, dtype=pl.Int64(), description=description)


def _integer_or_null(name: str, description: str) -> Column:
    return Column(name=name, dtype=pl.Int64(), description=description, nullable=True)


def _number(name: str, description: str) -> Column:
    return Column(name=name, dtype=pl.Float64(), description=description)


def _number_or_null(name: str, description: str) -> Column:
    return Column(name=name, dtype=pl.Float64(), description=description, nullable=True)


def _time(name: str, description: str) -> Column:
    return Column(name=name, dtype=UTC_TIMESTAMP, description=description)


_PROMPT_ID = _text("prompt_id", "Hash of the normalised prompt text and its verifier specification.")
_TRACE_ID = _text("trace_id", "Hash of prompt, model, temperature, sample index and fingerprint.")
_MODEL = _text("model", "Catalogue name of the model; a partition key.")
_TEMPERATURE = _text("temperature", "Temperature as a partition key, e.g. `0.6`, or `imported`.")
_UNBIASED = "Unbiased estimate; null without so many judged traces, in the first round where sampling is adaptive."
_TRACE_PARTITION = ("model", "temperature")
_SEED_COLUMNS = (
    _PROMPT_ID,
    _text("source", "Name of the source in the recipe."),
    _text("source_row_id", "Identifier of the row within its source."),
    _text("domain", "math, code, science, logic, instruction or general."),
    _text("language", "ISO 639-1 code of the prompt's language."),
    _text("prompt", "The question as the source states it."),
    _text_or_null(
        "reference_answer", "The answer to verify against, after extraction; null where the kind needs none."
    ),
    _text_or_null("solution", "The source's worked solution, used for decontamination."),
    _text("verifier", "Verifier kind: math, choice, exact, numeric, procedural, instruction or code."),
    _text("verifier_spec", "JSON object with options of the verifier kind."),
    _text("license", "SPDX identifier of the source's licence."),
)
_TRACE_KEYS = (_TRACE_ID, _PROMPT_ID, _MODEL, _TEMPERATURE)

SEED_PROMPTS = Table("seed_prompts", "Prompts of each source with reference and verifier.", _SEED_COLUMNS, ("source",))

SEED_PROMPTS_DROPPED = Table(
    "seed_prompts_dropped",
    "Source rows that could not become seed prompts, with the reason.",
    (
        _text("source", "Name of the source in the recipe."),
        _text("source_row_id", "Identifier of the row within its source."),
        _text("reason", "Why the row was set aside, e.g. `no_prompt`, `no_reference`."),
        _text("detail", "What exactly was found."),
    ),
    ("source",),
)

BENCHMARK_PROMPTS = Table(
    "benchmark_prompts",
    "Evaluation questions; used to decontaminate and to evaluate, never to train.",
    (
        _text("benchmark", "Name of the benchmark in the recipe."),
        _text("benchmark_row_id", "Identifier of the row within the benchmark."),
        _text("prompt", "The question."),
        _text_or_null("solution", "The worked solution, if the benchmark has one."),
    ),
)

PROMPT_POOL = Table(
    "prompt_pool", "Prompts that may be sampled: unique, uncontaminated, with an audited reference.", _SEED_COLUMNS
)

PROMPT_POOL_DROPPED = Table(
    "prompt_pool_dropped",
    "Seed prompts kept out of the pool, with the reason.",
    (
        _PROMPT_ID,
        _text("source", "Name of the source in the recipe."),
        _text("source_row_id", "Identifier of the row within its source."),
        _text("prompt", "The question as the source states it."),
        _text("reason", "duplicate, contaminated, no_reference or bad_reference."),
        _text("detail", "The prompt it duplicates, the benchmark row it overlaps, or the verifier's message."),
    ),
)

SAMPLED_TRACES = Table(
    "sampled_traces",
    "One completion each, split into reasoning and answer, with its full sampling record.",
    (
        *_TRACE_KEYS,
        _integer("sample_index", "0-based number of the sample for this prompt, model and temperature."),
        _text("fingerprint", "Hash of everything asked for that can change a completion."),
        _text("reasoning", "Text inside the think block, verbatim."),
        _text("answer", "Text after the think block, verbatim; empty when the block never closed."),
        _text("think_state", "How the think block was delimited (see records.ThinkState)."),
        _text_or_null("finish_reason", "`stop`, `length` (cut at the token limit); null when a set does not state it."),
        _integer_or_null("prompt_tokens", "Tokens of the rendered prompt."),
        _integer_or_null("completion_tokens", "Tokens generated."),
        _number_or_null("sampling_temperature", "Temperature used; null when an imported set does not state it."),
        Column(
            name="seed",
            dtype=pl.Int64(),
            description="Seed the completion was drawn with; null where the engine did not use one of ours.",
            nullable=True,
        ),
        Column(
            name="token_logprobs",
            dtype=pl.List(pl.Float64()),
            description="Natural logarithm of each generated token's probability; null unless asked for.",
            nullable=True,
        ),
        _integer("attempts", "Attempts it took, 1 to 3."),
        _text("sampling_record", "JSON object: every part of the fingerprint."),
        _text_or_null(
            "imported_record",
            "JSON object of an imported trace: `row` and `completion` number its place in the set, `stated` is what "
            "the set says of it; null for traces sampled here.",
        ),
        _text("environment", "JSON object: engine, its version, hardware and library versions."),
        _text("run_id", "Dagster run that committed the row."),
        _time("sampled_at", "When the completion arrived, UTC."),
    ),
    _TRACE_PARTITION,
)

SAMPLING_FAILURES = Table(
    "sampling_failures",
    "Requests that were given up after their last attempt; tried again by the next run.",
    (
        *_TRACE_KEYS,
        _integer("sample_index", "0-based number of the sample for this prompt, model and temperature."),
        _text("fingerprint", "Hash of everything asked for that can change a completion."),
        _text("error", "Class of the failure, e.g. `timeout`, `http_500`, `malformed_reply`."),
        _text("message", "What the boundary said."),
        _integer("attempts", "Attempts made."),
        _text("run_id", "Dagster run that committed the row."),
        _time("failed_at", "When the last attempt failed, UTC."),
    ),
    _TRACE_PARTITION,
)

SAMPLING_PLANS = Table(
    "sampling_plans",
    "Which settings a recipe's traces have; written with the first, replaced when complete under new ones.",
    (
        _text("recipe", "Name of the recipe."),
        _MODEL,
        _TEMPERATURE,
        _text("fingerprint", "Settings whose traces the recipe's data sets are made of."),
        _text("sampling_record", "JSON object: every part of the fingerprint."),
        _integer("planned", "Traces the recipe asks for."),
        _time("planned_at", "When the plan took effect, UTC."),
    ),
    ("recipe",),
)

SAMPLING_LEDGER = Table(
    "sampling_ledger",
    "What sampling has cost, one row per commit and temperature; sums are what a recipe, a model or a run has spent.",
    (
        _text("recipe", "Name of the recipe."),
        _text("run_id", "Dagster run that spent it."),
        _MODEL,
        _TEMPERATURE,
        _integer("traces", "Completions of this commit."),
        _integer("failures", "Requests of this commit that were given up."),
        _integer("prompt_tokens", "Tokens read; the most there can be where the server does not tell."),
        _integer("completion_tokens", "Tokens generated; the most there can be where the server does not tell."),
        _number("seconds", "Time since the last commit, shared among its temperatures by completions."),
        _number("money", "Tokens and time at the catalogue's price."),
        _text("currency", "ISO 4217 code of the money."),
        _time("recorded_at", "When the commit was made, UTC."),
    ),
    ("recipe",),
)

VERIFIED_TRACES = Table(
    "verified_traces",
    "One verdict per trace, with evidence; joins sampled_traces on trace_id.",
    (
        *_TRACE_KEYS,
        _text("verdict", "correct, incorrect, no_answer, truncated, bad_reference, timeout, error or abstained."),
        Column(
            name="is_correct",
            dtype=pl.Boolean(),
            description="Null unless the verdict is correct or incorrect.",
            nullable=True,
        ),
        _text_or_null("extracted_answer", "The answer the verifier compared."),
        _text_or_null("reference_answer", "What it was compared with."),
        _text("method", "How the verdict was reached."),
        _text("message", "The verifier's evidence in words."),
        _number("milliseconds", "Time the comparison took; 0 where an identical pair was already judged."),
        _text("verifier_version", "Version of the verifier that judged."),
        _time("verified_at", "When the verdict was committed, UTC."),
    ),
    _TRACE_PARTITION,
)

VERIFICATION_CANARIES = Table(
    "verification_canaries",
    "Answers whose verdict is known, as the verifiers judged them in the last run: how often these are wrong.",
    (
        _text("canary_id", "Verifier kind and number within its set."),
        _text("canary_set", "First 12 hexadecimal digits of the SHA-256 of the kind's file of canaries."),
        _text("verifier", "Kind of verifier."),
        _text("verifier_version", "Version of the verifier that judged."),
        _text_or_null("reference_answer", "What the answer was compared with."),
        _text("answer", "The answer that was judged."),
        _text("trap", "What the answer tries, in words."),
        Column(name="is_right", dtype=pl.Boolean(), description="Whether the answer is known to be right."),
        _text("verdict", "As in verified_traces."),
        _text("outcome", "as_expected, false_accept, false_reject, or unjudged where a machine failed."),
        _text_or_null("extracted_answer", "The answer the verifier compared."),
        _text("method", "How the verdict was reached."),
        _text("message", "The verifier's evidence in words."),
        _text("run_id", "Dagster run that judged them."),
        _time("verified_at", "When they were judged, UTC."),
    ),
    ("verifier",),
)

SCORED_TRACES = Table(
    "scored_traces",
    "One column per reward, and their weighted total; joins sampled_traces on trace_id.",
    (
        *_TRACE_KEYS,
        _number_or_null("reward_accuracy", "1 for correct, 0 for incorrect, null when not judged."),
        _number("reward_format", "1 when the reasoning is enclosed in one think block and an answer follows, else 0."),
        _number_or_null(
            "reward_language_consistency",
            "Share of the reasoning's words in the prompt's language; null without words.",
        ),
        _number_or_null("reward_total", "Weighted sum by the recipe; null when the accuracy is null."),
        _text_or_null("dominant_language", "ISO 639-1 code of the language most of the reasoning's words are in."),
        _integer("reasoning_words", "Words counted for language consistency."),
    ),
    _TRACE_PARTITION,
)

PROMPT_STATISTICS = Table(
    "prompt_statistics",
    "Per prompt, model and temperature: samples, verdicts, pass@k, majority answer, difficulty band.",
    (
        _PROMPT_ID,
        _MODEL,
        _TEMPERATURE,
        _text("domain", "Domain of the prompt."),
        _integer("samples", "Traces sampled."),
        _integer("judged", "Traces with verdict correct or incorrect."),
        _integer("correct", "Traces with verdict correct."),
        _number_or_null("pass_at_1", _UNBIASED),
        _number_or_null("pass_at_2", _UNBIASED),
        _number_or_null("pass_at_4", _UNBIASED),
        _number_or_null("pass_at_8", _UNBIASED),
        _text_or_null("majority_answer", "Most frequent extracted answer; smallest text on a tie."),
        Column(
            name="is_majority_correct",
            dtype=pl.Boolean(),
            description="Whether the majority answer was judged correct.",
            nullable=True,
        ),
        _text("difficulty_band", "unsolved, hard (<=0.25), medium (<=0.75), easy (<1), solved, or unknown."),
    ),
)

REASONING_DATA = Table(
    "reasoning_data",
    "OR3: verified traces kept by rejection sampling over all models and temperatures; joins on trace_id.",
    (
        *_TRACE_KEYS,
        _text("domain", "Domain of the prompt."),
        _number("reward_total", "The total it was chosen by."),
        _integer("rank", "1-based place among the kept traces of its prompt."),
    ),
)

REASONING_DATA_DROPPED = Table(
    "reasoning_data_dropped",
    "Traces that rejection sampling left out, with the first reason that applied.",
    (
        *_TRACE_KEYS,
        _text(
            "reason",
            "truncated, not_correct, bad_format, mixed_language, over_long, duplicate_trace or over_prompt_limit.",
        ),
    ),
)

SFT_MIX = Table(
    "sft_mix",
    "Training conversations with their split and provenance.",
    (
        *_TRACE_KEYS,
        _text("split", "train or validation; all rows of a prompt are in one split."),
        _text("component", "The data set the row came from, e.g. reasoning_data."),
        _text("domain", "Domain of the prompt."),
        _text("language", "ISO 639-1 code of the prompt's language."),
        _text("source", "Name of the prompt's source."),
        _text("license", "SPDX identifier of the source's licence."),
        Column(
            name="messages",
            dtype=MESSAGES,
            description="Conversation: user prompt, assistant `<think>…</think>` and answer.",
        ),
        _integer_or_null("completion_tokens", "Tokens generated for the assistant's turn."),
        _number("reward_total", "The total reward of the trace."),
    ),
)

SFT_MIX_DROPPED = Table(
    "sft_mix_dropped",
    "Rows of the component data sets that the mix left out, with the reason.",
    (
        *_TRACE_KEYS,
        _text("component", "The data set the row came from."),
        _text("reason", "over_domain_share or over_row_limit."),
    ),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        SEED_PROMPTS,
        SEED_PROMPTS_DROPPED,
        BENCHMARK_PROMPTS,
        PROMPT_POOL,
        PROMPT_POOL_DROPPED,
        SAMPLED_TRACES,
        SAMPLING_FAILURES,
        SAMPLING_PLANS,
        SAMPLING_LEDGER,
        VERIFIED_TRACES,
        VERIFICATION_CANARIES,
        SCORED_TRACES,
        PROMPT_STATISTICS,
        REASONING_DATA,
        REASONING_DATA_DROPPED,
        SFT_MIX,
        SFT_MIX_DROPPED,
    )
}
