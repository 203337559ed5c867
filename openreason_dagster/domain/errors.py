"""The error family, named after the boundary a failure crossed.

Every message says what went wrong, where, what was found, what was expected, and what to do. A bad row is not an
error: it is data with a reason. Nothing here is caught to return a default.
"""


class OpenReasonError(Exception):
    """Base of all errors raised on purpose."""


class RecipeError(OpenReasonError):
    """A recipe or a catalogue file is missing, unreadable, or asks for something impossible."""


class SourceError(OpenReasonError):
    """A source of prompts or traces cannot be read, or lacks what the recipe says it has."""


class PoolError(OpenReasonError):
    """More rows were refused than the recipe allows, or nothing is left."""


class TableError(OpenReasonError):
    """A table cannot be read or written, or rows do not have the table's schema."""


class EngineError(OpenReasonError):
    """A model cannot be loaded or its server cannot be used at all; single failed requests are rows, not errors."""


class VerificationError(OpenReasonError):
    """Verification as a whole cannot go on: unknown verifier kind, workers that cannot start."""


class SandboxError(OpenReasonError):
    """No sandbox can be used, so that untrusted programs are not run; single failed runs are verdicts, not errors."""


class ClusterError(OpenReasonError):
    """Work on a cluster stopped: it is lost, or its machines lack what this one has."""


class ReleaseError(OpenReasonError):
    """A data set cannot be written out as asked."""
