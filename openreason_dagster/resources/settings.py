"""Where things lie on this machine, as environment variables say.

`OPENREASON_ROOT` (default `./data`) holds everything that is written, `OPENREASON_RECIPE` (default
`recipes/starter.yaml`) says what to build, `OPENREASON_CATALOGUE` (default `./catalogue`) lists the models. Relative
paths are taken from the working directory. `OPENREASON_RAY_ADDRESS` names the Ray cluster, e.g. `10.0.0.5:6379` or
`auto`, that models of the engine `ray`, verification and curation with `runner: ray` run on; without it one is started.
`OPENREASON_SANDBOX` says where code that models write runs: `bubblewrap` (default, on this machine), or the URL of a
SandboxFusion or Piston server.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Absolute paths of one installation, and the Ray cluster and sandbox it uses."""

    root: Path
    recipe: Path
    catalogue: Path
    ray_address: str | None = None
    sandbox: str = "bubblewrap"

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] = os.environ) -> Self:
        """Read the variables, with their defaults."""
        return cls(
            root=Path(variables.get("OPENREASON_ROOT", "data")).resolve(),
            recipe=Path(variables.get("OPENREASON_RECIPE", "recipes/starter.yaml")).resolve(),
            catalogue=Path(variables.get("OPENREASON_CATALOGUE", "catalogue")).resolve(),
            ray_address=variables.get("OPENREASON_RAY_ADDRESS") or None,
            sandbox=variables.get("OPENREASON_SANDBOX") or "bubblewrap",
        )

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables that give these settings to another process."""
        return {
            "OPENREASON_ROOT": str(self.root),
            "OPENREASON_RECIPE": str(self.recipe),
            "OPENREASON_CATALOGUE": str(self.catalogue),
            "OPENREASON_SANDBOX": self.sandbox,
            **({"OPENREASON_RAY_ADDRESS": self.ray_address} if self.ray_address else {}),
        }

    @property
    def tables(self) -> Path:
        """Folder of the Delta tables."""
        return self.root / "tables"

    @property
    def dagster_home(self) -> Path:
        """Dagster's own storage: runs, events, logs."""
        return self.root / "dagster"
