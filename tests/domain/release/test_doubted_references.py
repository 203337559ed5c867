"""References in doubt are counted, shown with their evidence, and shown as text whatever they hold."""

import polars as pl
from example_tables import small_run

from openreason_dagster.domain.release.card_counts import card_counts
from openreason_dagster.domain.release.doubted_references import LONGEST_TEXT, doubted_examples
from openreason_dagster.domain.release.report import render_report
from openreason_dagster.domain.release.report_data import collect_report_data
from openreason_dagster.domain.schemas import SUSPECT_REFERENCES, TABLES

HOSTILE = "<script>alert(1)</script>"


def suspect(prompt_id="p0", **changes):
    return {
        "prompt_id": prompt_id, "domain": "math", "verifier": "math", "reference_answer": "5", "majority_answer": "7",
        "votes": 3, "answers": 4, "agreement": 0.75, "judged": 4, "models": ["large", "small"], "treatment": "kept",
    } | changes  # fmt: skip


def run_with(*suspects, **texts):
    tables = {name: TABLES[name].frame([]).lazy() for name in TABLES} | small_run(**texts)
    return tables | {"suspect_references": SUSPECT_REFERENCES.frame(suspects).lazy()}


def page_of(tables):
    return render_report(collect_report_data(tables, title="Sums", description=""))


def test_the_card_counts_prompts_and_the_rows_made_from_them():
    tables = run_with(suspect("p0", treatment="replaced"), suspect("p1"), suspect("p2"))
    assert card_counts(tables).doubted.rows() == [("kept", 2, 0), ("replaced", 1, 3)]


def test_a_run_without_doubts_says_so():
    assert "No reference is in doubt." in page_of(run_with())


def test_the_report_shows_prompt_reference_majority_answer_and_counts():
    page = page_of(run_with(suspect(treatment="replaced")))
    section = page.partition('<section id="references"')[2].partition("</section>")[0]
    for text in ("What is 2 + 3?", ">5<", ">7<", ">3<", ">4<", "0.750", "large, small", "replaced"):
        assert text in section


def test_what_models_wrote_stays_text():
    page = page_of(run_with(suspect(majority_answer=HOSTILE, reference_answer=HOSTILE), prompt=HOSTILE))
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(1)" in page


def test_examples_are_few_short_and_the_clearest_first():
    suspects = [suspect(f"p{number}", agreement=number / 10, votes=number) for number in range(10)]
    shown = doubted_examples(run_with(*suspects, suspect(majority_answer="9" * 9_999, agreement=1.0)), size=3)
    assert shown["votes"].to_list() == [3, 9, 8]
    assert shown["majority_answer"].str.len_chars().max() == LONGEST_TEXT + 1
    assert shown.schema["models"] == pl.String
