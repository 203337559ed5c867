from pathlib import Path

import pytest

from openreason_dagster.domain.errors import SourceError
from openreason_dagster.domain.recipe_columns import Columns
from openreason_dagster.domain.recipe_sources import FileSource
from openreason_dagster.domain.seeds.message_columns import with_message_columns
from openreason_dagster.domain.seeds.read_source import seed_prompts

DATA = Path(__file__).parents[2] / "data" / "imported_layouts"
TURNS = [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}]


def source_of(name, prompt, **changes):
    values = {
        "kind": "file",
        "name": "n",
        "path": name,
        "license": "x",
        "domain": "math",
        "verifier": "math",
        "columns": {"prompt": prompt, "answer": prompt.replace("user", "assistant")},
        "answer_extraction": {"rule": "last_boxed"},
    }
    return FileSource.model_validate(values | changes)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param({"m": TURNS}, {"m[user]": "q"}, id="user-after-system"),
        pytest.param({"m": [{"from": "human", "value": "h"}]}, {"m[user]": "h"}, id="from-value"),
        pytest.param({"m": None}, {"m[user]": None}, id="null-conversation"),
        pytest.param({"x": 1}, {}, id="no-such-column"),
        pytest.param({"m": TURNS, "m[user]": "own"}, {"m[user]": "own"}, id="a-real-column-wins"),
    ],
)
def test_cells_of_a_role(row, expected):
    (found,) = with_message_columns([row], Columns(prompt="m[user]"))
    assert found == row | expected


def test_rows_without_such_columns_pass_untouched():
    rows = [{"m": TURNS}]
    assert next(with_message_columns(rows, Columns(prompt="m", answer="other[x]"))) is rows[0]


@pytest.mark.parametrize(
    ("name", "prompt", "references"),
    [
        pytest.param("mixture_of_thoughts.jsonl", "messages[user]", ["17", "24"], id="messages"),
        pytest.param("open_thoughts.jsonl", "conversations[user]", ["17", "25"], id="conversations"),
    ],
)
def test_prompts_in_conversations_become_seeds(name, prompt, references):
    (batch,) = seed_prompts(source_of(name, prompt), DATA)
    assert batch.prompts["reference_answer"].to_list() == references
    assert batch.dropped["reason"].to_list() == ["no_reference"]
    assert batch.prompts["prompt"][0].startswith("A shelf")


def test_a_missing_conversation_is_refused():
    with pytest.raises(SourceError, match=r"lacks `columns.prompt: messages\[user\]`"):
        list(seed_prompts(source_of("open_thoughts.jsonl", "messages[user]"), DATA))
