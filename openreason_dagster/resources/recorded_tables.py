"""Tables as they stood when a release was made, with a place of their own for what is written over them."""

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from openreason_dagster.domain.errors import TableError
from openreason_dagster.domain.schemas import TABLES
from openreason_dagster.resources.tables import Tables

if TYPE_CHECKING:
    from deltalake import DeltaTable


class RecordedTables(Tables):
    """Reads each table at its recorded version; a table that is written to is a new one under `root` from then on.

    Only whole tables may be replaced: nothing that was there before is in the new one.
    """

    recorded_root: str
    """Folder of the tables that were there."""
    versions: dict[str, int]
    """Version of each table to read."""

    def find(self, name: str) -> "DeltaTable | None":
        """The table that was written here, else the recorded version; None if there was none.

        Raises:
            TableError: the recorded version is gone.
        """
        return super().find(name) or self._recorded(name)

    def open(self, name: str) -> "DeltaTable":
        """The table under `root`, created empty if it does not exist."""
        return Tables(root=self.root).open(name)

    def require_versions(self) -> None:
        """Look for every recorded version and its files.

        Raises:
            TableError: naming each table whose recorded version cannot be read any more.
        """
        gone = [f"{name} at version {self.versions[name]}" for name in TABLES if not self._is_whole(name)]
        if gone:
            raise TableError(
                f"these versions are not in {self.recorded_root!r} any more: {', '.join(gone)}. The nightly "
                "maintenance keeps those of the latest release and of published ones. Put a copy of the tables "
                "back and name it with OPENREASON_ROOT, or rebuild with --from-seeds."
            )

    def _is_whole(self, name: str) -> bool:
        try:
            table = self._recorded(name)
        except TableError:
            return False
        files = [] if table is None else table.file_uris()
        return all(Path(unquote(urlsplit(uri).path) if "://" in uri else uri).is_file() for uri in files)

    def _recorded(self, name: str) -> "DeltaTable | None":
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError

        version = self.versions.get(name, 0)
        current = Tables(root=self.recorded_root).find(name)
        if current is None:
            if version == 0:
                return None
            raise TableError(
                f"table {name!r} is not in {self.recorded_root!r}; the release was made from version {version}."
            )
        try:
            return DeltaTable(str(Path(self.recorded_root) / name), version=version)
        except DeltaError as error:
            raise TableError(
                f"table {name!r} has no version {version} in {self.recorded_root!r} ({error}), which the release was "
                "made from. Put a copy of the tables back and name it with OPENREASON_ROOT."
            ) from error
