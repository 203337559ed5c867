"""Pieces that the cards of all starter models have."""

from collections.abc import Iterable, Mapping


def card_header(*tags: str, task: str = "text-generation") -> str:
    """The YAML that model hubs read; ``task`` is one of their pipelines."""
    listed = "\n".join(f"- {tag}" for tag in tags)
    return f"""---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: {task}
tags:
{listed}
---
"""


def shares_text(shares: Mapping[str, float]) -> str:
    """Kinds of training data with their shares, as part of a sentence."""
    return ", ".join(f"{share:.0%} {kind}" for kind, share in shares.items())


def table_row(name: str, values: Iterable[float]) -> str:
    """A row of a table in Markdown: a name, and measures with two places."""
    return " | ".join([f"| {name}", *(f"{value:.2f}" for value in values)]) + " |"
