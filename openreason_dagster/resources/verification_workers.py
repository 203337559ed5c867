"""Worker processes for verification, with the recipe's limits."""

from openreason_dagster.domain.recipe import Verification
from openreason_dagster.domain.verification.workers import Workers


def verification_workers(limits: Verification) -> Workers:
    """A context manager; processes start when the first comparison needs one and end with it."""
    return Workers(
        count=limits.workers,
        timeout_seconds=limits.timeout_seconds,
        memory_megabytes=limits.memory_megabytes,
    )
