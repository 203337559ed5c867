"""Who is told how far sampling has come, besides the Dagster log."""

from openreason_dagster.domain.inference.cost import Estimate
from openreason_dagster.domain.inference.sampler import Progress


class ProgressListener:
    """Hears the progress of each model; this one keeps it to itself, the command line draws it."""

    def started(self, model: str, *, committed: int, left: Estimate) -> None:
        """Sampling of a model begins: `committed` traces are there from earlier runs, `left` is still to do."""

    def advanced(self, model: str, progress: Progress, *, money: float, acceptance: float | None) -> None:
        """Some more requests are answered.

        `money` is what the run has cost so far in the currency of the model's price; `acceptance` the share of this
        run's traces judged so far that are correct, which are all in rounds and else a few; None before any is.
        """

    def stopped(self, model: str, *, limit: str) -> None:
        """A limit of the budget, named as in the recipe, ended the run before everything was sampled."""

    def replied(self, model: str, progress: Progress, *, role: str, money: float) -> None:
        """Some more questions to a model in a role, e.g. a judge, are answered; `money` as for `advanced`."""
