"""Who is told how far sampling has come, besides the Dagster log."""

from openreason_dagster.domain.inference.sampler import Progress


class ProgressListener:
    """Hears the progress of each model; this one keeps it to itself, the command line draws it."""

    def started(self, model: str, *, planned: int, committed: int) -> None:
        """Sampling of a model begins: `planned` requests in all, `committed` of them done by earlier runs."""

    def advanced(self, model: str, progress: Progress) -> None:
        """Some more requests are answered."""
