"""A completion put together again from its parts."""

from openreason_dagster.domain.inference.reasoning import THINK_CLOSE, THINK_OPEN
from openreason_dagster.domain.records import ThinkState


def join_completion(reasoning: str, answer: str, think_state: ThinkState) -> str:
    """The completion's text again, apart from white space before an opening tag; the inverse of `split_completion`."""
    match think_state:
        case ThinkState.OPENED_BY_TEMPLATE:
            return f"{reasoning}{THINK_CLOSE}{answer}"
        case ThinkState.OPENED_BY_MODEL:
            return f"{THINK_OPEN}{reasoning}{THINK_CLOSE}{answer}"
        case ThinkState.UNCLOSED:
            return reasoning
        case ThinkState.ABSENT | ThinkState.SEPARATE:
            return answer
