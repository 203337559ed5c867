"""Where a judge model and the rules agree and where they do not, counted and by example."""

from collections.abc import Mapping

import polars as pl

_LONGEST_TEXT = 240


def judge_agreement(evidence: pl.LazyFrame) -> pl.DataFrame:
    """rule_verdict, judge_verdict, verdict (what both make together) and traces, most frequent first."""
    keys = ["rule_verdict", "judge_verdict", "verdict"]
    counts = evidence.unique("trace_id").group_by(keys).agg(traces=pl.len())
    return counts.collect(engine="streaming").sort("traces", *keys, descending=[True, False, False, False])


def judge_disagreements(tables: Mapping[str, pl.LazyFrame], *, examples: int = 3) -> pl.DataFrame:
    """Some traces of each way in which rule and judge differ, with the texts that were compared, clipped.

    Only verdicts of both sides count: where the rule or the judge found none, they do not differ.

    Columns: trace_id, rule_verdict, judge_verdict, prompt, reference, answer, analysis.
    """
    both = pl.all_horizontal(pl.col("rule_verdict", "judge_verdict").is_in(["correct", "incorrect"]))
    differ = tables["judge_verdicts"].filter(both & (pl.col("rule_verdict") != pl.col("judge_verdict")))
    chosen = (
        differ.unique("trace_id")
        .sort("trace_id")
        .group_by("rule_verdict", "judge_verdict", maintain_order=True)
        .head(examples)
        .collect(engine="streaming")
        .lazy()
    )
    pool = tables["prompt_pool"].select("prompt_id", "prompt", reference="reference_answer")
    answers = tables["sampled_traces"].select("trace_id", "answer")
    texts = chosen.join(pool, on="prompt_id").join(answers, on="trace_id")
    shown = texts.sort("rule_verdict", "judge_verdict", "trace_id").select(
        "trace_id",
        "rule_verdict",
        "judge_verdict",
        "prompt",
        "reference",
        pl.col("answer").str.tail(_LONGEST_TEXT),
        pl.col("analysis").str.tail(_LONGEST_TEXT),
    )
    clipped = pl.col("prompt", "reference").str.head(_LONGEST_TEXT)
    return shown.with_columns(clipped).collect(engine="streaming")
