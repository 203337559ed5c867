"""Tables of what a policy or a reward model learns from: prompts with pass rates, and pairs of answers."""

from openreason_dagster.domain.schemas.table import (
    PROMPT_ID,
    Table,
    integer,
    number_or_null,
    text,
    text_or_null,
)

_SPLIT = text(
    "split",
    "train or validation; all rows of a prompt and of its near-duplicates are in one split, the same "
    "in every data set.",
)
_SOURCE = text("source", "Name of the prompt's source.")
_DOMAIN = text("domain", "Domain of the prompt.")
_LANGUAGE = text("language", "ISO 639-1 code of the prompt's language.")
_LICENSE = text("license", "SPDX identifier of the source's licence.")
_METHOD = text(
    "method",
    "How it is known which answer is better: `verified` is correct against incorrect, `votes` a judge's.",
)
_PASS_RATE = number_or_null("pass_rate", "Correct share of the judged samples; null where it is unknown.")

RL_PROMPTS = Table(
    "rl_prompts",
    "Prompts for reinforcement learning, with what is needed to score an answer and the pass rate of what was sampled.",
    (
        PROMPT_ID,
        _SPLIT,
        _SOURCE,
        _DOMAIN,
        _LANGUAGE,
        text("prompt", "The question as the source states it."),
        text_or_null(
            "reference_answer",
            "The answer to verify against, the majority answer where that took the stated one's place; null where "
            "the kind needs none.",
        ),
        text("verifier", "Verifier kind."),
        text("verifier_spec", "JSON object with options of the verifier kind."),
        _LICENSE,
        integer("samples", "Traces sampled by the models that count."),
        integer("judged", "Of these, traces with verdict correct or incorrect."),
        integer("correct", "Of these, traces with verdict correct."),
        _PASS_RATE,
        text("difficulty_band", "unsolved, hard (<=0.25), medium (<=0.75), easy (<1), solved, or unknown."),
    ),
)


RL_PROMPTS_DROPPED = Table(
    "rl_prompts_dropped",
    "Prompts of the pool that are not trained on by reinforcement learning, with the first reason that applied.",
    (
        PROMPT_ID,
        _DOMAIN,
        integer("samples", "Traces sampled by the models that count."),
        integer("judged", "Of these, traces with verdict correct or incorrect."),
        integer("correct", "Of these, traces with verdict correct."),
        _PASS_RATE,
        text(
            "reason",
            "suspect_reference, unknown_pass_rate, majority_disagrees, too_hard, too_easy, over_topic_quota, "
            "over_domain_quota or over_row_limit.",
        ),
    ),
)


PREFERENCE_PAIRS = Table(
    "preference_pairs",
    "Two answers to one prompt, of which one is better: for reward models and direct preference optimisation.",
    (
        text("pair_id", "Hash of method and both traces."),
        _METHOD,
        PROMPT_ID,
        _SPLIT,
        _SOURCE,
        _DOMAIN,
        _LANGUAGE,
        _LICENSE,
        text("prompt", "The question as the source states it."),
        text("chosen", "The better answer: reasoning in think tags, then the answer; by votes the answer alone."),
        text("rejected", "The worse answer; without think tags where the model wrote no reasoning."),
        text("chosen_trace_id", "The trace that the better answer is from; by votes perhaps a conversation_id."),
        text("rejected_trace_id", "The trace that the worse answer is from; by votes perhaps a conversation_id."),
        integer("chosen_characters", "Length of the better trace, reasoning and answer; by votes of the answer."),
        integer("rejected_characters", "Length of the worse trace, reasoning and answer; by votes of the answer."),
        number_or_null(
            "score_difference",
            "Mean score of the better answer less the worse one's by votes, which preference_votes lists; else null.",
        ),
    ),
    ("method",),
)


PREFERENCE_PAIRS_DROPPED = Table(
    "preference_pairs_dropped",
    "Prompts of the pool that no pair could be made of, with the reason.",
    (
        _METHOD,
        PROMPT_ID,
        _DOMAIN,
        integer("correct", "Traces of the prompt with verdict correct."),
        integer("incorrect", "Traces of the prompt with verdict incorrect."),
        text(
            "reason",
            "suspect_reference, nothing_judged, no_correct_trace, no_incorrect_trace, no_usable_trace or "
            "no_similar_length.",
        ),
    ),
    ("method",),
)
