"""Every table of the platform, described once.

A table's name is its asset's key. Side tables (`*_dropped`, `*_failures`) hold what a stage set aside, with the
reason. Nothing outside this package spells out a schema.
"""

from openreason_dagster.domain.schemas.datasets import REASONING_DATA, REASONING_DATA_DROPPED, SFT_MIX, SFT_MIX_DROPPED
from openreason_dagster.domain.schemas.judged_answers import (
    MODEL_REWARDS,
    PREFERENCE_VOTES,
    SAFETY_SET,
    SAFETY_SET_DROPPED,
)
from openreason_dagster.domain.schemas.learning import (
    PREFERENCE_PAIRS,
    PREFERENCE_PAIRS_DROPPED,
    RL_PROMPTS,
    RL_PROMPTS_DROPPED,
)
from openreason_dagster.domain.schemas.prompts import (
    BENCHMARK_MATCHES,
    BENCHMARK_PROMPTS,
    PROMPT_CLUSTERS,
    PROMPT_POOL,
    PROMPT_POOL_DROPPED,
    SEED_PROMPTS,
    SEED_PROMPTS_DROPPED,
)
from openreason_dagster.domain.schemas.replies import MODEL_REPLIES
from openreason_dagster.domain.schemas.table import MESSAGES, UTC_TIMESTAMP, Column, Table
from openreason_dagster.domain.schemas.traces import (
    SAMPLED_TRACES,
    SAMPLING_FAILURES,
    SAMPLING_LEDGER,
    SAMPLING_PLANS,
    SCORED_TRACES,
)
from openreason_dagster.domain.schemas.verdicts import (
    JUDGE_VERDICTS,
    PROMPT_STATISTICS,
    REPLACED_VERDICTS,
    SUSPECT_REFERENCES,
    VERIFICATION_CANARIES,
    VERIFIED_TRACES,
)
from openreason_dagster.domain.schemas.written import (
    CHAT_SFT_DATA,
    CHAT_SFT_DATA_DROPPED,
    COLD_START_DATA,
    COLD_START_DATA_DROPPED,
    COT_PROMPTED_RATINGS,
    COT_PROMPTED_TRACES,
    COT_PROMPTED_TRACES_DROPPED,
    NON_REASONING_DATA,
    NON_REASONING_DATA_DROPPED,
    WRITTEN_TABLES,
)

__all__ = [
    "BENCHMARK_MATCHES",
    "BENCHMARK_PROMPTS",
    "CHAT_SFT_DATA",
    "CHAT_SFT_DATA_DROPPED",
    "COLD_START_DATA",
    "COLD_START_DATA_DROPPED",
    "COT_PROMPTED_RATINGS",
    "COT_PROMPTED_TRACES",
    "COT_PROMPTED_TRACES_DROPPED",
    "JUDGE_VERDICTS",
    "MESSAGES",
    "MODEL_REPLIES",
    "MODEL_REWARDS",
    "NON_REASONING_DATA",
    "NON_REASONING_DATA_DROPPED",
    "PREFERENCE_PAIRS",
    "PREFERENCE_PAIRS_DROPPED",
    "PREFERENCE_VOTES",
    "PROMPT_CLUSTERS",
    "PROMPT_POOL",
    "PROMPT_POOL_DROPPED",
    "PROMPT_STATISTICS",
    "REASONING_DATA",
    "REASONING_DATA_DROPPED",
    "REPLACED_VERDICTS",
    "RL_PROMPTS",
    "RL_PROMPTS_DROPPED",
    "SAFETY_SET",
    "SAFETY_SET_DROPPED",
    "SAMPLED_TRACES",
    "SAMPLING_FAILURES",
    "SAMPLING_LEDGER",
    "SAMPLING_PLANS",
    "SCORED_TRACES",
    "SEED_PROMPTS",
    "SEED_PROMPTS_DROPPED",
    "SFT_MIX",
    "SFT_MIX_DROPPED",
    "SUSPECT_REFERENCES",
    "TABLES",
    "UTC_TIMESTAMP",
    "VERIFICATION_CANARIES",
    "VERIFIED_TRACES",
    "Column",
    "Table",
]

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        SEED_PROMPTS,
        SEED_PROMPTS_DROPPED,
        BENCHMARK_PROMPTS,
        PROMPT_POOL,
        PROMPT_POOL_DROPPED,
        PROMPT_CLUSTERS,
        BENCHMARK_MATCHES,
        SAMPLED_TRACES,
        SAMPLING_FAILURES,
        SAMPLING_PLANS,
        SAMPLING_LEDGER,
        MODEL_REPLIES,
        VERIFIED_TRACES,
        JUDGE_VERDICTS,
        VERIFICATION_CANARIES,
        SCORED_TRACES,
        MODEL_REWARDS,
        PROMPT_STATISTICS,
        SUSPECT_REFERENCES,
        REPLACED_VERDICTS,
        REASONING_DATA,
        REASONING_DATA_DROPPED,
        *WRITTEN_TABLES,
        SFT_MIX,
        SFT_MIX_DROPPED,
        RL_PROMPTS,
        RL_PROMPTS_DROPPED,
        PREFERENCE_VOTES,
        PREFERENCE_PAIRS,
        PREFERENCE_PAIRS_DROPPED,
        SAFETY_SET,
        SAFETY_SET_DROPPED,
    )
}
