"""What a recipe says of code: where a source keeps the tests of its prompts, and what one test may use."""

from typing import Literal, Self

from pydantic import Field, model_validator

from openreason_dagster.domain.sandbox import Limits
from openreason_dagster.domain.yaml_model import YamlModel

WALL_SECONDS_PER_CPU_SECOND = 3.0
"""How much longer than its processor time a test may take, for the machine may be busy with others."""


class CodeLimits(YamlModel):
    """What one test of a `code` prompt may use."""

    seconds_per_test: float = Field(default=10.0, gt=0, le=120)
    """Processor time; a prompt's own `seconds` come first."""
    memory_megabytes: int = Field(default=1024, ge=64)
    """Of all processes of the answer's program."""

    @property
    def limits(self) -> Limits:
        """The same for a sandbox."""
        return Limits(
            cpu_seconds=self.seconds_per_test,
            wall_seconds=WALL_SECONDS_PER_CPU_SECOND * self.seconds_per_test + 2,
            memory_megabytes=self.memory_megabytes,
        )


class CodeSource(YamlModel):
    """Columns that hold the tests of one prompt, and what is the same for all prompts of the source.

    Needed by sources of verifier `code`, and by no other.
    """

    suite: str | None = None
    """Column with assertions in Python: a text, or a list of texts."""
    stdio: str | None = None
    """Column with cases: a list of `{stdin, stdout}` or `{input, output}`, or `{inputs: […], outputs: […]}`."""
    calls: str | None = None
    """Column with a list of `{args, kwargs, expected}`."""
    entry: str | None = None
    """Column with the name of the function, for `calls` and for suites that define `check(candidate)`."""
    prelude: str | None = None
    """Column with code that stands before an answer; without it, the imports of the reference solution."""
    setup: str | None = None
    """Column with code that stands after an answer."""
    continues: str | None = None
    """Column with text that the reference solution goes on from, as HumanEval's `prompt`."""
    language: Literal["python", "cpp", "c", "javascript", "java", "go", "rust", "bash"] = "python"
    comparison: Literal["tokens", "whole", "tolerance"] = "tokens"
    tolerance: float | None = Field(default=None, gt=0)
    seconds: float | None = Field(default=None, gt=0, le=120)
    """Processor time of each test."""

    @property
    def columns(self) -> dict[str, str]:
        """Key to column, of those that are mapped."""
        keys = ("suite", "stdio", "calls", "entry", "prelude", "setup", "continues")
        return {key: column for key in keys if (column := getattr(self, key)) is not None}

    @model_validator(mode="after")
    def _has_one_kind_of_tests(self) -> Self:
        kinds = [key for key in ("suite", "stdio", "calls") if getattr(self, key) is not None]
        if len(kinds) != 1:
            raise ValueError(f"found {kinds or 'none'} of `suite`, `stdio` and `calls`; exactly one holds the tests")
        if kinds == ["calls"] and self.entry is None:
            raise ValueError("`calls` needs `entry`, the column with the function's name")
        if kinds != ["stdio"] and self.language != "python":
            raise ValueError(f"tests in `{kinds[0]}` are for python only; use `stdio` for {self.language}")
        if (self.comparison == "tolerance") != (self.tolerance is not None) and kinds == ["stdio"]:
            raise ValueError("`tolerance` is needed by the comparison `tolerance` and by no other")
        return self


def require_tests(verifier: str, code: CodeSource | None) -> None:
    """Refuse verifier `code` without the columns of its tests, and these with another verifier.

    Raises:
        ValueError: saying so.
    """
    if (verifier == "code") != (code is not None):
        raise ValueError("`code` (which columns hold the tests) is needed by verifier `code` and by no other")
