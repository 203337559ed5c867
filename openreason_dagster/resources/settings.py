"""Where things lie on this machine, as three environment variables say.

`OPENREASON_ROOT` (default `./data`) holds everything that is written, `OPENREASON_RECIPE` (default
`recipes/starter.yaml`) says what to build, `OPENREASON_CATALOGUE` (default `./catalogue`) lists the models. Relative
paths are taken from the working directory.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Absolute paths of one installation."""

    root: Path
    recipe: Path
    catalogue: Path

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] = os.environ) -> Self:
        """Read the three variables, with their defaults."""
        return cls(
            root=Path(variables.get("OPENREASON_ROOT", "data")).resolve(),
            recipe=Path(variables.get("OPENREASON_RECIPE", "recipes/starter.yaml")).resolve(),
            catalogue=Path(variables.get("OPENREASON_CATALOGUE", "catalogue")).resolve(),
        )

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables that give these settings to another process."""
        return {
            "OPENREASON_ROOT": str(self.root),
            "OPENREASON_RECIPE": str(self.recipe),
            "OPENREASON_CATALOGUE": str(self.catalogue),
        }

    @property
    def tables(self) -> Path:
        """Folder of the Delta tables."""
        return self.root / "tables"

    @property
    def dagster_home(self) -> Path:
        """Dagster's own storage: runs, events, logs."""
        return self.root / "dagster"
