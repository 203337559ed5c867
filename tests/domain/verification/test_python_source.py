import ast
import subprocess
import sys

import pytest

from openreason_dagster.domain.verification.python_source import parsed

INTERRUPTED = """
import gc
import os
from concurrent.futures import ThreadPoolExecutor

from openreason_dagster.domain.verification.python_source import parsed

source = "\\n".join(f"value_{number} = [{number} + (1 * (2 - (3 + x)))]" for number in range(200))
gc.set_threshold(20)
gc.callbacks.append(lambda *_: os.sched_yield())  # other threads have their turn in the middle of a tree
with ThreadPoolExecutor(4) as pool:
    trees = list(pool.map(parsed, [source] * 100))
assert {len(tree.body) for tree in trees} == {200}
"""


def test_threads_that_read_at_the_same_time_all_get_the_tree():
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_an_expression_is_no_statement():
    assert isinstance(parsed("f(1)", mode="eval"), ast.Expression)
    with pytest.raises(SyntaxError):
        parsed("x = 1", mode="eval")
