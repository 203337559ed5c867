"""Tables of what writers wrote and of conversations taken over, each with a side table of what was left out."""

from openreason_dagster.domain.schemas.table import (
    MESSAGES,
    PROMPT_ID,
    TRACE_KEYS,
    Column,
    Table,
    integer,
    integer_or_null,
    number_or_null,
    text,
    text_or_null,
)

_LICENSE = text("license", "SPDX identifier of the row's licence.")
_SOURCE = text("source", "Name of the source in the recipe.")
_SOURCE_ROW = text("source_row_id", "Identifier of the row within its source.")
_LANGUAGE = text("language", "ISO 639-1 code of the prompt's language.")
_DOMAIN = text("domain", "Domain of the prompt.")
_CONVERSATION = Column(name="messages", dtype=MESSAGES, description="The conversation, ending with an assistant turn.")
_DETAIL = text("detail", "What exactly was found.")

COLD_START_DATA = Table(
    "cold_start_data",
    "OR1: correct traces rewritten by a writer into readable first-person reasoning, summarised and verified again.",
    (
        text("trace_id", "Hash of the source trace and the written text."),
        PROMPT_ID,
        text("model", "Catalogue name of the model that sampled the source trace."),
        text("temperature", "Temperature key of the source trace."),
        text("source_trace_id", "The trace that was rewritten; joins sampled_traces on trace_id."),
        text("writer", "Catalogue name of the model that rewrote it."),
        _DOMAIN,
        _LANGUAGE,
        text("reasoning", "The rewritten reasoning."),
        text("answer", "The summary with the final answer."),
        text_or_null("extracted_answer", "The answer the verifier compared; the same as of the source trace."),
        text("verdict", "Verdict on the written answer: always correct."),
        text("verifier_version", "Version of the verifier that judged the written answer."),
        number_or_null("reward_total", "The total reward of the source trace."),
        integer("rank", "1-based place among the rows of its prompt."),
    ),
)

COLD_START_DATA_DROPPED = Table(
    "cold_start_data_dropped",
    "Correct traces at the cold start's temperature that did not become cold-start data, with the first reason.",
    (
        *TRACE_KEYS,
        text(
            "reason",
            "bad_format, mixed_language, repetitive, over_prompt_limit, over_row_limit; not_asked, writer_failed, "
            "reply_cut, reply_empty, bad_form; rewrite_in_other_language, rewrite_repetitive, no_boxed_answer, "
            "rewrite_new_numbers, new_numbers, not_verified, verdict_changed or answer_changed.",
        ),
        _DETAIL,
    ),
)

CHAT_SFT_DATA = Table(
    "chat_sft_data",
    "OR2: conversations without reasoning, taken over from the recipe's chat sources and filtered.",
    (
        text("conversation_id", "Hash of source, place in the source and normalised turns."),
        text("prompt_id", "Hash of the normalised text of the opening user turn."),
        _SOURCE,
        _SOURCE_ROW,
        _DOMAIN,
        text("language", "ISO 639-1 code: of most words where the recipe filters by language, else the source's."),
        _LICENSE,
        number_or_null("quality", "The score that the set itself states; null where it states none."),
        integer("turns", "User and assistant turns."),
        integer("characters", "Characters of all turns."),
        _CONVERSATION,
    ),
)

CHAT_SFT_DATA_DROPPED = Table(
    "chat_sft_data_dropped",
    "Rows of chat sources that were left out, with the first reason that applied.",
    (
        _SOURCE,
        _SOURCE_ROW,
        text(
            "reason",
            "bad_text, bad_turns, no_answer, has_reasoning; license, low_quality, over_short, over_long, "
            "other_language, duplicate or contaminated.",
        ),
        _DETAIL,
    ),
)

