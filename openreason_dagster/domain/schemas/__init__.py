"""Every table of the platform, described once.

A table's name is its asset's key. Side tables (`*_dropped`, `*_failures`) hold what a stage set aside, with the
reason. Nothing outside this package spells out a schema.
"""

from openreason_dagster.domain.schemas.datasets import REASONING_DATA, REASONING_DATA_DROPPED, SFT_MIX, SFT_MIX_DROPPED
from openreason_dagster.domain.schemas.prompts import (
    BENCHMARK_MATCHES,
    BENCHMARK_PROMPTS,
    PROMPT_CLUSTERS,
    PROMPT_POOL,
    PROMPT_POOL_DROPPED,
    SEED_PROMPTS,
    SEED_PROMPTS_DROPPED,
)
from openreason_dagster.domain.schemas.table import MESSAGES, UTC_TIMESTAMP, Column, Table
from openreason_dagster.domain.schemas.traces import (
    SAMPLED_TRACES,
    SAMPLING_FAILURES,
    SAMPLING_LEDGER,
    SAMPLING_PLANS,
    SCORED_TRACES,
)
from openreason_dagster.domain.schemas.verdicts import PROMPT_STATISTICS, VERIFICATION_CANARIES, VERIFIED_TRACES

__all__ = [
    "BENCHMARK_MATCHES",
    "BENCHMARK_PROMPTS",
    "MESSAGES",
    "PROMPT_CLUSTERS",
    "PROMPT_POOL",
    "PROMPT_POOL_DROPPED",
    "PROMPT_STATISTICS",
    "REASONING_DATA",
    "REASONING_DATA_DROPPED",
    "SAMPLED_TRACES",
    "SAMPLING_FAILURES",
    "SAMPLING_LEDGER",
    "SAMPLING_PLANS",
    "SCORED_TRACES",
    "SEED_PROMPTS",
    "SEED_PROMPTS_DROPPED",
    "SFT_MIX",
    "SFT_MIX_DROPPED",
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
