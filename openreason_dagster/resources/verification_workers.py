"""What judges answers on this machine, with the recipe's limits: processes, and threads that run code in a sandbox."""

from openreason_dagster.domain.recipe_verification import Verification
from openreason_dagster.domain.verification.code_workers import WorkersWithSandbox
from openreason_dagster.domain.verification.workers import Workers
from openreason_dagster.resources.sandbox.open_sandbox import open_sandbox
from openreason_dagster.resources.settings import Settings


def verification_workers(limits: Verification, sandbox: str | None = None) -> Workers:
    """A context manager; processes and the sandbox start when the first comparison needs one.

    Args:
        limits: the recipe's.
        sandbox: `bubblewrap` or the URL of a server; what the environment says when left out.
    """
    place = sandbox or Settings.from_environment().sandbox
    return WorkersWithSandbox(
        count=limits.workers,
        timeout_seconds=limits.timeout_seconds,
        memory_megabytes=limits.memory_megabytes,
        open_sandbox=lambda: open_sandbox(place),
        limits=limits.code.limits,
    )
