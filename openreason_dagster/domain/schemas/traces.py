"""Tables of traces: what was sampled, what it cost, and how it was scored."""

import polars as pl

from openreason_dagster.domain.schemas.table import (
    MODEL,
    TEMPERATURE,
    TRACE_KEYS,
    TRACE_PARTITION,
    Column,
    Table,
    integer,
    integer_or_null,
    number,
    number_or_null,
    text,
    text_or_null,
    time,
)

SAMPLED_TRACES = Table(
    "sampled_traces",
    "One completion each, split into reasoning and answer, with its full sampling record.",
    (
        *TRACE_KEYS,
        integer("sample_index", "0-based number of the sample for this prompt, model and temperature."),
        text("fingerprint", "Hash of everything asked for that can change a completion."),
        text("reasoning", "Text inside the think block, verbatim."),
        text("answer", "Text after the think block, verbatim; empty when the block never closed."),
        text("think_state", "How the think block was delimited (see records.ThinkState)."),
        text_or_null("finish_reason", "`stop`, `length` (cut at the token limit); null when a set does not state it."),
        integer_or_null("prompt_tokens", "Tokens of the rendered prompt."),
        integer_or_null("completion_tokens", "Tokens generated."),
        number_or_null("sampling_temperature", "Temperature used; null when an imported set does not state it."),
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
        integer("attempts", "Attempts it took, 1 to 3."),
        text("sampling_record", "JSON object: every part of the fingerprint."),
        text_or_null(
            "imported_record",
            "JSON object of an imported trace: `row` and `completion` number its place in the set, `stated` is what "
            "the set says of it; null for traces sampled here.",
        ),
        text("environment", "JSON object: engine, its version, hardware and library versions."),
        text("run_id", "Dagster run that committed the row."),
        time("sampled_at", "When the completion arrived, UTC."),
    ),
    TRACE_PARTITION,
)


SAMPLING_FAILURES = Table(
    "sampling_failures",
    "Requests that were given up after their last attempt; tried again by the next run.",
    (
        *TRACE_KEYS,
        integer("sample_index", "0-based number of the sample for this prompt, model and temperature."),
        text("fingerprint", "Hash of everything asked for that can change a completion."),
        text("error", "Class of the failure, e.g. `timeout`, `http_500`, `malformed_reply`."),
        text("message", "What the boundary said."),
        integer("attempts", "Attempts made."),
        text("run_id", "Dagster run that committed the row."),
        time("failed_at", "When the last attempt failed, UTC."),
    ),
    TRACE_PARTITION,
)


SAMPLING_PLANS = Table(
    "sampling_plans",
    "Which settings a recipe's traces have; written with the first, replaced when complete under new ones.",
    (
        text("recipe", "Name of the recipe."),
        MODEL,
        TEMPERATURE,
        text("fingerprint", "Settings whose traces the recipe's data sets are made of."),
        text("sampling_record", "JSON object: every part of the fingerprint."),
        integer("planned", "Traces the recipe asks for."),
        time("planned_at", "When the plan took effect, UTC."),
    ),
    ("recipe",),
)


SAMPLING_LEDGER = Table(
    "sampling_ledger",
    "What sampling has cost, one row per commit and temperature; sums are what a recipe, a model or a run has spent.",
    (
        text("recipe", "Name of the recipe."),
        text("run_id", "Dagster run that spent it."),
        MODEL,
        TEMPERATURE,
        integer("traces", "Completions of this commit."),
        integer("failures", "Requests of this commit that were given up."),
        integer("prompt_tokens", "Tokens read; the most there can be where the server does not tell."),
        integer("completion_tokens", "Tokens generated; the most there can be where the server does not tell."),
        number("seconds", "Time since the last commit, shared among its temperatures by completions."),
        number("money", "Tokens and time at the catalogue's price."),
        text("currency", "ISO 4217 code of the money."),
        time("recorded_at", "When the commit was made, UTC."),
    ),
    ("recipe",),
)


SCORED_TRACES = Table(
    "scored_traces",
    "One column per reward, and their weighted total; joins sampled_traces on trace_id.",
    (
        *TRACE_KEYS,
        number_or_null("reward_accuracy", "1 for correct, 0 for incorrect, null when not judged."),
        number("reward_format", "1 when the reasoning is enclosed in one think block and an answer follows, else 0."),
        number_or_null(
            "reward_language_consistency",
            "Share of the reasoning's words in the prompt's language; null without words.",
        ),
        number_or_null("reward_total", "Weighted sum by the recipe; null when the accuracy is null."),
        text_or_null("dominant_language", "ISO 639-1 code of the language most of the reasoning's words are in."),
        integer("reasoning_words", "Words counted for language consistency."),
    ),
    TRACE_PARTITION,
)
