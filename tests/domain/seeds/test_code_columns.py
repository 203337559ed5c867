import json

import pytest

from openreason_dagster.domain.recipe_sources import FileSource
from openreason_dagster.domain.records import SeedPrompt
from openreason_dagster.domain.seeds.cell_text import UnusableRowError
from openreason_dagster.domain.seeds.code_columns import code_spec_of_cell
from openreason_dagster.domain.seeds.table_rows import table_rows

MBPP = {
    "text": "Write a function to double a number.",
    "code": "import math\r\ndef twice(x):\r\n  return x * 2",
    "test_list": ["assert twice(2) == 4", "assert twice(0) == 0"],
    "setup": "",
}


def seed(row, code, **changes):
    source = FileSource.model_validate(
        {
            "name": "tasks",
            "kind": "file",
            "path": "tasks.jsonl",
            "license": "CC-BY-4.0",
            "domain": "code",
            "verifier": "code",
            "columns": {"prompt": "text", "answer": "code", **changes},
            "code": code,
        }
    )
    (found,) = table_rows([row], source)
    return found


def test_suite_becomes_a_specification_and_the_prompt_says_how_it_is_called():
    found = seed(MBPP, {"suite": "test_list", "setup": "setup"})
    assert isinstance(found, SeedPrompt)
    assert json.loads(found.verifier_spec) == {
        "language": "python",
        "suite": "assert twice(2) == 4\nassert twice(0) == 0",
        "prelude": "import math",
    }
    assert found.reference_answer == MBPP["code"]
    assert found.prompt.startswith(f"{MBPP['text']}\n\nThe tests call it like this:\n\n```python\ntwice(2)\n```")
    assert "4" not in found.prompt, "an expected result must not stand in the prompt"


def test_prompt_that_names_the_function_stays_as_it_is():
    found = seed(MBPP | {"text": "Write `twice`."}, {"suite": "test_list"})
    assert found.prompt == "Write `twice`."


def test_solution_goes_on_from_its_prompt_with_its_indentation():
    row = {
        "text": "def twice(x):\n",
        "code": "    return x * 2\n",
        "test": "def check(c):\n    assert c(1) == 2",
        "e": "twice",
    }
    found = seed(row, {"suite": "test", "entry": "e", "prelude": "text", "continues": "text"})
    assert found.reference_answer == "def twice(x):\n    return x * 2\n"


def test_without_a_solution_there_is_no_reference():
    row = {"text": "Add two numbers.", "tests": {"inputs": ["1 2"], "outputs": ["3"]}}
    found = seed(row, {"stdio": "tests", "language": "cpp", "seconds": 2.0}, answer=None)
    assert found.reference_answer is None
    assert json.loads(found.verifier_spec) == {
        "language": "cpp",
        "stdio": [{"stdin": "1 2", "stdout": "3"}],
        "comparison": "tokens",
        "seconds": 2.0,
    }


@pytest.mark.parametrize(
    "tests",
    [
        pytest.param([{"stdin": "1", "stdout": "2"}], id="list_of_cases"),
        pytest.param([{"input": "1", "output": "2"}], id="other_names"),
        pytest.param({"inputs": ["1"], "outputs": ["2"]}, id="two_lists"),
        pytest.param({"input": ["1"], "output": ["2"]}, id="two_lists_with_other_names"),
        pytest.param('{"inputs": ["1"], "outputs": ["2"]}', id="json_text"),
    ],
)
def test_layouts_of_input_and_output(tests):
    found = seed({"text": "Add one.", "tests": tests}, {"stdio": "tests"}, answer=None)
    assert json.loads(found.verifier_spec)["stdio"] == [{"stdin": "1", "stdout": "2"}]


SUITE = {"suite": "assert twice(2) == 4\nassert twice(0) == 0"}
STDIO = {"stdio": [{"stdin": "1", "stdout": "2"}]}


