"""Table of what models in a role replied: judges, writers."""

from openreason_dagster.domain.schemas.table import (
    MESSAGES,
    Column,
    Table,
    integer,
    integer_or_null,
    text,
    text_or_null,
    time,
)

MODEL_REPLIES = Table(
    "model_replies",
    "What a model in a role was asked and what it replied; a question asked before is not asked again.",
    (
        text("reply_id", "Hash of role, subject, part, attempt, settings and the question's messages."),
        text("role", "What the model was asked as, e.g. `judge`; costs stand under it in sampling_ledger."),
        text("model", "Catalogue name of the model that replied."),
        text("subject_id", "What the question is about, e.g. a trace_id; said by the stage that asks."),
        text("part", "Which of the questions about the subject, e.g. `forward`."),
        integer("attempt", "1-based number of the attempt; a further one follows a reply that could not be used."),
        text("fingerprint", "Hash of everything but the messages that can change the reply."),
        Column(name="messages", dtype=MESSAGES, description="The question."),
        text_or_null("reasoning", "Text inside the think block, verbatim; null where there is no reply."),
        text_or_null("reply", "Text after the think block, verbatim; null where there is no reply."),
        text_or_null("finish_reason", "`stop` or `length` (cut at the token limit)."),
        integer_or_null("prompt_tokens", "Tokens of the question."),
        integer_or_null("completion_tokens", "Tokens generated."),
        text_or_null("error", "Class of the failure where there is no reply; asked again by the next run."),
        text_or_null("message", "What the boundary said of the failure."),
        text("environment", "JSON object: engine, its version, hardware and library versions."),
        text("run_id", "Dagster run that asked."),
        time("replied_at", "When the reply was committed, UTC."),
    ),
    ("role", "model"),
)
