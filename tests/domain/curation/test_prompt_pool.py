import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from static_model import write_static_model

from openreason_dagster.domain.curation.prompt_pool import PoolResult, build_pool
from openreason_dagster.domain.errors import PoolError
from openreason_dagster.domain.provenance import prompt_id
from openreason_dagster.domain.recipe_pool import Pool
from openreason_dagster.domain.schemas import (
    BENCHMARK_PROMPTS,
    PROMPT_CLUSTERS,
    PROMPT_POOL,
    PROMPT_POOL_DROPPED,
    SEED_PROMPTS,
)

DATA = Path(__file__).parents[2] / "data"
WRONG = "wrong"


def seed(prompt: str, reference: str | None = "1", source: str = "first", row: str = "0") -> dict[str, Any]:
    return {
        "prompt_id": prompt_id(prompt, "math", "{}"),
        "source": source,
        "source_row_id": row,
        "domain": "math",
        "language": "en",
        "prompt": prompt,
        "reference_answer": reference,
        "solution": None,
        "verifier": "math",
        "verifier_spec": "{}",
        "license": "MIT",
    }


def audit(prompts: pl.DataFrame) -> pl.DataFrame:
    """Refuses the reference `wrong`."""
    refused = pl.col("reference_answer") == WRONG
    return prompts.select(
        "prompt_id",
        verdict=pl.when(refused).then(pl.lit("incorrect")).otherwise(pl.lit("correct")),
        message=pl.lit("compared"),
    )


def pool_of(
    *rows: dict[str, Any], benchmark: str | None = None, limit: float = 1.0, policy: str = "mark", near: str = "mark"
) -> PoolResult:
    questions = [benchmark] if benchmark else []
    benchmarks = BENCHMARK_PROMPTS.frame(
        {"benchmark": "b", "benchmark_row_id": "7", "prompt": text, "solution": None} for text in questions
    )
    rules = Pool(rejected_share_limit=limit, near_duplicates={"policy": policy}, near_benchmarks={"policy": near})
    return build_pool(SEED_PROMPTS.frame(rows), benchmarks, audit=audit, rules=rules, folder=Path())


GOOD = seed("What is the good question?", row="9")


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        pytest.param(seed("What?", None), "no_reference", "empty", id="reference-null"),
        pytest.param(seed("What?", " \n"), "no_reference", "empty", id="reference-blank"),
        pytest.param(
            seed("WHAT is the\n good question?", source="second"), "duplicate", "row 9 of source", id="duplicate"
        ),
        pytest.param(seed("Leaked question"), "contaminated", "row 7 of b: leaked question", id="contaminated"),
        pytest.param(seed("What?", WRONG), "bad_reference", "incorrect: compared", id="reference-refused"),
        pytest.param(seed("Leaked question", None), "no_reference", "empty", id="reference-before-contamination"),
        pytest.param(seed("Leaked question", WRONG), "contaminated", "row 7 of b", id="contamination-before-audit"),
    ],
)
def test_dropped_rows_have_the_first_reason_that_applies(row: dict[str, Any], reason: str, detail: str) -> None:
    result = pool_of(GOOD, row, benchmark="Leaked question!")
    assert result.pool["prompt"].to_list() == [GOOD["prompt"]]
    dropped = result.dropped.row(0, named=True)
    assert (result.dropped.height, dropped["reason"]) == (1, reason)
    assert detail in dropped["detail"]


def test_a_row_without_reference_does_not_displace_its_complete_copy() -> None:
    result = pool_of(seed("What?", None, row="0"), seed("What?", "2", row="1"))
    assert result.pool["source_row_id"].to_list() == ["1"]


def test_first_source_wins_whatever_the_order_of_its_rows() -> None:
    rows = [seed(f"Question {n}", source="first", row=str(n)) for n in range(12)]
    copies = [seed(f"question {n}", source="second", row=str(n)) for n in range(12)]
    forward, backward = pool_of(*rows, *copies), pool_of(*rows[::-1], *copies[::-1])
    assert set(forward.pool["source"]) == {"first"}
    assert forward.pool["source_row_id"].to_list() == [str(n) for n in range(12)]
    assert forward.pool.equals(backward.pool)
    assert forward.dropped.equals(backward.dropped)


def test_planted_benchmark_question_stays_out() -> None:
    train = (DATA / "gsm8k" / "train.jsonl").read_text().splitlines()
    leaked = json.loads((DATA / "gsm8k" / "test.jsonl").read_text().splitlines()[0])["question"]
    rows = [seed(json.loads(line)["question"], row=str(n)) for n, line in enumerate(train)]
    result = pool_of(*rows, seed(leaked + " Show your work.", row="40"), benchmark=leaked)
    assert result.pool.height == 40
    assert result.dropped.select("source_row_id", "reason").rows() == [("40", "contaminated")]