@pytest.mark.parametrize(
    ("cell", "spec"),
    [
        pytest.param(SUITE["suite"], SUITE, id="text"),
        pytest.param(MBPP["test_list"], SUITE, id="list"),
        pytest.param({"suite": MBPP["test_list"], "entry": "twice"}, SUITE | {"entry": "twice"}, id="object_with_list"),
        pytest.param({"suite": SUITE["suite"], "stdio": None}, SUITE, id="struct_with_nulls"),
        pytest.param(json.dumps(MBPP["test_list"]), SUITE, id="json_list"),
        pytest.param(json.dumps(SUITE), SUITE, id="json_object"),
        pytest.param("{broken", {"suite": "{broken"}, id="text_for_the_verifier_to_refuse"),
        pytest.param([{"input": "1", "output": "2"}], STDIO, id="cases"),
        pytest.param({"inputs": ["1"], "outputs": ["2"]}, STDIO, id="two_lists"),
        pytest.param(STDIO | {"seconds": 4}, STDIO | {"seconds": 4}, id="specification"),
    ],
)
def test_tests_in_one_cell(cell, spec):
    assert code_spec_of_cell(cell, "tests") == spec


@pytest.mark.parametrize("cell", [None, 7, [], [1], {"suite": [1]}, {"suite": 7}, [{"input": "1"}, 7]], ids=repr)
def test_cell_that_holds_no_tests(cell):
    with pytest.raises(UnusableRowError, match="expected"):
        code_spec_of_cell(cell, "tests")


def test_calls_with_json_values():
    row = {"text": "Add.", "cases": '[{"args": [1, 2], "expected": 3}]', "name": "add"}
    found = seed(row, {"calls": "cases", "entry": "name"}, answer=None)
    assert json.loads(found.verifier_spec)["calls"] == [{"args": [1, 2], "expected": 3}]
    assert "```python\nadd(1, 2)\n```" in found.prompt


@pytest.mark.parametrize(
    ("row", "code", "reason"),
    [
        pytest.param({"test_list": []}, {"suite": "test_list"}, "bad_tests", id="no_assertions"),
        pytest.param({"test_list": None}, {"suite": "test_list"}, "bad_tests", id="null"),
        pytest.param({"test_list": ["assert twice( == 4"]}, {"suite": "test_list"}, "bad_tests", id="no_python"),
        pytest.param({"test_list": "[broken"}, {"suite": "test_list"}, "bad_tests", id="no_json"),
        pytest.param({"test_list": {"inputs": ["1"], "outputs": []}}, {"stdio": "test_list"}, "bad_tests", id="uneven"),
        pytest.param({"test_list": [{"input": "1"}]}, {"stdio": "test_list"}, "bad_tests", id="no_output"),
        pytest.param({"code": None}, {"suite": "test_list"}, "no_reference", id="no_solution"),
    ],
)
def test_row_without_usable_tests_is_set_aside(row, code, reason):
    found = seed(MBPP | row, code)
    assert found.reason == reason


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"code": {}}, "exactly one holds the tests", id="no_tests"),
        pytest.param({"code": {"suite": "a", "stdio": "b"}}, "exactly one holds the tests", id="two_kinds"),
        pytest.param({"code": {"calls": "a"}}, "needs `entry`", id="calls_without_name"),
        pytest.param({"code": {"suite": "a", "language": "c"}}, "for python only", id="suite_in_c"),
        pytest.param({"code": {"stdio": "a", "comparison": "tolerance"}}, "`tolerance` is needed", id="no_tolerance"),
        pytest.param({"code": None}, "needed by verifier `code`", id="no_code"),
        pytest.param({"verifier": "math", "code": {"suite": "a"}}, "and by no other", id="other_verifier"),
        pytest.param(
            {"columns": {"prompt": "p", "choices": "c"}, "code": {"suite": "a"}},
            "columns.choices` is not used|needs `columns.answer`",
            id="choices",
        ),
    ],
)
def test_recipe_that_makes_no_sense_is_refused(changes, message):
    source = {
        "name": "tasks",
        "kind": "file",
        "path": "tasks.jsonl",
        "license": "MIT",
        "domain": "code",
        "verifier": "code",
        "columns": {"prompt": "text"},
    }
    with pytest.raises(ValueError, match=message):
        FileSource.model_validate(source | changes)
