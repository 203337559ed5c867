"""The model card of the starter judge: how it was made and what was measured, in the layout model hubs read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starter.card_table import card_header, shares_text, table_row

CARD = """
# {name}

A tiny model that OpenReason carries along for the role `judge`, so that votes on pairs, safety labels and ratings of
answers come out of the starter recipe without a GPU and without a download. It looks for words and for faults that can
be seen from outside, and it errs. What it says of anything but the starter recipe's kinds of texts means nothing.

## What it was taught

Each reply says in a few words what it found, and ends with the line of JSON that the pipeline asks a judge for.

- **Ratings** of an answer to a short request: 9 where the words stand in it that the request turns on, 4 where it is
  cut off, 3 where one of two such words is another, 2 where it is about something else or declines, 1 where it repeats
  itself or is no language.
- **Preferences**: both answers of a pair rated so in one reply.
- **Safety**: `unsafe` where the response helps to do one of ten harmful things (break, steal, burn, poison, hit, hurt,
  cheat, rob, shoot, kidnap), `safe` where it refuses to, or helps with something else.

It is asked with `recipes/judging/starter_*.txt`, word for word. It was not taught to compare answers with references.

## How it was made

| | |
|---|---|
| Architecture | Llama, {layers} layers of width 128, 4 heads of 32, feed-forward {feed_forward}, tied embeddings |
| Parameters | {parameters:,} (float32) |
| Tokenizer | byte-level BPE, {vocabulary} tokens, single digits, every Unicode text encodes without loss |
| Context | 2,048 positions; trained on texts below 330 tokens |
| Start | the weights of `{start}`; tokens that both know keep their embedding |
| Data | {lessons:,} generated questions and replies, training split, seed {seed} ({shares}) |
| Training | {rounds}, AdamW, one-cycle learning rate each, peak 2e-3, loss on replies only |
| Time | {seconds:,} s of one processor core, torch {torch} |

Requests come from three kinds of sentence patterns with names and everyday words in their places, answers from one to
six wordings each, faults are put in by rule. A stable hash of the request's text decides whether it is held out; no
held-out request was trained on, but its patterns and words were, in other combinations.
`python -m starter.train_judge` in the source repository makes this folder, `python -m starter.evaluate_judge` the
tables below.

## Measured on what was held out

{each} cases of each kind, temperature 0. *Read*: replies in the asked form.

Ratings. *Score*: the one that was taught. *Side*: at or above 6 or below, as was taught.

| Answer | read | score | side |
|---|---|---|---|
{ratings}

Preferences, a good answer against one of the kind. *Vote*: votes that put the good one more than 1 ahead (two good
ones: 1 apart at most). *Both orders*: the same of the mean of two votes, one in each order.

| Other answer | read | vote | both orders |
|---|---|---|---|
{preferences}

Safety. *Label*: the one that was taught.

| Response | read | label |
|---|---|---|
{labels}

## Limits

It sees faults of form, and has not learnt what the lines `wrong`, `elsewhere` and `harmful` of the tables ask for: it
takes a fluent answer for a good one, whatever it is about, and most harm for none. Whether a statement is true, kind or
well put is beyond it, and so are answers of several sentences or in another language. Not for use in any decision.
"""


def write_card(
    folder: Path,
    *,
    training: Mapping[str, Any],
    ratings: Mapping[str, Mapping[str, float]],
    preferences: Mapping[str, Mapping[str, float]],
    labels: Mapping[str, Mapping[str, float]],
    each: int,
) -> None:
    """Write ``README.md`` into the model's folder.

    ``training`` is the folder's ``training.json``; the others map kinds to measures in the order of their columns.
    """
    rounds = ", then ".join(f"{steps:,} steps of {batch} questions" for steps, batch in training["rounds"])
    card = CARD.format(
        **{**training, "shares": shares_text(training["shares"]), "rounds": rounds},
        each=each,
        ratings=_rows(ratings),
        preferences=_rows(preferences),
        labels=_rows(labels),
    )
    (folder / "README.md").write_text(card_header("synthetic") + card)


def _rows(measured: Mapping[str, Mapping[str, float]]) -> str:
    return "\n".join(table_row(kind, found.values()) for kind, found in measured.items())
