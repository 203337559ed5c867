"""Preference votes from the tables: pairs of open answers, the judge's votes, and the pairs that they decide."""

from collections.abc import Iterator, Sequence

import polars as pl

from openreason_dagster.domain.datasets.open_answers import open_answers
from openreason_dagster.domain.datasets.vote_pairs import candidates, decided, measured
from openreason_dagster.domain.inference.asked_again import ask_until_read
from openreason_dagster.domain.recipe_open_answers import PreferenceVotes
from openreason_dagster.domain.schemas import PREFERENCE_VOTES
from openreason_dagster.domain.verification.preference_judge import (
    Contest,
    Election,
    ballots,
    election,
    question,
    read_vote,
)
from openreason_dagster.resources.judge_desk import JudgeDesk, judge_desk
from openreason_dagster.resources.progress import ProgressListener
from openreason_dagster.resources.scope import recipe_tables
from openreason_dagster.resources.tables import Tables
from openreason_dagster.resources.workspace import Workspace

JUDGE_KEY = "preference_pairs.votes.judge"
_PAIRS_PER_BATCH = 500


def build_preference_votes(tables: Tables, workspace: Workspace, *, run_id: str, progress: ProgressListener) -> None:
    """Replace preference_votes; a recipe without `preference_pairs.votes` leaves it empty.

    Replies are committed as they come, so that a run that ends early asks only for what is missing.

    Raises:
        RecipeError: the judge or its template cannot be used.
        EngineError: the judge's model is gone.
    """
    rules = workspace.recipe().preference_pairs.votes
    if rules is None:
        tables.replace("preference_votes", PREFERENCE_VOTES.frame([]))
        return
    answers = open_answers(recipe_tables(tables, workspace), rules)
    pairs = candidates(measured(answers).collect(engine="streaming"), rules)
    nothing = {"votes": pl.lit([], dtype=PREFERENCE_VOTES.schema["votes"]), "judge_model": pl.lit(None, pl.String),
               "mean_difference": pl.lit(None, pl.Float64)}  # fmt: skip
    rows = [pairs.filter(pl.col("reason").is_not_null()).with_columns(**nothing)]
    with judge_desk(tables, workspace, settings=rules.judge, key=JUDGE_KEY, run_id=run_id, progress=progress) as desk:
        rows += [_voted(batch, rules, desk) for batch in _with_texts(pairs, answers)]
    tables.replace("preference_votes", decided(pl.concat(rows, how="diagonal"), rules))


def _with_texts(pairs: pl.DataFrame, answers: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    """The pairs to vote on in batches, with `request` (worded as with the first answer), `first` and `second`."""
    narrow = answers.select("trace_id", "prompt", text=pl.col("answer").str.strip_chars())
    first = narrow.select(first_trace_id="trace_id", request="prompt", first="text")
    second = narrow.select(second_trace_id="trace_id", second="text")
    joined = (
        pairs.lazy()
        .filter(pl.col("reason").is_null())
        .join(first, on="first_trace_id", how="inner")
        .join(second, on="second_trace_id", how="inner")
        .sort("pair_id")
    )
    yield from joined.collect_batches(chunk_size=_PAIRS_PER_BATCH, engine="streaming", maintain_order=True)


def _voted(pairs: pl.DataFrame, rules: PreferenceVotes, desk: JudgeDesk) -> pl.DataFrame:
    """The pairs without their texts, with votes and mean difference; the reason is the problem of a missing vote."""
    contests = [Contest(**row) for row in pairs.select("request", "first", "second").iter_rows(named=True)]
    asked = ballots(rules.votes_per_order)
    votes = ask_until_read(
        desk.judge.ask,
        [(contest, ballot) for contest in contests for ballot in asked],
        question=lambda case, attempt: question(*case, attempt=attempt, template=desk.template),
        read=lambda case, reply: read_vote(*case, reply),
        is_unreadable=lambda vote: vote.problem == "unreadable",
        attempts=rules.attempts,
    )
    results = [election([votes[contest, ballot] for ballot in asked]) for contest in contests]
    return (
        pairs.drop("reason", "request", "first", "second")
        .hstack(_columns(results))
        .with_columns(judge_model=pl.lit(rules.judge.model))
    )


def _columns(results: Sequence[Election]) -> pl.DataFrame:
    rows = [
        {
            "votes": [vars(vote) for vote in result.votes],
            "mean_difference": result.mean_difference,
            "reason": result.problem,
        }
        for result in results
    ]
    schema = {"votes": PREFERENCE_VOTES.schema["votes"], "mean_difference": pl.Float64(), "reason": pl.String()}
    return pl.DataFrame(rows, schema=schema, orient="row")
