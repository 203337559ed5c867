import pytest

from openreason_dagster.domain.verification.code_tests import (
    SuiteTests,
    TestsError,
    TextTests,
    ValueTests,
    code_tests,
)

STDIO = [{"stdin": "1", "stdout": "2"}]


@pytest.mark.parametrize(
    ("suite", "expected"),
    [
        pytest.param("assert f(1) == 2", [("(f)(1)", 2)], id="call_equals_literal"),
        pytest.param("assert f(x=[1], *(2,)) == (1, -2.5)", [("(f)(*(2,), x=[1])", (1, -2.5))], id="any_arguments"),
        pytest.param("assert f(1) == {'a': {1, 2}}, 'why'", [("(f)(1)", {"a": {1, 2}})], id="message"),
        pytest.param("assert True\nassert f(g(1)) == None", [("(f)(g(1))", None)], id="call_within"),
    ],
)
def test_equality_with_a_literal_is_compared_outside(suite, expected):
    tests = code_tests({"suite": suite, "entry": "f"}).tests
    assert isinstance(tests, ValueTests)
    assert [(case.expression, case.expected) for case in tests.cases] == expected


@pytest.mark.parametrize(
    "suite",
    [
        pytest.param("assert f(1)", id="truth"),
        pytest.param("assert not f(1)", id="untruth"),
        pytest.param("assert f(1) < 2", id="order"),
        pytest.param("assert abs(f(1) - 2) < 1e-6", id="tolerance"),
        pytest.param("assert sorted(f(1)) == [1]", id="result_goes_through_a_function"),
        pytest.param("assert is_same(f(1), 2) == True", id="comparison_that_an_answer_could_replace"),
        pytest.param("assert f(1) == f(2)", id="two_results"),
        pytest.param("assert f(1) == 1 + 1", id="expected_is_computed"),
        pytest.param("assert 1 <= f(1) <= 2", id="chain"),
        pytest.param("for n in range(3):\n    assert f(n) == n", id="loop"),
        pytest.param("x = f(1)\nassert x == 2", id="variable"),
        pytest.param("assert f(1) == 2\nassert f(1) > 1", id="one_of_them"),
        pytest.param("assert f(1) == 2 and f(2) == 3", id="conjunction"),
        pytest.param("assert 2 == f(1)", id="turned_around"),
    ],
)
def test_any_other_assertion_is_run_apart_from_the_answer(suite):
    tests = code_tests({"suite": suite, "entry": "f", "prelude": "def is_same(a, b): return a == b"}).tests
    assert isinstance(tests, SuiteTests)
    assert tests.names == {"f": "f"}


def test_suite_with_check_names_its_candidate():
    spec = {"suite": "def check(candidate):\n    assert candidate(1) == 2", "entry": "Solution().solve"}
    tests = code_tests(spec).tests
    assert isinstance(tests, ValueTests)
    assert tests.cases[0].expression == "(Solution().solve)(1)"


def test_helpers_of_the_prompt_stay_with_the_suite():
    suite = "def check(candidate):\n    assert candidate(helper(1)) == other(2)"
    tests = code_tests({"suite": suite, "entry": "f", "prelude": "def helper(x): return x"}).tests
    assert isinstance(tests, SuiteTests)
    assert tests.names == {"candidate": "f", "f": "f", "other": "other"}
    assert tests.suite.endswith("check(candidate)\n")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param({}, "no tests", id="nothing"),
        pytest.param({"stdio": STDIO, "suite": "assert f() == 1"}, "expected one of", id="two_kinds"),
        pytest.param({"stdio": []}, "with one at least", id="no_cases"),
        pytest.param({"stdio": [1]}, "list of objects", id="cases_of_another_type"),
        pytest.param({"stdio": [{"stdin": "1"}]}, "`stdout` has to be a text", id="no_expected_output"),
        pytest.param({"stdio": [{"stdout": " \n"}]}, "does nothing would pass", id="only_empty_outputs"),
        pytest.param({"stdio": STDIO, "language": "cobol"}, "language 'cobol' is unknown", id="language"),
        pytest.param({"stdio": STDIO, "comparison": "fuzzy"}, "comparison 'fuzzy' is unknown", id="comparison"),
        pytest.param({"stdio": STDIO, "comparison": "tolerance"}, "needed by", id="tolerance_missing"),
        pytest.param({"stdio": STDIO, "tolerance": 1.0}, "needed by", id="tolerance_unused"),
        pytest.param({"stdio": STDIO, "comparison": "checker"}, "needed by", id="checker_missing"),
        pytest.param({"stdio": STDIO, "seconds": True}, "number above 0", id="seconds_of_another_type"),
        pytest.param({"stdio": STDIO, "seconds": 1e9}, "at most 120", id="too_many_seconds"),
        pytest.param({"calls": [{"expected": 1}]}, "`entry` has to be", id="no_entry"),
        pytest.param({"calls": [{"args": [1]}], "entry": "f"}, "needs `expected`", id="no_expected_value"),
        pytest.param({"calls": [{"args": 1, "expected": 1}], "entry": "f"}, "`args` is a list", id="arguments"),
        pytest.param({"calls": [{"expected": 1}], "entry": "f("}, "no expression", id="entry_is_no_expression"),
        pytest.param({"calls": [{"expected": 1}], "entry": "f", "language": "c"}, "for python only", id="calls_in_c"),
        pytest.param({"suite": "assert f( == 1"}, "no Python", id="suite_is_no_python"),
        pytest.param({"suite": "f(1)"}, "any answer would pass", id="suite_without_assertion"),
        pytest.param({"suite": "assert 1 == 1"}, "calls nothing of the answer", id="suite_without_call"),
        pytest.param({"suite": "assert f(1) == 1", "prelude": 3}, "`prelude` has to be", id="prelude_of_another_type"),
    ],
)
def test_tests_that_cannot_judge_are_refused(spec, message):
    with pytest.raises(TestsError, match=message):
        code_tests(spec)


def test_defaults_of_programs():
    tests = code_tests({"stdio": STDIO})
    assert (tests.language, tests.prelude, tests.setup, tests.seconds) == ("python", "", "", None)
    assert isinstance(tests.tests, TextTests)
    assert tests.tests.comparison == "tokens"


def test_function_named_like_a_builtin_is_the_answers():
    tests = code_tests({"suite": "assert sum(10, 15) == 6\nassert sum(100, 150) == 93"}).tests
    assert isinstance(tests, ValueTests)
    assert [case.expression for case in tests.cases] == ["(sum)(10, 15)", "(sum)(100, 150)"]
