"""A prompt and a response as a reward model reads them: by its chat template, or as a pair of texts without one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from openreason_dagster.domain.errors import EngineError
from openreason_dagster.domain.inference.reasoning import THINK_CLOSE, THINK_OPEN

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, kw_only=True)
class EncodedText:
    """Inputs of one sequence."""

    inputs: Mapping[str, list[int]]
    is_truncated: bool

    @property
    def tokens(self) -> int:
        """Tokens that the model reads."""
        return len(self.inputs["input_ids"])


def encode(tokenizer: "PreTrainedTokenizerBase", prompt: str, response: str, *, limit: int, model: str) -> EncodedText:
    """Inputs for one exchange, cut at the end where there are more than `limit` tokens.

    A text that spells a special token of the model is spaced out, so that no response can end its own turn and praise
    itself in the next.

    Raises:
        EngineError: the chat template refuses the messages, or leaves a part of the response out.
    """
    asked, said = (_spaced_out(tokenizer, text) for text in (prompt, response))
    texts: tuple[str, ...] = (asked, said)
    options: dict[str, bool] = {}
    if tokenizer.chat_template:
        texts, options = (_rendered(tokenizer, asked, said, model=model),), {"add_special_tokens": False}
    inputs = dict(tokenizer(*texts, **options))
    is_truncated = len(inputs["input_ids"]) > limit
    if is_truncated:
        inputs = dict(tokenizer(*texts, **options, truncation=True, max_length=limit))
    return EncodedText(inputs=inputs, is_truncated=is_truncated)


def _rendered(tokenizer: "PreTrainedTokenizerBase", prompt: str, response: str, *, model: str) -> str:
    from jinja2 import TemplateError

    turns = [{"role": "user", "content": prompt}, {"role": "assistant", "content": response}]
    try:
        text: str = tokenizer.apply_chat_template(turns, tokenize=False)
    except TemplateError as error:
        raise EngineError(
            f"reward model {model!r}: its chat template refuses a question and an answer ({error}). Correct the "
            "template beside its tokenizer."
        ) from error
    if response.strip() not in text:
        raise EngineError(
            f"reward model {model!r}: its chat template leaves out a part of a response, such as its reasoning, so "
            "that it would score another text. Put a template beside its tokenizer that keeps the whole turn, or use "
            "the model for `helpful`, which scores the answer alone."
        )
    return text


def _spaced_out(tokenizer: "PreTrainedTokenizerBase", text: str) -> str:
    for token in tokenizer.all_special_tokens:
        if token in text and token not in {THINK_OPEN, THINK_CLOSE}:
            text = text.replace(token, f"{token[0]} {token[1:]}")
    return text
