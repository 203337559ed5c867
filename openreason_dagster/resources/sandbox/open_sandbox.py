"""The sandbox that a setting names."""

from openreason_dagster.domain.errors import SandboxError
from openreason_dagster.domain.sandbox import Sandbox
from openreason_dagster.resources.sandbox.bubblewrap import Bubblewrap
from openreason_dagster.resources.sandbox.http_sandbox import answers
from openreason_dagster.resources.sandbox.piston import RUNTIMES_PATH, Piston
from openreason_dagster.resources.sandbox.sandbox_fusion import PING_PATH, SandboxFusion


def open_sandbox(place: str) -> Sandbox:
    """`bubblewrap` on this machine, or the server at a URL, whose kind is found by asking it.

    Raises:
        SandboxError: the setting is neither, bubblewrap cannot confine programs here, or the server does not answer.
    """
    if place == "bubblewrap":
        return Bubblewrap.find()
    if not place.startswith(("http://", "https://")):
        raise SandboxError(
            f"OPENREASON_SANDBOX is {place!r}; expected bubblewrap, or the URL of a SandboxFusion or Piston server."
        )
    if answers(place, PING_PATH):
        return SandboxFusion(place)
    if answers(place, RUNTIMES_PATH):
        return Piston(place)
    raise SandboxError(
        f"OPENREASON_SANDBOX is {place!r}, where no server answers {PING_PATH} (SandboxFusion) or {RUNTIMES_PATH} "
        "(Piston). Start the server, correct the URL, or set it to bubblewrap. Nothing was run."
    )
