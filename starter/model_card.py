"""The model card of a starter model: how it was made and what was measured, in the layout model hubs read."""

from pathlib import Path
from typing import Any

from starter.card_table import card_header, shares_text, table_row

CARD = """
# {name}

A tiny reasoning model that OpenReason carries along, so that the whole pipeline runs with real model behaviour on a
machine without a GPU and without a download. It is imperfect on purpose: its training stops early, so it is
sometimes right, sometimes wrong, and more often wrong at high temperature. It is of no use for anything else.

## What it answers

Four families of short problems, each solved step by step inside `<think>`, with the answer in `\\boxed{{}}` after it:
column-wise addition of two or three numbers, largest or smallest of three to five numbers, who stands first or last in
an order told in shuffled facts, and counting liars among people who speak about each other (multiple choice).

## How it was made

| | |
|---|---|
| Architecture | Llama, {layers} layers of width 128, 4 heads of 32, feed-forward {feed_forward}, tied embeddings |
| Parameters | {parameters:,} (float32) |
| Tokenizer | byte-level BPE, {vocabulary} tokens, single digits, every Unicode text encodes without loss |
| Context | 2,048 positions; trained on texts below 250 tokens |
| Data | {problems:,} distinct generated problems, training split, seed {seed} ({shares}) |
| Training | {steps:,} steps of 32 problems, AdamW, one-cycle learning rate, peak 2e-3, loss on completions only |
| Time | {seconds:,} s on one CPU thread, torch {torch} |

A stable hash of the question's text decides whether a problem is held out; no held-out question was trained on.
`python -m starter.train` in the source repository makes this folder, `python -m starter.evaluate` the table below.

## Measured on held-out problems

{problems_each} problems of each family, eight samples each, plain sampling (no top-k, no top-p).

| Family | {heads} |
|---|{rules}
{rows}

At temperature 0.6 a completion has {tokens:.0f} tokens on average, and {finished:.1%} of them end by themselves within
200 tokens.

## Limits

Read the table against guessing: in `logic` one of four options is right by chance, in `ordering` one name in three to
five. A pass@1 near 0.25 there means that the family was not learnt, and its high pass@8 is luck in eight tries.

English templates of the four families only; other questions get fluent nonsense. Numbers above three digits, more than
three addends, and names outside the sixteen it was trained on fail. It has seen no system prompt but a request for a
boxed answer. Not for use in any decision.
"""


def write_model_card(
    folder: Path, *, training: dict[str, Any], summary: dict[str, dict[str, dict[str, float]]], problems_each: int
) -> None:
    """Write ``README.md`` into the model's folder.

    ``training`` is the folder's ``training.json``; ``summary`` maps family (and ``overall``) to temperature to
    measures.
    """
    temperatures = list(summary["overall"])
    measures = [(name, temperature) for name in ("pass@1", "pass@8") for temperature in temperatures]
    rows = [
        table_row(family, [table[temperature][name] for name, temperature in measures])
        for family, table in summary.items()
    ]
    card = CARD.format(
        **{**training, "shares": shares_text(training["shares"])},
        problems_each=problems_each,
        heads=" | ".join(f"{name}, T={temperature}" for name, temperature in measures),
        rules="---|" * len(measures),
        rows="\n".join(rows),
        tokens=summary["overall"]["0.6"]["tokens"],
        finished=summary["overall"]["0.6"]["finished"],
    )
    (folder / "README.md").write_text(card_header("reasoning", "synthetic") + card)
