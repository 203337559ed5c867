"""Which conversations are kept: each filter is optional, and the first that applies is the reason."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import polars as pl

from openreason_dagster.domain.chat.read_chat import ChatRow, LeftOut
from openreason_dagster.domain.curation.decontamination import BenchmarkIndex
from openreason_dagster.domain.provenance import normalise_text, stable_hash
from openreason_dagster.domain.recipe_chat import ChatSftData
from openreason_dagster.domain.rewards.languages import count_words
from openreason_dagster.domain.schemas import CHAT_SFT_DATA, CHAT_SFT_DATA_DROPPED

BATCH_ROWS = 5_000


@dataclass(frozen=True, kw_only=True)
class ChatBatch:
    """Rows of chat_sft_data and of chat_sft_data_dropped."""

    kept: pl.DataFrame
    dropped: pl.DataFrame


class ChatFilters:
    """Filters with a memory of what was kept, because duplicates are looked for over all sources.

    Args:
        rules: the recipe's.
        benchmarks: rows of benchmark_prompts.
        ngram: run length of the decontamination.

    The memory holds a hash and a place of each kept row.
    """

    def __init__(self, rules: ChatSftData, benchmarks: pl.DataFrame, *, ngram: int) -> None:
        self._rules = rules
        self._benchmarks = None if benchmarks.is_empty() else BenchmarkIndex(benchmarks, ngram=ngram)
        self._licenses = None if rules.licenses is None else {license_.lower() for license_ in rules.licenses}
        self._seen: dict[str, str] = {}

    def batches(self, rows: Iterable[ChatRow | LeftOut]) -> Iterator[ChatBatch]:
        """Kept and left-out rows, a batch at a time; each row is in one of them."""
        source = iter(rows)
        while batch := list(islice(source, BATCH_ROWS)):
            yield self._filtered(batch)

    def _filtered(self, rows: Sequence[ChatRow | LeftOut]) -> ChatBatch:
        dropped = [row for row in rows if isinstance(row, LeftOut)]
        kept: list[ChatRow] = []
        for row in (row for row in rows if isinstance(row, ChatRow)):
            result = self._passed(row)
            if isinstance(result, LeftOut):
                dropped.append(result)
            else:
                kept.append(result)
        overlapping = self._overlapping(kept)
        unique: list[ChatRow] = []
        for row in kept:
            overlap = overlapping.get(row.conversation_id)
            earlier = self._earlier(row) if overlap is None else None
            if overlap is not None:
                dropped.append(_left_out(row, "contaminated", overlap))
            elif earlier is not None:
                dropped.append(_left_out(row, "duplicate", f"the same {self._rules.duplicates} as {earlier}"))
            else:
                unique.append(row)
        return ChatBatch(
            kept=CHAT_SFT_DATA.frame(map(_record, unique)),
            dropped=CHAT_SFT_DATA_DROPPED.frame(vars(row) for row in dropped),
        )

    def _passed(self, row: ChatRow) -> ChatRow | LeftOut:
        """The row, with the language found in it; or why it is left out."""
        fault = self._fault(row)
        if fault is not None:
            return _left_out(row, *fault)
        if self._rules.languages is None:
            return row
        language = _language(row)
        if language not in self._rules.languages:
            return _left_out(row, "other_language", language)
        return replace(row, language=language)

    def _fault(self, row: ChatRow) -> tuple[str, str] | None:
        """Reason and detail of the first filter that applies, of those that look at the row alone."""
        rules, length, answer = self._rules, _characters(row), len(row.messages[-1].content)
        if self._licenses is not None and row.license.lower() not in self._licenses:
            return "license", row.license
        if rules.minimum_quality is not None and row.quality is not None and row.quality < rules.minimum_quality:
            return "low_quality", f"{row.quality:g}"
        if rules.minimum_answer_characters is not None and answer < rules.minimum_answer_characters:
            return "over_short", f"the last answer has {answer} characters"
        if rules.maximum_characters is not None and length > rules.maximum_characters:
            return "over_long", f"{length} characters"
        return None

    def _overlapping(self, rows: Sequence[ChatRow]) -> dict[str, str]:
        """What each contaminated conversation overlaps with: user turns as prompt, assistant turns as solution."""
        if self._rules.decontaminate == "no" or not rows or self._benchmarks is None:
            return {}
        texts = [
            {"prompt_id": row.conversation_id, "prompt": _said(row, "user"), "solution": _said(row, "assistant")}
            for row in rows
        ]
        found = self._benchmarks.overlaps(pl.DataFrame(texts))
        return {
            identity: f"row {number} of {benchmark}: {text}" for identity, benchmark, number, text in found.iter_rows()
        }

    def _earlier(self, row: ChatRow) -> str | None:
        """The kept row that this one repeats; a row that repeats none is remembered."""
        if self._rules.duplicates == "keep":
            return None
        turns = [[message.role, normalise_text(message.content)] for message in row.messages]
        key = row.prompt_id if self._rules.duplicates == "prompt" else stable_hash(turns)
        earlier = self._seen.get(key)
        if earlier is None:
            self._seen[key] = f"row {row.source_row_id} of {row.source}"
        return earlier


def _left_out(row: ChatRow, reason: str, detail: str) -> LeftOut:
    return LeftOut(source=row.source, source_row_id=row.source_row_id, reason=reason, detail=detail)


def _language(row: ChatRow) -> str:
    """The language of most words; the source's where nothing tells."""
    counts = count_words("\n".join(message.content for message in row.messages), row.language)
    return max(
        counts, key=lambda language: (counts[language], language == row.language, language), default=row.language
    )


def _characters(row: ChatRow) -> int:
    return sum(len(message.content) for message in row.messages)


def _said(row: ChatRow, role: str) -> str:
    return "\n".join(message.content for message in row.messages if message.role == role)


def _record(row: ChatRow) -> dict[str, object]:
    turns = sum(message.role != "system" for message in row.messages)
    return vars(row) | {
        "turns": turns,
        "characters": _characters(row),
        "messages": [vars(message) for message in row.messages],
    }
