"""Tables of prompts: as sources state them, of benchmarks, and those that may be sampled."""

from openreason_dagster.domain.schemas.table import PROMPT_ID, Table, number_or_null, text, text_or_null

_SEED_COLUMNS = (
    PROMPT_ID,
    text("source", "Name of the source in the recipe."),
    text("source_row_id", "Identifier of the row within its source."),
    text("domain", "math, code, science, logic, instruction or general."),
    text("language", "ISO 639-1 code of the prompt's language."),
    text("prompt", "The question as the source states it."),
    text_or_null("reference_answer", "The answer to verify against, after extraction; null where the kind needs none."),
    text_or_null("solution", "The source's worked solution, used for decontamination."),
    text("verifier", "Verifier kind: math, choice, exact, numeric, procedural, instruction, code or judge."),
    text("verifier_spec", "JSON object with options of the verifier kind."),
    text("license", "SPDX identifier of the source's licence."),
    text_or_null("topic", "What the prompt is about: as the source states it, the task of a generated problem."),
)

SEED_PROMPTS = Table("seed_prompts", "Prompts of each source with reference and verifier.", _SEED_COLUMNS, ("source",))


SEED_PROMPTS_DROPPED = Table(
    "seed_prompts_dropped",
    "Source rows that could not become seed prompts, with the reason.",
    (
        text("source", "Name of the source in the recipe."),
        text("source_row_id", "Identifier of the row within its source."),
        text("reason", "Why the row was set aside, e.g. `no_prompt`, `no_reference`."),
        text("detail", "What exactly was found."),
    ),
    ("source",),
)


BENCHMARK_PROMPTS = Table(
    "benchmark_prompts",
    "Evaluation questions; used to decontaminate and to evaluate, never to train.",
    (
        text("benchmark", "Name of the benchmark in the recipe."),
        text("benchmark_row_id", "Identifier of the row within the benchmark."),
        text("prompt", "The question."),
        text_or_null("solution", "The worked solution, if the benchmark has one."),
    ),
)


PROMPT_POOL = Table(
    "prompt_pool",
    "Prompts that may be sampled: unique, uncontaminated, with an audited reference.",
    (
        *_SEED_COLUMNS[:-1],
        text_or_null(
            "topic", "As in seed_prompts; without one, three words of the group that `pool.topics` put it in."
        ),
    ),
)


PROMPT_POOL_DROPPED = Table(
    "prompt_pool_dropped",
    "Seed prompts kept out of the pool, with the reason.",
    (
        PROMPT_ID,
        text("source", "Name of the source in the recipe."),
        text("source_row_id", "Identifier of the row within its source."),
        text("prompt", "The question as the source states it."),
        text(
            "reason",
            "duplicate, near_duplicate, semantic_duplicate, contaminated, near_benchmark, no_reference or "
            "bad_reference.",
        ),
        text("detail", "The prompt it duplicates, the benchmark row it overlaps, or the verifier's message."),
    ),
)


PROMPT_CLUSTERS = Table(
    "prompt_clusters",
    "Which prompts of the pool, and which that open conversations, are duplicates of each other in other words; every "
    "prompt is in exactly one cluster.",
    (
        PROMPT_ID,
        text("cluster_id", "prompt_id of the cluster's first prompt; its own where a prompt stands alone."),
        text("kind", "single, first of its cluster, or near_duplicate or semantic_duplicate of another prompt."),
        text_or_null("similar_prompt_id", "The most similar earlier prompt of the cluster; null for the first."),
        number_or_null(
            "similarity",
            "Jaccard index of the two prompts' runs of three words, or the cosine of semantic duplicates; null for the "
            "first.",
        ),
    ),
)


BENCHMARK_MATCHES = Table(
    "benchmark_matches",
    "What overlaps benchmarks, and what became of it: prompts in stage prompt_pool, prompts and answers in sft_mix.",
    (
        text("stage", "The stage that compared: prompt_pool or sft_mix."),
        PROMPT_ID,
        text_or_null("trace_id", "The trace whose answer overlaps; null for a prompt."),
        text("method", "ngram: they share a run of words; near: other words, the same numbers."),
        text("benchmark", "Name of the benchmark in the recipe."),
        text("benchmark_row_id", "Identifier of the row within the benchmark."),
        number_or_null("similarity", "Jaccard index of the two questions' words; null for method ngram."),
        text("decision", "dropped or marked."),
        text("text", "The prompt or answer, its first 500 characters."),
        text("matching_text", "The shared run of words, or the first 500 characters of the benchmark's question."),
    ),
    ("stage",),
)
