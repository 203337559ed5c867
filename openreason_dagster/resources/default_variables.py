"""Environment variables that a library reads while it starts, set for that time only."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


@contextmanager
def default_variables(variables: Mapping[str, str]) -> Iterator[None]:
    """Environment variables for a while, where the user has not set them."""
    added = {name: value for name, value in variables.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
