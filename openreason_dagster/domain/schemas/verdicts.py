"""Tables of verdicts: on traces, on answers whose verdict is known, and what follows for prompts."""

import polars as pl

from openreason_dagster.domain.schemas.table import (
    MODEL,
    PROMPT_ID,
    TEMPERATURE,
    TRACE_KEYS,
    TRACE_PARTITION,
    Column,
    Table,
    integer,
    number,
    number_or_null,
    text,
    text_or_null,
    time,
)

_UNBIASED = "Unbiased estimate; null without so many judged traces, in the first round where sampling is adaptive."

VERIFIED_TRACES = Table(
    "verified_traces",
    "One verdict per trace, with evidence; joins sampled_traces on trace_id.",
    (
        *TRACE_KEYS,
        text("verdict", "correct, incorrect, no_answer, truncated, bad_reference, timeout, error or abstained."),
        Column(
            name="is_correct",
            dtype=pl.Boolean(),
            description="Null unless the verdict is correct or incorrect.",
            nullable=True,
        ),
        text_or_null("extracted_answer", "The answer the verifier compared."),
        text_or_null("reference_answer", "What it was compared with."),
        text("method", "How the verdict was reached."),
        text("message", "The verifier's evidence in words."),
        number("milliseconds", "Time the comparison took; 0 where an identical pair was already judged."),
        text("verifier_version", "Version of the verifier that judged."),
        time("verified_at", "When the verdict was committed, UTC."),
    ),
    TRACE_PARTITION,
)


JUDGE_VERDICTS = Table(
    "judge_verdicts",
    "What a judge model found of an answer, beside the rule's verdict; only of answers it was asked about.",
    (
        *TRACE_KEYS,
        text("rule_verdict", "Verdict of the rule; error for the kind judge, which has none."),
        text("judge_verdict", "correct, incorrect, abstained, or error where the judge could not be asked."),
        text("verdict", "What both make together by the recipe, as in verified_traces."),
        text("judge_model", "Catalogue name of the judge."),
        text("first_pass", "correct, incorrect, unsure, unreadable, or the class of a failure."),
        text_or_null("second_pass", "The same with the texts in another order; null unless the first said correct."),
        text("analysis", "What the judge said, its end where it is long."),
        text("subject_id", "Hash of question, reference and answer: its replies in model_replies."),
        time("judged_at", "When the verdict was found, UTC."),
    ),
    TRACE_PARTITION,
)

VERIFICATION_CANARIES = Table(
    "verification_canaries",
    "Answers whose verdict is known, as the verifiers judged them in the last run: how often these are wrong.",
    (
        text("canary_id", "Verifier kind and number within its set."),
        text("canary_set", "First 12 hexadecimal digits of the SHA-256 of the kind's file of canaries."),
        text("verifier", "Kind of verifier."),
        text("verifier_version", "Version of the verifier that judged."),
        text_or_null("reference_answer", "What the answer was compared with."),
        text("answer", "The answer that was judged."),
        text("trap", "What the answer tries, in words."),
        Column(name="is_right", dtype=pl.Boolean(), description="Whether the answer is known to be right."),
        text("verdict", "As in verified_traces."),
        text(
            "outcome",
            "as_expected, false_accept, false_reject, or unjudged where a machine failed.",
        ),
        text_or_null("extracted_answer", "The answer the verifier compared."),
        text("method", "How the verdict was reached."),
        text("message", "The verifier's evidence in words."),
        text("run_id", "Dagster run that judged them."),
        time("verified_at", "When they were judged, UTC."),
    ),
    ("verifier",),
)


PROMPT_STATISTICS = Table(
    "prompt_statistics",
    "Per prompt, model and temperature: samples, verdicts, pass@k, majority answer, difficulty band.",
    (
        PROMPT_ID,
        MODEL,
        TEMPERATURE,
        text("domain", "Domain of the prompt."),
        integer("samples", "Traces sampled."),
        integer("judged", "Traces with verdict correct or incorrect."),
        integer("correct", "Traces with verdict correct."),
        number_or_null("pass_at_1", _UNBIASED),
        number_or_null("pass_at_2", _UNBIASED),
        number_or_null("pass_at_4", _UNBIASED),
        number_or_null("pass_at_8", _UNBIASED),
        text_or_null("majority_answer", "Most frequent extracted answer; smallest text on a tie."),
        Column(
            name="is_majority_correct",
            dtype=pl.Boolean(),
            description="Whether the majority answer was judged correct.",
            nullable=True,
        ),
        text("difficulty_band", "unsolved, hard (<=0.25), medium (<=0.75), easy (<1), solved, or unknown."),
    ),
)


SUSPECT_REFERENCES = Table(
    "suspect_references",
    "Prompts whose samples never agree with the stated reference but agree with each other: likely bad references.",
    (
        PROMPT_ID,
        text("domain", "Domain of the prompt."),
        text("verifier", "Kind of verifier."),
        text("reference_answer", "The stated reference, which no sample agrees with."),
        text("majority_answer", "What the samples agree on, in its most frequent spelling."),
        integer("votes", "Samples that gave the majority answer, in any spelling that the verifier takes as equal."),
        integer("answers", "Samples with an extracted answer, judged or not."),
        number("agreement", "votes / answers."),
        integer("judged", "Samples with verdict incorrect; none is correct."),
        Column(name="models", dtype=pl.List(pl.String()), description="Models that gave the majority answer, sorted."),
        text(
            "treatment",
            "kept, dropped or replaced: what became of the prompt. A recipe that replaces keeps those whose majority "
            "answer the verifier does not accept as a reference.",
        ),
    ),
)


REPLACED_VERDICTS = Table(
    "replaced_verdicts",
    "Verdicts on the traces of replaced references, against the majority answer; those against the stated reference "
    "stay in verified_traces. Empty unless the recipe replaces.",
    VERIFIED_TRACES.columns,
)
