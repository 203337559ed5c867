"""How long a server is waited for."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Limits of waiting for a server and of trying again."""

    backoff_seconds: float = 1.0
    """Wait before the second attempt; doubles with each further one, times a random factor of 0.5 to 1."""
    longest_wait_seconds: float = 60.0
    """No single wait is longer, whatever the server asks for."""
    losses_in_a_row: int = 5
    """A replica that loses as many connections with no reply between them is set aside."""
    gone_seconds: float = 120.0
    """When all replicas have been set aside for so long, the server is gone."""
    refused_seconds: float = 600.0
    """When every request has been refused with HTTP 429 or 503 for so long, the run ends."""
    uncounted_tries: int = 100
    """A request that was put off so often (HTTP 429 or 503, or nobody listening) fails after all."""
    reply_bytes: int = 64 * 2**20
    """A longer reply is refused."""
