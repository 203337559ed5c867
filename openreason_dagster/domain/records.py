"""The values that travel between stages, one row each, and the closed sets of words they use."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

Domain = Literal["math", "code", "science", "logic", "instruction", "general"]
VerifierKind = Literal["math", "choice", "exact", "numeric", "procedural", "instruction", "code", "judge"]
Role = Literal["system", "user", "assistant"]


class Verdict(StrEnum):
    """What is known about an answer. Only `incorrect` means a wrong answer."""

    CORRECT = "correct"
    INCORRECT = "incorrect"
    NO_ANSWER = "no_answer"
    TRUNCATED = "truncated"
    BAD_REFERENCE = "bad_reference"
    TIMEOUT = "timeout"
    ERROR = "error"
    ABSTAINED = "abstained"

    @property
    def is_correct(self) -> bool | None:
        """True or false where the answer was judged, None where it was not."""
        return {Verdict.CORRECT: True, Verdict.INCORRECT: False}.get(self)


MACHINE_VERDICTS = (Verdict.ERROR.value, Verdict.TIMEOUT.value)
"""Verdicts that say nothing of the answer, only of the machine that should have judged it."""


class ThinkState(StrEnum):
    """How the reasoning of a completion was delimited."""

    OPENED_BY_TEMPLATE = "opened_by_template"
    """The prompt ended inside the think block; the completion closed it."""
    OPENED_BY_MODEL = "opened_by_model"
    """The completion opened and closed the think block itself."""
    UNCLOSED = "unclosed"
    """A think block was open at the end: everything is reasoning, there is no answer."""
    ABSENT = "absent"
    """No think block at all: everything is answer."""
    SEPARATE = "separate"
    """The server returned reasoning and answer in two fields."""


@dataclass(frozen=True, kw_only=True)
class SeedPrompt:
    """One question of one source, with what is needed to verify an answer to it."""

    prompt_id: str
    source: str
    source_row_id: str
    domain: str
    language: str
    prompt: str
    reference_answer: str | None
    solution: str | None
    verifier: str
    verifier_spec: str
    """JSON object: options of the verifier kind, e.g. `{"choices": {"A": "…"}}`."""
    license: str
    topic: str | None = None
    """What it is about, in the source's words."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, kw_only=True)
class SamplingParameters:
    """Everything about decoding that can change a completion, apart from the seed."""

    temperature: float
    top_p: float
    top_k: int | None
    max_tokens: int
    stop: tuple[str, ...] = ()
    """Texts that end a completion; the text itself is cut off."""
    logprobs: bool = False
    """Whether the log-probability of each generated token is wanted."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One sample asked of one model."""

    trace_id: str
    prompt_id: str
    prompt: str
    """The seed prompt's own text, before any template."""
    messages: tuple[Message, ...]
    temperature_key: str
    """Partition key of the temperature, e.g. `0.6`, or `imported`."""
    sample_index: int
    seed: int
    parameters: SamplingParameters


@dataclass(frozen=True, kw_only=True)
class Completion:
    """What came back for a request. `reasoning` is set only by servers that return it apart from `text`."""

    request: Request
    text: str
    reasoning: str | None
    finish_reason: Literal["stop", "length"] | None
    """None where an imported set does not state it."""
    opened_think: bool
    """Whether the prompt, as the model saw it, ended inside a think block."""
    prompt_tokens: int | None
    completion_tokens: int | None
    attempts: int
    billed_tokens: tuple[int, int] | None = None
    """Prompt and generated tokens that the server counted for it, where they are not its own: of samples asked together
    one carries the sum and the others nothing."""
    used_seed: bool = True
    """Whether the text was drawn with the request's own seed."""
    token_logprobs: tuple[float, ...] | None = None
    """Natural logarithm of each generated token's probability; None where not asked for or not available."""
    imported: str | None = None
    """JSON object: where an imported trace stands in its set, and what the set says of it."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A request that could not be answered; kept beside the traces, never as one."""

    request: Request
    error: str
    """Class of the failure, e.g. `timeout`, `http_500`, `malformed_reply`, `prompt_too_long`."""
    message: str
    attempts: int


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A verdict with its evidence."""

    verdict: Verdict
    extracted_answer: str | None
    method: str
    """How the verdict was reached, e.g. `math/literal`, `math/symbolic`, `choice/letter`."""
    message: str
    milliseconds: float
    extras: dict[str, str] = field(default_factory=dict)
