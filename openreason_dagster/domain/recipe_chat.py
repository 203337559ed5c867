"""Part of the recipe: conversations that are taken over without sampling (OR2), and which of them are kept."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from openreason_dagster.domain.recipe_sources import FileLocation, HubLocation, Language, Name
from openreason_dagster.domain.records import Domain
from openreason_dagster.domain.yaml_model import Share, YamlModel

ChatLayout = Literal["messages", "sharegpt", "alpaca", "dolly", "self_instruct", "columns"]
"""How a row holds its conversation: as the published set of that name does, or as `columns` says."""


class ChatColumns(YamlModel):
    """Which column of a chat source holds what: the whole conversation, or instruction, input and output."""

    messages: str | None = None
    """A list of turns with `role` and `content`, or with `from` and `value`."""
    instruction: str | None = None
    input: str | None = None
    """Text that the instruction is about; put below it."""
    output: str | None = None
    instances: str | None = None
    """A list of objects with `input` and `output`: each makes a conversation with the instruction."""
    system: str | None = None
    quality: str | None = None
    """A number, the higher the better."""
    license: str | None = None
    """SPDX identifier of the row, where it is not the source's."""
    id: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [self.messages, self.output, self.instances]
        if sum(way is not None for way in ways) != 1:
            raise ValueError("give one of `messages`, `output` and `instances`")
        if (self.messages is None) != (self.instruction is not None):
            raise ValueError("`instruction` is needed by `output` and `instances`, and not used by `messages`")
        return self


_LAYOUTS: dict[str, dict[str, str]] = {
    "messages": {"messages": "messages"},
    "sharegpt": {"messages": "conversations"},
    "alpaca": {"instruction": "instruction", "input": "input", "output": "output"},
    "dolly": {"instruction": "instruction", "input": "context", "output": "response"},
    "self_instruct": {"instruction": "instruction", "instances": "instances"},
}


class _ChatSource(YamlModel):
    name: Name
    license: str
    """SPDX identifier of the set."""
    language: Language = "en"
    domain: Domain = "general"
    limit: int | None = Field(default=None, ge=1)
    layout: ChatLayout
    columns: ChatColumns | None = None
    """Needed by the layout `columns` and by no other."""
    quality: str | None = None
    """Column with the set's own score, for the other layouts."""
    id: str | None = None
    """Column with an identifier, for the other layouts."""

    @model_validator(mode="after")
    def _columns_fit_layout(self) -> Self:
        if (self.layout == "columns") != (self.columns is not None):
            raise ValueError("`columns` is needed by the layout `columns` and by no other")
        if self.columns is not None and (self.quality or self.id):
            raise ValueError("put `quality` and `id` into `columns`")
        return self

    @property
    def mapped(self) -> ChatColumns:
        """The columns as the layout names them."""
        return self.columns or ChatColumns(**_LAYOUTS[self.layout], quality=self.quality, id=self.id)


class FileChatSource(FileLocation, _ChatSource):
    """Conversations in a file."""


class HubChatSource(HubLocation, _ChatSource):
    """Conversations in a `datasets` repository."""


ChatSource = Annotated[FileChatSource | HubChatSource, Field(discriminator="kind")]


class ChatSftData(YamlModel):
    """Filters of conversations; each is off where it is left out or null."""

    licenses: list[str] | None = None
    """SPDX identifiers that rows may have, compared without case."""
    languages: list[Language] | None = None
    """Languages that most words of a conversation may be in."""
    minimum_answer_characters: int | None = Field(default=None, ge=1)
    """Of the last assistant turn."""
    maximum_characters: int | None = Field(default=None, ge=1)
    """Of all turns together."""
    minimum_quality: float | None = None
    """Least score; rows without one are kept, because nothing is known against them."""
    duplicates: Literal["keep", "conversation", "prompt"] = "conversation"
    """What makes a later row a duplicate: all its turns are those of an earlier row, or its opening prompt is."""
    decontaminate: Literal["yes", "no"] = "yes"
    """Whether rows that overlap with a benchmark are left out, by the run length `pool.ngram`."""
    rejected_share_limit: Share = 0.5
    """Above this share of rows of a source that are no conversation, the import fails: its layout is another."""
