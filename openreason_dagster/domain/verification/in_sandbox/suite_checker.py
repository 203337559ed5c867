"""Runs a suite of assertions in a process where no answer's code is, with the answer's results put in for its calls.

The job gives the results known so far. A call whose result is not known is noted and stands for itself while the rest
of the suite is looked through; the calls noted are then made elsewhere, and the suite runs again. Results arrive as
plain values and as instances of the suite's own classes, so that nothing of an answer's own making compares itself.
"""

import ast
import builtins
import json
import random
import sys
from collections.abc import Callable
from typing import Any

from openreason_dagster.domain.verification.in_sandbox.value_graph import decode, encode

DEEPEST = 20_000
Asked = dict[str, list[Any]]


class UnknownResult:
    """Stands for a result that is not known yet; whatever a suite does with it fails."""

    __slots__ = ()


def main(job: dict[str, Any]) -> None:
    """Write the calls whose results are missing, or else whether every assertion held, as a line of JSON."""
    sys.setrecursionlimit(DEEPEST)
    random.seed(0)
    asked: Asked = {}
    verdict = run_suite(job, asked)
    said = json.dumps({"asked": list(asked.values())} if asked else verdict)
    sys.stdout.write(f"\n{job['token']}{said}\n")


def run_suite(job: dict[str, Any], asked: Asked) -> dict[str, Any]:
    """Execute prelude and suite; `asked` takes the calls whose results are not known, by the keys of `results`."""
    space: dict[str, Any] = {"__name__": "suite"}
    try:
        exec(compile(job["prelude"], "prelude.py", "exec"), space)  # noqa: S102 - the prompt's own text
        for name in job["names"]:
            space[name] = _stand_in(name, job["results"], space, asked)
        tree = ast.fix_missing_locations(_Patient().visit(ast.parse(job["suite"])))
        space["__asked__"] = asked
        exec(compile(tree, "suite.py", "exec"), space)  # noqa: S102 - the prompt's own text
    except AssertionError as error:
        return {"failed": str(error)[:200] or "an assertion does not hold"}
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a suite may trip over a result in any way
        return {"failed": f"{type(error).__name__}: {error}"[:200]}
    return {"passed": True}


def _stand_in(name: str, results: dict[str, str], space: dict[str, Any], asked: Asked) -> Callable[..., object]:
    def call(*positional: object, **named: object) -> object:
        arguments = encode((positional, named))
        key = json.dumps([name, arguments])
        if key not in results:
            asked[key] = [name, arguments]
            return UnknownResult()
        said = json.loads(results[key])
        if "raised" in said:
            raise _known_exception(said["raised"])(f"raised by {name}")
        return decode(said["value"], space)

    return call


def _known_exception(name: str) -> type[Exception]:
    found = getattr(builtins, str(name), None)
    return found if isinstance(found, type) and issubclass(found, Exception) else RuntimeError


class _Patient(ast.NodeTransformer):
    """Lets a suite go on after an assertion that failed for want of a result."""

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        handler = ast.parse("try:\n    pass\nexcept Exception:\n    if not __asked__:\n        raise").body[0]
        assert isinstance(handler, ast.Try)
        handler.body = [node]
        return handler
