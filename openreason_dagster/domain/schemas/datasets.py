"""Tables of training data, each with a side table of what it left out."""

from openreason_dagster.domain.schemas.table import (
    MESSAGES,
    TRACE_KEYS,
    Column,
    Table,
    integer,
    integer_or_null,
    number,
    number_or_null,
    text,
)

REASONING_DATA = Table(
    "reasoning_data",
    "OR3: verified traces kept by rejection sampling over all models and temperatures; joins on trace_id.",
    (
        *TRACE_KEYS,
        text("domain", "Domain of the prompt."),
        number("reward_total", "The total it was chosen by."),
        integer("rank", "1-based place among the kept traces of its prompt."),
    ),
)


REASONING_DATA_DROPPED = Table(
    "reasoning_data_dropped",
    "Traces that rejection sampling left out, with the first reason that applied.",
    (
        *TRACE_KEYS,
        text(
            "reason",
            "suspect_reference, truncated, not_correct, not_judged, bad_format, mixed_language, over_long, "
            "code_in_reasoning, long_paragraph, duplicate_trace or over_prompt_limit.",
        ),
    ),
)


_MIX_KEYS = (
    text("trace_id", "Identity of the row in its component; joins sampled_traces where that is reasoning_data."),
    text("prompt_id", "Identity of the prompt in its component."),
    text("model", "Catalogue name of the model that sampled or wrote it; `-` for a conversation that was taken over."),
    text("temperature", "Temperature key of the trace; `writer` or `-` for rows of non_reasoning_data."),
)

SFT_MIX = Table(
    "sft_mix",
    "Training conversations with their split and provenance.",
    (
        *_MIX_KEYS,
        text("split", "train or validation; all rows of a prompt and of its near-duplicates are in one split."),
        text("component", "The data set the row came from: reasoning_data, cold_start_data or non_reasoning_data."),
        text("domain", "Domain of the prompt."),
        text("language", "ISO 639-1 code of the prompt's language."),
        text("source", "Name of the prompt's source."),
        text("license", "SPDX identifier of the source's licence."),
        Column(
            name="messages",
            dtype=MESSAGES,
            description="Conversation; an assistant turn with reasoning is `<think>…</think>` and the answer.",
        ),
        integer_or_null("completion_tokens", "Tokens generated for the assistant's turn."),
        number_or_null("reward_total", "The total reward of the trace; null for rows of non_reasoning_data."),
    ),
)


SFT_MIX_DROPPED = Table(
    "sft_mix_dropped",
    "Rows of the component data sets that the mix left out, with the reason.",
    (
        *_MIX_KEYS,
        text("component", "The data set the row came from."),
        text(
            "reason",
            "contaminated, near_benchmark, duplicate, over_component_share, over_domain_share, over_row_limit or "
            "not_selected.",
        ),
    ),
)
