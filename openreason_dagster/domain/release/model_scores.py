"""What reward models and judges found of answers that no verifier decides about: figures for the report."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from openreason_dagster.domain.datasets.non_reasoning_data import NOT_SAMPLED
from openreason_dagster.domain.release.temperature_order import temperature_order

_SCORER = ("reward", "scorer", "revision", "settings")
_PARTITION = ("model", "temperature")
_SETTINGS_CHARACTERS = 8


@dataclass(frozen=True, kw_only=True)
class ModelScores:
    """Each frame is empty where the recipe has no such model, or it found nothing yet."""

    reward_models: pl.DataFrame
    """reward, scorer, revision, settings (the beginning of the fingerprint), responses; scored, those with a score;
    mean_score, standard_deviation, lowest and highest of these; cut, responses longer than the model reads."""
    by_partition: pl.DataFrame
    """The same per model and temperature that the responses are from."""
    judges: pl.DataFrame
    """judge, pairs, decided (every vote was read), kept (as preference pair), mean_difference (its size, of decided
    pairs), lead_when_shown_first (mean score of the answer that is shown first less the other's, over all votes that
    were read: 0 for a judge that does not go by the order)."""
    votes: pl.DataFrame
    """Per model and temperature that answers in pairs are from: answers, mean_score over all votes that were read,
    won, lost and open, which none did."""
    labels: pl.DataFrame
    """judge, model, temperature, responses, safe, unsafe, unknown."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return all(frame.is_empty() for frame in (self.reward_models, self.judges, self.labels))


def collect_model_scores(tables: Mapping[str, pl.LazyFrame]) -> ModelScores:
    """Aggregate `model_rewards`, `preference_votes` and `safety_set`.

    Needs besides the tables of the responses: sampled_traces, chat_sft_data, cot_prompted_traces.
    """
    scores = tables["model_rewards"].with_columns(settings=pl.col("fingerprint").str.head(_SETTINGS_CHARACTERS))
    asked, origins = tables["preference_votes"].filter(pl.col("judge_model").is_not_null()), _origins(tables)
    return ModelScores(
        reward_models=_scores_by(scores, *_SCORER),
        by_partition=_scores_by(scores, *_SCORER, *_PARTITION),
        judges=_judges(asked),
        votes=_votes_by_partition(asked, origins),
        labels=_labels(tables["safety_set"], origins),
    )


def response_ids(tables: Mapping[str, pl.LazyFrame]) -> pl.LazyFrame:
    """trace_id of everything that a reward model or a judge may be shown."""
    return _origins(tables).select("trace_id")


def _origins(tables: Mapping[str, pl.LazyFrame]) -> pl.LazyFrame:
    """trace_id, model and temperature of every response."""
    taken_over = tables["chat_sft_data"].select(
        trace_id="conversation_id", model=pl.lit(NOT_SAMPLED), temperature=pl.lit(NOT_SAMPLED)
    )
    written = (tables[name].select("trace_id", *_PARTITION) for name in ("sampled_traces", "cot_prompted_traces"))
    return pl.concat([*written, taken_over])


def _scores_by(scores: pl.LazyFrame, *keys: str) -> pl.DataFrame:
    score = pl.col("score")
    found = scores.group_by(keys).agg(
        responses=pl.len(),
        scored=score.count(),
        mean_score=score.mean(),
        standard_deviation=score.std(ddof=0),
        lowest=score.min(),
        highest=score.max(),
        cut=pl.col("is_truncated").sum(),
    )
    return _sorted(found, *keys)


def _judges(votes: pl.LazyFrame) -> pl.DataFrame:
    single = _single_votes(votes).group_by("judge_model").agg(lead_when_shown_first=pl.col("lead").mean())
    pairs = votes.group_by("judge_model").agg(
        pairs=pl.len(),
        decided=pl.col("mean_difference").count(),
        kept=pl.col("reason").is_null().sum(),
        mean_difference=pl.col("mean_difference").abs().mean(),
    )
    return _sorted(pairs.join(single, on="judge_model", how="left").rename({"judge_model": "judge"}), "judge")


def _single_votes(votes: pl.LazyFrame) -> pl.LazyFrame:
    """judge_model and lead, of each vote that was read: the score of the answer shown first less the other's."""
    single = votes.select("judge_model", "votes").explode("votes").unnest("votes")
    difference = pl.col("first_score") - pl.col("second_score")
    shown_first = pl.when(pl.col("order") == "forward").then(difference).otherwise(-difference)
    return single.select("judge_model", lead=shown_first).drop_nulls("lead")


def _votes_by_partition(votes: pl.LazyFrame, origins: pl.LazyFrame) -> pl.DataFrame:
    sides = [
        votes.select(
            trace_id=f"{side}_trace_id",
            score=pl.col("votes").list.eval(pl.element().struct.field(f"{side}_score")),
            won=pl.col("chosen") == side,
        )
        for side in ("first", "second")
    ]
    answers = pl.concat(sides).join(origins.unique("trace_id"), on="trace_id", how="inner")
    found = answers.group_by(_PARTITION).agg(
        answers=pl.len(),
        mean_score=pl.col("score").explode().mean(),
        won=pl.col("won").sum(),
        lost=(~pl.col("won")).sum(),
        open=pl.col("won").is_null().sum(),
    )
    return _sorted(found, *_PARTITION)


def _labels(labelled: pl.LazyFrame, origins: pl.LazyFrame) -> pl.DataFrame:
    rows = labelled.select("trace_id", "label", judge="judge_model")
    counts = {name: (pl.col("label") == name).sum() for name in ("safe", "unsafe", "unknown")}
    found = rows.join(origins.unique("trace_id"), on="trace_id", how="inner")
    keys = ("judge", *_PARTITION)
    return _sorted(found.group_by(keys).agg(responses=pl.len(), **counts), *keys)


def _sorted(frame: pl.LazyFrame, *keys: str) -> pl.DataFrame:
    order = [temperature_order(pl.col(key)) if key == "temperature" else pl.col(key) for key in keys]
    return frame.collect(engine="streaming").sort(order)
