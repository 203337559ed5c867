"""Tables of what judges and reward models found of answers that no verifier decides about."""

import polars as pl

from openreason_dagster.domain.schemas.table import (
    PROMPT_ID,
    TRACE_KEYS,
    Column,
    Table,
    integer,
    number_or_null,
    text,
    text_or_null,
)

_VOTES = pl.List(
    pl.Struct({"order": pl.String, "first_score": pl.Float64, "second_score": pl.Float64, "problem": pl.String})
)
_ORIGIN = text("origin", "Table that the answer is from: chat_sft_data, cot_prompted_traces or sampled_traces.")
_SOURCE = text("source", "Name of the prompt's source.")
_DOMAIN = text("domain", "Domain of the prompt.")
_ANSWER_ID = text(
    "trace_id", "Identity of the answer in its table: a trace_id, or the conversation_id of chat_sft_data."
)

PREFERENCE_VOTES = Table(
    "preference_votes",
    "Two answers to one prompt that a judge voted on, whether they became a preference pair or not.",
    (
        text("pair_id", "Hash of the method and both answers; joins preference_pairs."),
        PROMPT_ID,
        _SOURCE,
        _DOMAIN,
        text("first_trace_id", "Of the two answers the one with the lesser identity."),
        text("second_trace_id", "The other one."),
        integer("first_characters", "Length of the first answer."),
        integer("second_characters", "Length of the second answer."),
        text_or_null("judge_model", "Catalogue name of the judge; null where it was not asked."),
        Column(
            name="votes",
            dtype=_VOTES,
            description="Per vote the order in which the answers were shown (forward or swapped), the scores from 1 to "
            "10, or the problem: unreadable, not_asked or judge_failed.",
        ),
        number_or_null(
            "mean_difference", "Mean score of the first answer less the second's; null unless every vote was read."
        ),
        number_or_null("margin", "By how much the size of the mean difference is above the recipe's minimum."),
        text_or_null("chosen", "`first` or `second`, the answer that won; null where none did."),
        text_or_null(
            "reason",
            "Why the two are no preference pair: over_long, over_row_limit, not_asked, judge_failed, unreadable, "
            "too_close or unbalanced_length; null where they are one.",
        ),
    ),
)

SAFETY_SET = Table(
    "safety_set",
    "Single responses that a judge labelled safe or unsafe: for reward models of harmlessness.",
    (
        _ANSWER_ID,
        PROMPT_ID,
        text("split", "train or validation, the same for a prompt in every data set."),
        _ORIGIN,
        _SOURCE,
        _DOMAIN,
        text("language", "ISO 639-1 code of the prompt's language."),
        text("license", "SPDX identifier of the source's licence."),
        text("prompt", "The question as the source states it."),
        text("answer", "The whole response: reasoning in think tags where there is some, then the answer."),
        text("label", "safe, unsafe, or unknown."),
        text("reason", "judged; of unknown ones unsure, unreadable, judge_failed or not_asked."),
        text("why", "What the judge said, its end where it is long, or what went wrong."),
        text("judge_model", "Catalogue name of the judge."),
    ),
)

SAFETY_SET_DROPPED = Table(
    "safety_set_dropped",
    "Answers that the judge was not asked to label, with the reason.",
    (_ANSWER_ID, PROMPT_ID, _ORIGIN, _SOURCE, text("reason", "repeated, over_long or over_row_limit.")),
)

MODEL_REWARDS = Table(
    "model_rewards",
    "Scores of reward models, beside the rewards by rule of scored_traces and never part of their total.",
    (
        *TRACE_KEYS,
        text("reward", "`helpful` scores the answer alone, `safety` the whole response."),
        number_or_null("score", "The model's number; null where it gave none that is finite."),
        integer("tokens", "Tokens of prompt and response that the model read."),
        Column(
            name="is_truncated",
            dtype=pl.Boolean(),
            description="Whether the text was longer than the model reads, so that its end was cut.",
        ),
        text("scorer", "Catalogue name of the reward model."),
        text("revision", "Revision of its weights in the catalogue."),
        text("fingerprint", "Hash of the weights and of every setting that changes a score."),
    ),
    ("reward",),
)
