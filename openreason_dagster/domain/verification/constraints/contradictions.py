"""Constraints that no response can keep to at once.

Published sets have such prompts: one asks to repeat a request that has a comma in it, and for no comma.
"""

from collections.abc import Iterator, Sequence

from openreason_dagster.domain.verification.constraints.constraint import Limits
from openreason_dagster.domain.verification.constraints.vocabulary import NamedConstraint


def contradictions(constraints: Sequence[NamedConstraint]) -> Iterator[str]:
    """What of the constraints contradicts what, in words; not every contradiction can be found."""
    for name, constraint in constraints:
        for text in constraint.required_texts:
            for other_name, other in constraints:
                if other.forbids(text):
                    yield f"{other_name} forbids {text[:80]!r}, which {name} requires"
    yield from _without_room([constraint.limits for _, constraint in constraints if constraint.limits])


def _without_room(limits: list[Limits]) -> Iterator[str]:
    for counted in dict.fromkeys(limit.counted for limit in limits):
        same = [limit for limit in limits if limit.counted == counted]
        least = max(limit.least for limit in same)
        most = min((limit.most for limit in same if limit.most is not None), default=least)
        if most < least:
            yield f"{counted}: at least {least} and at most {most} are asked for"
