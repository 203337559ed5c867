"""A sequence-classification checkpoint of the catalogue that gives responses a number."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openreason_dagster.domain.catalogue_entry import TransformersModel
from openreason_dagster.domain.errors import EngineError
from openreason_dagster.domain.recipe_rewards import RewardModel
from openreason_dagster.resources.engines.load_weights import quiet_loading, weights_source
from openreason_dagster.resources.scored_texts import EncodedText, encode

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_NO_LIMIT = 1_000_000
"""Tokenizers that state no length state a number far above this one."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """What a reward model said of one response."""

    score: float | None
    """Null where the model gave no finite number."""
    tokens: int
    is_truncated: bool


@dataclass(frozen=True, kw_only=True)
class RewardScorer:
    """Weights that are ready to score."""

    network: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    name: str
    batch_size: int
    limit: int
    """Tokens of prompt and response together."""
    label: int | None
    """Output whose probability is the score; None where there is one output, which is the score."""

    def score(self, exchanges: Sequence[tuple[str, str]]) -> list[Score]:
        """Scores of (prompt, response), in their order; responses of similar length are scored together.

        Raises:
            EngineError: the chat template leaves a part of a response out, or the machine failed.
        """
        encoded = [
            encode(self.tokenizer, prompt, response, limit=self.limit, model=self.name)
            for prompt, response in exchanges
        ]
        order = sorted(range(len(encoded)), key=lambda place: encoded[place].tokens)
        scores: dict[int, Score] = {}
        for start in range(0, len(order), self.batch_size):
            places = order[start : start + self.batch_size]
            numbers = self._numbers([encoded[place] for place in places])
            scores |= {place: _score(encoded[place], number) for place, number in zip(places, numbers, strict=True)}
        return [scores[place] for place in range(len(encoded))]

    def _numbers(self, texts: Sequence[EncodedText]) -> list[float]:
        import torch

        batch = self.tokenizer.pad([text.inputs for text in texts], padding_side="right", return_tensors="pt")
        try:
            with torch.inference_mode():
                logits = self.network(**batch.to(self.network.device)).logits.float()
                chosen = logits[:, 0] if self.label is None else logits.softmax(dim=-1)[:, self.label]
                return [float(number) for number in chosen.cpu()]
        except (RuntimeError, ValueError, IndexError) as error:
            raise EngineError(
                f"reward model {self.name!r}: {len(texts)} responses of up to {texts[-1].tokens} tokens could not be "
                f"scored ({error}). What was scored is committed; lower `batch_size` in its catalogue file or "
                "`maximum_tokens` in the recipe if memory ran out, then start again."
            ) from error


def load_scorer(model: TransformersModel, folder: Path, settings: RewardModel) -> RewardScorer:
    """Load a reward model; `folder` is the catalogue's. Only safetensors are read.

    Raises:
        EngineError: weights or tokenizer cannot be read, tensors are missing, or the recipe's label is not one of its
            labels.
    """
    network, tokenizer = _loaded(model, folder)
    return RewardScorer(
        network=network,
        tokenizer=tokenizer,
        name=model.name,
        batch_size=model.batch_size,
        limit=_limit(network, tokenizer, settings),
        label=_label(network, settings, model.name),
    )


@contextmanager
def reward_scorer(model: TransformersModel, folder: Path, settings: RewardModel) -> Iterator[RewardScorer]:
    """A reward model for as long as the context lasts, with the entry's processor threads; raises as `load_scorer`."""
    import torch

    scorer, threads = load_scorer(model, folder, settings), torch.get_num_threads()
    if model.threads is not None:
        torch.set_num_threads(model.threads)
    try:
        yield scorer
    finally:
        torch.set_num_threads(threads)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _loaded(model: TransformersModel, folder: Path) -> tuple["PreTrainedModel", "PreTrainedTokenizerBase"]:
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    source, revision = weights_source(model, folder)
    dtype = "auto" if model.dtype == "auto" else getattr(torch, model.dtype)
    try:
        with quiet_loading():
            tokenizer = AutoTokenizer.from_pretrained(source, revision=revision)
            network, loading = AutoModelForSequenceClassification.from_pretrained(
                source, revision=revision, dtype=dtype, use_safetensors=True, output_loading_info=True
            )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise EngineError(
            f"reward model {model.name!r}: cannot be loaded from {model.path!r} ({error}). The folder or hub "
            "repository must hold config.json, safetensors weights of a sequence classifier and a tokenizer."
        ) from error
    _require_every_tensor(model, loading)
    _require_padding(model, tokenizer)
    if network.config.get_text_config().pad_token_id is None:
        network.config.get_text_config().pad_token_id = tokenizer.pad_token_id
    return network.to("cuda" if torch.cuda.is_available() else "cpu").eval(), tokenizer


def _require_padding(model: TransformersModel, tokenizer: "PreTrainedTokenizerBase") -> None:
    """Let the end token pad a batch where there is no other, as trainers do."""
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if tokenizer.pad_token is None:
        raise EngineError(
            f"reward model {model.name!r}: its tokenizer names neither a padding nor an end token, so responses cannot "
            "be scored together. Set `pad_token` in tokenizer_config.json."
        )


def _require_every_tensor(model: TransformersModel, loading: Mapping[str, Collection[object]]) -> None:
    """Refuse what the library would fill with random numbers, such as the head of a model that generates text."""
    missing = sorted(map(str, loading["missing_keys"]))
    if missing:
        raise EngineError(
            f"reward model {model.name!r}: its weights lack {len(missing)} tensors of a sequence classifier; the first "
            f"is {missing[0]!r}. Name a checkpoint that was trained as a reward model or classifier."
        )


def _limit(network: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", settings: RewardModel) -> int:
    stated: tuple[Any, ...] = (
        settings.maximum_tokens,
        getattr(network.config.get_text_config(), "max_position_embeddings", None),
        tokenizer.model_max_length if tokenizer.model_max_length < _NO_LIMIT else None,
    )
    return min((int(number) for number in stated if number is not None), default=_NO_LIMIT)


def _label(network: "PreTrainedModel", settings: RewardModel, name: str) -> int | None:
    labels = dict(network.config.label2id)
    if network.config.num_labels == 1 and settings.label is None:
        return None
    if network.config.num_labels > 1 and settings.label in labels:
        return int(labels[settings.label])
    expected = "no label, because it has one output" if network.config.num_labels == 1 else f"one of {sorted(labels)}"
    raise EngineError(
        f"reward model {name!r}: the recipe's `label` is {settings.label!r}, expected {expected}. Correct `rewards` in "
        "the recipe."
    )


def _score(text: EncodedText, number: float) -> Score:
    score = number if math.isfinite(number) else None
    return Score(score=score, tokens=text.tokens, is_truncated=text.is_truncated)
