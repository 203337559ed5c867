"""Between messages and token ids, by the model's own tokenizer and chat template."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from openreason_dagster.domain.errors import EngineError
from openreason_dagster.domain.inference.reasoning import THINK_CLOSE, THINK_OPEN, ends_inside_think
from openreason_dagster.domain.records import Message

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class EncodedPrompt:
    """A prompt as the model sees it."""

    ids: tuple[int, ...]
    opened_think: bool


class ChatTokenizer:
    """Renders, encodes and decodes. Prompts that follow each other with the same messages are rendered once."""

    def __init__(self, tokenizer: "PreTrainedTokenizerBase", *, model_name: str) -> None:
        if not tokenizer.chat_template:
            raise EngineError(
                f"model {model_name!r}: its tokenizer has no chat template, so messages cannot become a prompt. "
                "Put a chat_template.jinja beside the tokenizer's files."
            )
        self._tokenizer = tokenizer
        self._model_name = model_name
        self._last: tuple[tuple[Message, ...], EncodedPrompt] | None = None
        self._hidden_ids = {
            index
            for index, token in tokenizer.added_tokens_decoder.items()
            if token.special and token.content not in {THINK_OPEN, THINK_CLOSE}
        }

    def encode(self, messages: tuple[Message, ...]) -> EncodedPrompt:
        """Token ids of the conversation, ending where the assistant's turn begins.

        Raises:
            EngineError: the chat template refuses the messages.
        """
        if self._last is None or self._last[0] != messages:
            self._last = (messages, self._encode(messages))
        return self._last[1]

    def decode(self, ids: Sequence[int]) -> str:
        """Text of generated tokens, verbatim, without special tokens other than the think tags."""
        return self._verbatim([index for index in ids if index not in self._hidden_ids])

    def cut_at_stop(self, ids: Sequence[int], stops: Sequence[str]) -> tuple[str, int] | None:
        """Text before the first stop string and the number of tokens it took to write that string; None without one.

        A stop string may be, or contain, a special token that `decode` leaves out.
        """
        if not stops:
            return None
        whole = self._verbatim(ids)
        start = _first_place(whole, stops)
        if start is None:
            return None
        low, high = 1, len(ids)
        while low < high:
            middle = (low + high) // 2
            if _first_place(self._verbatim(ids[:middle]), stops) is None:
                low = middle + 1
            else:
                high = middle
        text = self.decode(ids[:low])
        shown = _first_place(text, stops)
        return (self._before(ids[:low], whole[:start]) if shown is None else text[:shown]), low

    def _before(self, ids: Sequence[int], text: str) -> str:
        """`text`, with which the verbatim text of `ids` begins, without its special tokens."""
        count = len(ids)
        while len(self._verbatim(ids[:count])) > len(text):
            count -= 1
        return self.decode(ids[:count]) + text[len(self._verbatim(ids[:count])) :]

    def _verbatim(self, ids: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return text

    def _encode(self, messages: tuple[Message, ...]) -> EncodedPrompt:
        from jinja2 import TemplateError

        turns = [{"role": message.role, "content": message.content} for message in messages]
        try:
            text: str = self._tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        except TemplateError as error:
            roles = ", ".join(message.role for message in messages)
            raise EngineError(
                f"model {self._model_name!r}: its chat template refuses messages with the roles {roles} ({error}). "
                "Leave out `sampling.system_prompt`, or correct the template."
            ) from error
        ids = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return EncodedPrompt(tuple(ids), ends_inside_think(text))


def _first_place(text: str, stops: Sequence[str]) -> int | None:
    return min((place for stop in stops if (place := text.find(stop)) >= 0), default=None)
