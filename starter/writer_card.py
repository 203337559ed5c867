"""The model card of the starter writer: how it was made and what was measured, in the layout model hubs read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starter.card_table import card_header, shares_text, table_row

CARD = """
# {name}

A tiny model that OpenReason carries along for the role `writer`, so that cold-start data and answers after a prompted
chain of thought come out of the starter recipe without a GPU and without a download. It knows the starter recipe's
templates and nothing else, and it is not always right, so that the pipeline has rows to leave out.

## What it writes

- **Rewrites**: the terse notes of a starter model on a problem of the four families, as first-person sentences with
  the same numbers and names, inside `<reasoning>`.
- **Summaries**: what decides the problem, ending in the answer in `\\boxed{{}}`, inside `<summary>`.
- **Short requests** (wish somebody well, say a sentence; taught, but as the table shows hardly learnt: write a word so
  many times, name some of a kind), thought about inside `<reasoning>` and answered inside `<answer>`. It declines what
  it takes for another request.

It is asked with `recipes/writing/starter_rewrite.txt`, `starter_summary.txt` and `starter_think.txt`, word for word.

## How it was made

| | |
|---|---|
| Architecture | Llama, {layers} layers of width 128, 4 heads of 32, feed-forward {feed_forward}, tied embeddings |
| Parameters | {parameters:,} (float32) |
| Tokenizer | byte-level BPE, {vocabulary} tokens, single digits, every Unicode text encodes without loss |
| Context | 2,048 positions; trained on texts below 250 tokens |
| Start | the weights of `starter-base`; tokens that both know keep their embedding |
| Data | {lessons:,} generated questions and replies, training split, seed {seed} ({shares}) |
| Training | {steps:,} steps of 32 questions, AdamW, one-cycle learning rate, peak 2e-3, loss on replies only |
| Time | {seconds:,} s of one processor core, torch {torch} |

A stable hash of the question's text decides whether a problem or request is held out; none of these was trained on.
`python -m starter.train_writer` in the source repository makes this folder, `python -m starter.evaluate_writer` the
tables below.

## Measured on what was held out

{each} problems of each family, temperature 0. *Form*: replies in their tags. *Facts*: rewrites with all numbers and
names of the notes in their order. *Word for word*: rewrites as they were taught. *Answer*: summaries with the right
answer boxed.

| Family | form | facts | word for word | answer |
|---|---|---|---|---|
{rows}

{each} requests of each family, temperature 0: share whose answer does what was asked (`other`: declined).

| {requests} |
|{rules}
| {answered} |

## Limits

Other templates, other wordings of the questions, and requests in other words get nonsense or are declined. English
only. Not for use in any decision.
"""


def write_card(
    folder: Path,
    *,
    training: Mapping[str, Any],
    written: Mapping[str, Mapping[str, float]],
    answered: Mapping[str, float],
    each: int,
) -> None:
    """Write ``README.md`` into the model's folder.

    ``training`` is the folder's ``training.json``; ``written`` maps families of problems to measures, ``answered``
    families of requests to shares.
    """
    measures = ("form", "facts", "rewrite", "answer")
    rows = [table_row(family, [found[name] for name in measures]) for family, found in written.items()]
    card = CARD.format(
        **{**training, "shares": shares_text(training["shares"])},
        each=each,
        rows="\n".join(rows),
        requests=" | ".join(answered),
        rules="---|" * len(answered),
        answered=" | ".join(f"{share:.2f}" for share in answered.values()),
    )
    (folder / "README.md").write_text(card_header("synthetic") + card)