COT_PROMPTED_TRACES = Table(
    "cot_prompted_traces",
    "OR6: non-reasoning prompts answered by a writer that was asked to think first.",
    (
        text("trace_id", "Hash of the prompt and the written text."),
        PROMPT_ID,
        text("model", "Catalogue name of the writer."),
        text("temperature", "`writer`: the role it was asked in, as in sampling_ledger."),
        _SOURCE,
        _DOMAIN,
        _LANGUAGE,
        _LICENSE,
        text("prompt", "The question."),
        text("reasoning", "What the writer thought before it answered."),
        text("answer", "The answer."),
        text_or_null(
            "verdict",
            "`correct` by the prompt's verifier or the recipe's judge; `abstained` or `error` where a judge could not "
            "rate the answer and the recipe keeps it; null where nobody was asked.",
        ),
        text_or_null("verifier_version", "Version of the verifier or judge; null where nobody was asked."),
    ),
)

COT_PROMPTED_TRACES_DROPPED = Table(
    "cot_prompted_traces_dropped",
    "Non-reasoning prompts that got no prompted chain of thought, with the first reason that applied.",
    (
        PROMPT_ID,
        _SOURCE,
        text(
            "reason",
            "greeting, trivial, over_row_limit; not_asked, writer_failed, reply_cut, reply_empty, bad_form; "
            "markdown_in_reasoning, long_paragraph, mixed_language, not_verified, not_correct, rated_low or not_rated.",
        ),
        _DETAIL,
    ),
)

COT_PROMPTED_RATINGS = Table(
    "cot_prompted_ratings",
    "What the recipe's judge found of answers after thinking that no verifier decides about, kept or left out.",
    (
        text("trace_id", "Hash of the prompt and the written text; joins cot_prompted_traces where it was kept."),
        PROMPT_ID,
        text("model", "Catalogue name of the writer."),
        text("judge_model", "Catalogue name of the judge."),
        integer_or_null("score", "1 (worst) to 10; null where the judge gave none."),
        text("verdict", "correct from the recipe's least score on, incorrect below, abstained or error without score."),
        text("why", "What the judge said, its end where it is long; or why there is no score."),
        text("judge_version", "Version of question and reading, judge with settings and weights, least score."),
        text("subject_id", "Hash of request and answer: the judge's replies in model_replies."),
    ),
)

NON_REASONING_DATA = Table(
    "non_reasoning_data",
    "OR4: chat conversations (OR2) and answers after a prompted chain of thought (OR6), as the mix takes them.",
    (
        text("trace_id", "conversation_id of chat_sft_data or trace_id of cot_prompted_traces."),
        PROMPT_ID,
        text("model", "Catalogue name of the writer; `-` for a conversation that was taken over."),
        text("temperature", "`writer`, or `-` for a conversation that was taken over."),
        text("origin", "chat_sft_data or cot_prompted_traces."),
        _DOMAIN,
        _LANGUAGE,
        _SOURCE,
        _LICENSE,
        integer("rank", "1-based place among the rows of its prompt; answers after a chain of thought come first."),
        _CONVERSATION,
    ),
)

NON_REASONING_DATA_DROPPED = Table(
    "non_reasoning_data_dropped",
    "Rows of chat_sft_data and cot_prompted_traces that are not in non_reasoning_data, with the reason.",
    (
        text("trace_id", "conversation_id of chat_sft_data or trace_id of cot_prompted_traces."),
        PROMPT_ID,
        text("origin", "chat_sft_data or cot_prompted_traces."),
        text("reason", "over_prompt_limit."),
    ),
)

WRITTEN_TABLES = (
    COLD_START_DATA,
    COLD_START_DATA_DROPPED,
    CHAT_SFT_DATA,
    CHAT_SFT_DATA_DROPPED,
    COT_PROMPTED_TRACES,
    COT_PROMPTED_TRACES_DROPPED,
    COT_PROMPTED_RATINGS,
    NON_REASONING_DATA,
    NON_REASONING_DATA_DROPPED,
)
