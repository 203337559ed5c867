"""The pool of a recipe that names a static model: clusters and topics by meaning, and what the run says of them."""

import json

import dagster as dg
from static_model import write_static_model

TEXTS = [
    "Describe a famous story that people often tell about a big house by the sea.",
    "List numerous reasons why a trip by car is important.",
    "Explain a renowned tale that persons frequently tell about a huge home by the sea.",
]


def test_prompts_of_one_meaning_are_counted_and_shown(small, instance):
    write_static_model(small.folder / "vectors", TEXTS)
    rows = small.folder / "rows.jsonl"
    rows.write_text("".join(json.dumps({"text": text, "answer": "none"}) + "\n" for text in TEXTS), encoding="utf-8")
    source = {
        "name": "texts", "kind": "file", "path": "rows.jsonl", "license": "MIT", "domain": "general",
        "verifier": "exact", "columns": {"prompt": "text", "answer": "answer"},
    }  # fmt: skip
    vectors = {"model": "./vectors"}
    small.write_recipe(sources=[source], pool={"semantic_duplicates": vectors, "topics": vectors | {"count": 2}})
    tags = {"dagster/asset_partition_range_start": "texts", "dagster/asset_partition_range_end": "texts"}
    small.run("collect_seeds", instance, tags)
    small.run("build_pool", instance)

    clusters = small.tables.scan("prompt_clusters").collect()
    assert clusters["kind"].to_list() == ["first", "single", "semantic_duplicate"]
    event = instance.get_latest_materialization_event(dg.AssetKey("prompt_pool"))
    metadata = {name: value.value for name, value in event.asset_materialization.metadata.items()}
    counts = {
        name: metadata[name] for name in ("clusters", "largest_cluster", "semantic_duplicates", "near_duplicates")
    }
    assert counts == {"clusters": 2, "largest_cluster": 2, "semantic_duplicates": 1, "near_duplicates": 0}
    topics = small.tables.scan("prompt_pool").collect()["topic"].to_list()
    assert topics[0] == topics[2] != topics[1]
    shown = event.asset_materialization.metadata["prompts_by_topic"].records
    assert metadata["topics"] == 2
    assert [record.data for record in shown] == [{"topic": topics[0], "prompts": 2}, {"topic": topics[1], "prompts": 1}]
    assert TEXTS[2] in str(metadata["semantic_duplicate_examples"])
    assert TEXTS[0] not in str(metadata["near_duplicate_examples"])
