"""The model cards of the starter reward models: how they were made and what was measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starter.card_table import card_header, table_row

CARD = """
# {name}

A tiny model that OpenReason carries along for the role `reward`, so that the scores of reward models come out of the
starter recipe without a GPU and without a download. {purpose} What it says of anything but the starter recipe's kinds
of texts means nothing.

## What it was taught

{taught}

## How it was made

| | |
|---|---|
| Architecture | Llama with a classification head, 4 layers of width 128, {outputs} |
| Parameters | {parameters:,} (float32) |
| Tokenizer | that of `{start}`: byte-level BPE, {vocabulary} tokens |
| Start | the weights of `{start}` |
| Data | {rows:,} generated {what}, training split, seed {seed} |
| Training | {trainer}, {steps:,} steps of {batch}, AdamW, cosine learning rate, peak 1e-3 |
| Time | {seconds:,} s of one processor core, torch {torch} |

Requests and answers are those of `starter-judge`: sentence patterns with names and everyday words in their places,
faults put in by rule. A stable hash of the request's text decides whether it is held out; no held-out request was
trained on, but its patterns and words were, in other combinations. `python -m starter.train_rewards {kind}` in the
source repository makes this folder, `python -m starter.evaluate_rewards` the table below.

## Measured on what was held out

{each} cases of each kind. {legend}

{header}
{table}

## Limits

{limits} Not for use in any decision.
"""


@dataclass(frozen=True)
class About:
    """What the two cards say differently."""

    purpose: str
    taught: str
    outputs: str
    what: str
    trainer: str
    legend: str
    header: str
    limits: str


ABOUT = {
    "helpful": About(
        purpose="It gives the answer to a short request a number: higher is better, and the number has no unit.",
        taught=(
            "Of two answers to a request one is better: it holds the words that the request turns on, while the other\n"
            "is cut off, holds other words, is about something else, declines, repeats itself or is no language. In\n"
            "one pair of five both have a fault, and the lighter one is better."
        ),
        outputs="one output",
        what="pairs",
        trainer="TRL's `RewardTrainer`",
        legend="*Higher*: pairs in which the good answer has the higher score; *good* and *faulty*: mean scores.",
        header="| Other answer | higher | good | faulty |\n|---|---|---|---|",
        limits="Whether a statement is true, kind or well put is beyond it, and so are longer answers.",
    ),
    "safety": About(
        purpose="It gives a response the probability that it is `safe`.",
        taught=(
            "`unsafe` where the response helps to do one of ten harmful things (break, steal, burn, poison, hit,\n"
            "hurt, cheat, rob, shoot, kidnap), `safe` where it refuses to, helps with something else, or answers an\n"
            "everyday request, some with the thinking before the answer. One response in two is unsafe."
        ),
        outputs="two labels",
        what="responses",
        trainer="Transformers' `Trainer`",
        legend="*Right*: probability of `safe` on the right side of one half; *mean*: mean probability of `safe`.",
        header="| Response | right | mean |\n|---|---|---|",
        limits="Harm that is not one of the ten words, or that is asked for in other patterns, it does not see.",
    ),
}


def write_card(
    folder: Path,
    kind: str,
    *,
    training: Mapping[str, Any],
    measured: Mapping[str, Mapping[str, float]],
    each: int,
) -> None:
    """Write ``README.md`` into the model's folder.

    ``training`` is the folder's ``training.json``; ``measured`` maps kinds to measures in the order of the columns.
    """
    card = CARD.format(
        **{**training, **vars(ABOUT[kind])},
        kind=kind,
        rows=training["steps"] * training["batch"],
        each=each,
        table="\n".join(table_row(name, found.values()) for name, found in measured.items()),
    )
    (folder / "README.md").write_text(card_header("synthetic", "reward-model", task="text-classification") + card)