def test_above_the_limit_the_counts_by_cause_are_told() -> None:
    rows = [GOOD, seed("a", None), seed("b", None), seed("c", WRONG)]
    with pytest.raises(PoolError, match=r"refuses 3 of 4 seed prompts \(75.0%; 1 bad_reference, 2 no_reference\)"):
        pool_of(*rows, limit=0.7)


def test_at_the_limit_the_pool_stands() -> None:
    assert pool_of(GOOD, seed("a", None), limit=0.5).pool.height == 1


@pytest.mark.parametrize("rows", [pytest.param([], id="no-seeds"), pytest.param([seed("a", None)], id="all-dropped")])
def test_an_empty_pool_is_refused(rows: list[dict[str, Any]]) -> None:
    with pytest.raises(PoolError, match="pool is empty"):
        pool_of(*rows)


def test_a_prompt_that_the_audit_passed_over_is_not_let_in() -> None:
    seeds = SEED_PROMPTS.frame([GOOD, seed("a")])
    with pytest.raises(PoolError, match="no verdict for 1 of 2"):
        build_pool(seeds, BENCHMARK_PROMPTS.frame([]), audit=lambda rows: audit(rows[:1]), rules=Pool(), folder=Path())


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.builds(
            seed,
            prompt=st.sampled_from(["a", "A ", "b", "b c", "leak", "Leak!", "d", "小"]),
            reference=st.sampled_from(["1", WRONG, "", None]),
            source=st.sampled_from(["first", "second", "third"]),
        ),
        max_size=25,
    ),
    st.sampled_from(["mark", "drop"]),
)
def test_every_seed_row_ends_in_exactly_one_table(rows: list[dict[str, Any]], policy: str) -> None:
    rows = [GOOD, *({**row, "source_row_id": str(number)} for number, row in enumerate(rows, start=10))]
    result = pool_of(*rows, benchmark="leak", policy=policy)
    names = ["source", "source_row_id", "prompt"]
    ends = pl.concat([result.pool.select(names), result.dropped.select(names)]).rows()
    assert sorted(ends) == sorted((row["source"], row["source_row_id"], row["prompt"]) for row in rows)
    assert result.pool.schema == PROMPT_POOL.schema
    assert result.clusters.schema == PROMPT_CLUSTERS.schema
    assert result.clusters["prompt_id"].to_list() == result.pool["prompt_id"].to_list()
    assert result.dropped.schema == PROMPT_POOL_DROPPED.schema
    assert result.pool["prompt_id"].is_unique().all()
    assert result.dropped.null_count().sum_horizontal().item() == 0


def test_prompt_whose_verifier_needs_no_reference_enters_without_one():
    constrained = GOOD | {"verifier": "instruction", "reference_answer": None}
    assert pool_of(constrained).pool["prompt_id"].to_list() == [constrained["prompt_id"]]


LONG = "Josie got $50 as a gift and buys two tapes that cost $9 each and a headset for $25. How much money is left?"
REWORDED = LONG.replace("Josie", "Amanda")


def test_near_duplicates_are_marked_and_stay() -> None:
    result = pool_of(seed(LONG, "7"), seed(REWORDED, "7", row="1"), seed("What is 3 + 4?", "7", row="2"))
    assert result.clusters["kind"].to_list() == ["first", "near_duplicate", "single"]
    assert result.clusters["similar_prompt_id"].to_list() == [None, result.pool["prompt_id"][0], None]
    assert result.dropped.is_empty()


def test_dropped_near_duplicates_say_which_prompt_they_repeat() -> None:
    result = pool_of(seed(LONG, "7"), seed(REWORDED, "7", source="second", row="1"), policy="drop")
    assert result.clusters["kind"].to_list() == ["single"]
    dropped = result.dropped.row(0, named=True)
    assert dropped["reason"] == "near_duplicate"
    assert f"row 0 of source first (prompt {result.pool['prompt_id'][0]})" in dropped["detail"]


def test_a_prompt_that_the_audit_refuses_takes_no_near_duplicate_with_it() -> None:
    contested = [seed(LONG, WRONG), seed(REWORDED, WRONG.title(), row="1")]
    assert pool_of(*contested, policy="drop").pool["source_row_id"].to_list() == ["1"]


@pytest.mark.parametrize(("policy", "left"), [("mark", 2), ("drop", 1)])
def test_prompts_that_resemble_a_benchmark_question(policy: str, left: int) -> None:
    result = pool_of(
        GOOD,
        seed(REWORDED, "7"),
        benchmark="Josie got a gift of $50, buys two $9 tapes and a $25 headset.",
        near=policy,
    )
    assert result.matches.select("method", "benchmark").rows() == [("near", "b")]
    assert result.pool.height == left
    assert result.dropped["reason"].to_list() == ["near_benchmark"] * (2 - left)


