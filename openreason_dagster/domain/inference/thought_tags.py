"""The tags by which OpenThoughts sets thought and solution apart, and what they become here."""

from typing import NamedTuple

from openreason_dagster.domain.inference.reasoning import THINK_OPEN

BEGIN_THOUGHT, END_THOUGHT = "<|begin_of_thought|>", "<|end_of_thought|>"
BEGIN_SOLUTION, END_SOLUTION = "<|begin_of_solution|>", "<|end_of_solution|>"


class SplitThought(NamedTuple):
    """Reasoning and text, verbatim between the tags; `reasoning` is None where no thought was closed."""

    reasoning: str | None
    text: str


def split_thought(text: str) -> SplitThought:
    """Take a completion apart that begins with a thought tag; any other is returned as it is.

    A thought that never closes becomes a think block that never closes, so that it is read as reasoning without an
    answer. Without solution tags the solution is all that follows the thought.
    """
    start, tag, body = text.partition(BEGIN_THOUGHT)
    if not tag or start.strip():
        return SplitThought(None, text)
    thought, closing_tag, rest = body.partition(END_THOUGHT)
    if not closing_tag:
        return SplitThought(None, THINK_OPEN + body)
    _, opening_tag, solution = rest.partition(BEGIN_SOLUTION)
    answer = solution if opening_tag else rest
    head, closing_tag, _ = answer.rpartition(END_SOLUTION)
    return SplitThought(thought, head if closing_tag else answer)
