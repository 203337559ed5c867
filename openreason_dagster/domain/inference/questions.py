"""Questions that a stage puts to a model in a role (a judge, a writer), and the replies."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from typing import Self

import polars as pl

from openreason_dagster.domain.catalogue_entry import CatalogueModel
from openreason_dagster.domain.inference.fingerprint import fingerprint, sampling_record
from openreason_dagster.domain.inference.reasoning import split_completion
from openreason_dagster.domain.provenance import request_seed, stable_hash
from openreason_dagster.domain.recipe_roles import RoleModel
from openreason_dagster.domain.records import Completion, Failure, Message, Request, SamplingParameters
from openreason_dagster.domain.schemas import MODEL_REPLIES


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question about one subject."""

    subject_id: str
    part: str
    """Which of the questions about the subject."""
    messages: tuple[Message, ...]
    attempt: int = 1


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What came back for a question: a text, or the class of the failure that stands in its place."""

    text: str
    """Text after the think block; empty where there is no reply."""
    was_cut: bool = False
    """Whether the token limit ended it."""
    failure: str | None = None


@dataclass(frozen=True, kw_only=True)
class Questioning:
    """How a model is asked in a role: everything but the messages that can change a reply."""

    role: str
    model: str
    fingerprint: str
    parameters: SamplingParameters

    @classmethod
    def of(cls, role: str, entry: CatalogueModel, settings: RoleModel, *, weights: Mapping[str, str]) -> Self:
        """From the recipe's settings; `weights` is what `fingerprint.weights_identity` found."""
        record = sampling_record(
            entry, settings.sampling, temperature=settings.temperature, template="", weights=weights
        )
        parameters = SamplingParameters(
            temperature=settings.temperature, top_p=settings.top_p, top_k=None, max_tokens=settings.max_tokens
        )
        return cls(role=role, model=entry.name, fingerprint=fingerprint(record), parameters=parameters)

    def reply_id(self, question: Question) -> str:
        """Identity of the reply to a question: equal questions are asked once."""
        return stable_hash([self.role, self.model, self.fingerprint, asdict(question)])

    def request(self, question: Question) -> Request:
        """The question as an engine takes it; costs are counted under the role, in place of a temperature."""
        reply_id = self.reply_id(question)
        return Request(
            trace_id=reply_id,
            prompt_id=question.subject_id,
            prompt=question.messages[-1].content,
            messages=question.messages,
            temperature_key=self.role,
            sample_index=question.attempt - 1,
            seed=request_seed(reply_id, self.model, temperature=self.role, sample_index=0),
            parameters=self.parameters,
        )


def reply_of(result: Completion | Failure) -> Reply:
    """What a stage sees of a result."""
    if isinstance(result, Failure):
        return Reply(text="", failure=result.error)
    split = split_completion(result.text, result.opened_think, result.reasoning)
    return Reply(text=split.answer, was_cut=result.finish_reason == "length")


def stored_replies(rows: pl.DataFrame) -> dict[str, Reply]:
    """Replies by reply_id from rows of `model_replies` without failures."""
    columns = rows.select("reply_id", "reply", "finish_reason")
    return {
        reply_id: Reply(text=text, was_cut=finish_reason == "length")
        for reply_id, text, finish_reason in columns.iter_rows()
    }


@dataclass(frozen=True, kw_only=True)
class ReplyRows:
    """Makes rows of `model_replies` from results of one run."""

    questioning: Questioning
    questions: Mapping[str, Question]
    """By reply_id."""
    run_id: str

    def of(self, results: Iterable[Completion | Failure], *, environment: str, replied_at: datetime) -> pl.DataFrame:
        """One row per result; `environment` is a JSON object."""
        shared = self._shared | {"environment": environment, "run_id": self.run_id, "replied_at": replied_at}
        return MODEL_REPLIES.frame(
            self._asked(result.request.trace_id) | _replied(result) | shared for result in results
        )

    @cached_property
    def _shared(self) -> dict[str, object]:
        asked = self.questioning
        return {"role": asked.role, "model": asked.model, "fingerprint": asked.fingerprint}

    def _asked(self, reply_id: str) -> dict[str, object]:
        question = self.questions[reply_id]
        return {
            "reply_id": reply_id,
            "subject_id": question.subject_id,
            "part": question.part,
            "attempt": question.attempt,
            "messages": [asdict(message) for message in question.messages],
        }


def _replied(result: Completion | Failure) -> dict[str, object]:
    if isinstance(result, Failure):
        return {"error": result.error, "message": result.message}
    split = split_completion(result.text, result.opened_think, result.reasoning)
    return {
        "reasoning": split.reasoning,
        "reply": split.answer,
        "finish_reason": result.finish_reason,
        "prompt_tokens": result.prompt_tokens,
        "completion_tokens": result.completion_tokens,
    }