SAME_MEANING = "Tell me the reason why the kid is glad to live in a tiny house near the shop."
SAID_FIRST = "Tell me the cause why the child is happy to reside in a small home near the store."


@pytest.fixture(scope="module")
def static_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_static_model(tmp_path_factory.mktemp("vectors") / "model", [LONG, SAID_FIRST, SAME_MEANING, "Now!"])


def pool_by_meaning(static_model: Path, near: str, semantic: str) -> PoolResult:
    rows = [(SAID_FIRST, "0"), (LONG, "1"), (SAME_MEANING, "2"), (REWORDED, "3"), (SAME_MEANING + " Now!", "4")]
    rules = Pool(
        rejected_share_limit=1,
        near_duplicates={"policy": near},
        semantic_duplicates={"model": "./model", "policy": semantic},
    )
    seeds = SEED_PROMPTS.frame(seed(text, "7", row=row) for text, row in rows)
    return build_pool(seeds, BENCHMARK_PROMPTS.frame([]), audit=audit, rules=rules, folder=static_model.parent)


def test_semantic_duplicates_are_marked_beside_near_ones(static_model: Path) -> None:
    result = pool_by_meaning(static_model, "mark", "mark")
    ids = result.pool["prompt_id"].to_list()
    assert result.clusters["kind"].to_list() == [
        "first", "first", "semantic_duplicate", "near_duplicate", "near_duplicate"
    ]  # fmt: skip
    assert result.clusters["cluster_id"].to_list() == [ids[0], ids[1], ids[0], ids[1], ids[0]]
    assert result.clusters["similar_prompt_id"].to_list() == [None, None, ids[0], ids[1], ids[2]]


@pytest.mark.parametrize(
    ("semantic", "left", "gone"),
    [
        pytest.param(
            "mark", ["0", "1", "2"], [("near_duplicate", "like row 1"), ("near_duplicate", "like row 2")], id="near-go"
        ),
        pytest.param(
            "drop",
            ["0", "1"],
            [("semantic_duplicate", "like row 0"), ("near_duplicate", "like row 1"), ("near_duplicate", "like row 2")],
            id="both-go",
        ),
    ],
)
def test_near_duplicates_go_before_semantic_ones(
    static_model: Path, semantic: str, left: list[str], gone: list[tuple[str, str]]
) -> None:
    result = pool_by_meaning(static_model, "drop", semantic)
    assert result.pool["source_row_id"].to_list() == left
    assert result.dropped.select("reason", pl.col("detail").str.slice(0, 10)).rows() == gone
    assert ("semantic_duplicate" in result.clusters["kind"]) == (semantic == "mark")


def test_a_pool_keeps_stated_topics_and_groups_the_other_prompts(static_model: Path) -> None:
    stated = seed(LONG, "7", row="0") | {"topic": "Marbles"}
    told = [(SAID_FIRST, "1"), (SAME_MEANING, "2"), ("12 + 13", "3"), ("Now!", "4")]
    rows = [stated, *(seed(text, "7", row=row) for text, row in told)]
    found = {}
    for topics in (None, {"model": str(static_model), "count": 2}):
        rules, seeds = Pool(topics=topics), SEED_PROMPTS.frame(rows)
        result = build_pool(seeds, BENCHMARK_PROMPTS.frame([]), audit=audit, rules=rules, folder=Path())
        assert result.pool.schema == PROMPT_POOL.schema
        found[topics is None] = result.pool["topic"].to_list()
    assert found[True] == ["Marbles", None, None, None, None]
    marbles, first, second, formula, now = found[False]
    assert (marbles, formula, now) == ("Marbles", None, "now")
    assert first == second
    assert len(first.split(", ")) == 3


def test_semantic_duplicates_without_a_reference_are_never_dropped(static_model: Path) -> None:
    free = [
        seed(text, None, row=row) | {"verifier": "instruction"}
        for text, row in [(SAID_FIRST, "2"), (SAME_MEANING, "3")]
    ]
    answered = [seed(SAID_FIRST + " Now!", "7", row="0"), seed(SAME_MEANING + " Now!", "7", row="1")]
    rules = Pool(near_duplicates={"policy": "drop"}, semantic_duplicates={"model": str(static_model), "policy": "drop"})
    seeds = SEED_PROMPTS.frame([*answered, *free])
    result = build_pool(seeds, BENCHMARK_PROMPTS.frame([]), audit=audit, rules=rules, folder=Path())
    assert result.pool["source_row_id"].to_list() == ["0", "2", "3"]
    assert result.clusters["kind"].to_list() == ["single", "first", "semantic_duplicate"]
