"""Pieces that the cards of all starter models have."""

from collections.abc import Iterable, Mapping


def shares_text(shares: Mapping[str, float]) -> str:
    """Kinds of training data with their shares, as part of a sentence."""
    return ", ".join(f"{share:.0%} {kind}" for kind, share in shares.items())


def table_row(name: str, values: Iterable[float]) -> str:
    """A row of a table in Markdown: a name, and measures with two places."""
    return " | ".join([f"| {name}", *(f"{value:.2f}" for value in values)]) + " |"
