"""Where the reasoning of a completion ends and its answer begins.

What belongs here: the one place that knows the think tags. Nothing is stripped or repaired: both parts are verbatim
slices of the completion.
"""

from typing import NamedTuple

from openreason_dagster.domain.records import ThinkState

THINK_OPEN = "<think>"
THINK_CLOSE = "</think>"


class SplitCompletion(NamedTuple):
    """Reasoning and answer, verbatim, with how they were delimited."""

    reasoning: str
    answer: str
    think_state: ThinkState


def split_completion(text: str, opened_think: bool, reasoning: str | None = None) -> SplitCompletion:  # noqa: FBT001
    """Split a completion: the answer is what follows the last closing think tag.

    Args:
        text: The completion as the model wrote it.
        opened_think: Whether the prompt ended inside a think block.
        reasoning: Reasoning that a server returned apart from the text.

    White space before an opening tag is dropped. A closing tag without an opening one means that the prompt had opened
    the block, even when nobody said so: servers render the prompt out of sight. An open block that never closes is all
    reasoning, its tag included.
    """
    if reasoning is not None:
        return SplitCompletion(reasoning, text, ThinkState.SEPARATE)
    before, closing_tag, answer = text.rpartition(THINK_CLOSE)
    if not closing_tag:
        is_open = opened_think or THINK_OPEN in text
        return (
            SplitCompletion(text, "", ThinkState.UNCLOSED) if is_open else SplitCompletion("", text, ThinkState.ABSENT)
        )
    block = before.lstrip()
    if opened_think or not block.startswith(THINK_OPEN):
        return SplitCompletion(before, answer, ThinkState.OPENED_BY_TEMPLATE)
    return SplitCompletion(block.removeprefix(THINK_OPEN), answer, ThinkState.OPENED_BY_MODEL)


def ends_inside_think(prompt: str) -> bool:
    """Whether a rendered prompt ends inside a think block, so that the completion starts as reasoning."""
    return prompt.rstrip().endswith(THINK_OPEN)
