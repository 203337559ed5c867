"""The text of the scripts of this package, each complete in itself and with its job written below it."""

import ast
import marshal
from functools import cache
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from typing import Literal

from openreason_dagster.domain.verification.python_source import parsed

Script = Literal["candidate_runner", "suite_checker", "output_checker"]
_FOLDER = Path(__file__).parent
_OWN_PACKAGE = "openreason_dagster"


def script(name: Script, job: dict[str, object]) -> str:
    """A Python program that does one job; the job holds texts, numbers, truth values, None, lists and dictionaries.

    Where the same Python runs it as runs here, it need not compile the script again.
    """
    return f"{_loader(name)}main({job!r})\n"


@cache
def _loader(name: Script) -> str:
    compiled = marshal.dumps(compile(_text(name), f"{name}.py", "exec"))
    return (
        "import _frozen_importlib_external as importlib, marshal\n"
        f"exec(marshal.loads({compiled!r}) if importlib.MAGIC_NUMBER == {MAGIC_NUMBER!r} else {_text(name)!r})\n"
    )


@cache
def _text(name: Script) -> str:
    """Value graph and script as one file, without annotations: a program should not import `typing` to start."""
    sources = [(_FOLDER / f"{part}.py").read_text() for part in ("value_graph", name)]
    trees = [_Bare().visit(parsed(source)) for source in sources]
    return "\n\n".join(ast.unparse(ast.fix_missing_locations(tree)) for tree in trees)


class _Bare(ast.NodeTransformer):
    """Takes out annotations, names for types, documentation, and the imports that only these or one file need."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        is_left_out = node.module in {"types", "typing"} or (node.module or "").startswith(_OWN_PACKAGE)
        return None if is_left_out else node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.returns = None
        arguments = node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        for argument in every:
            if argument is not None:
                argument.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        assert node.value is not None
        return ast.Assign(targets=[node.target], value=node.value)

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        is_type = isinstance(node.value, ast.Subscript) and "Any" in ast.dump(node.value)
        return None if is_type else node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        is_documentation = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_documentation else node
