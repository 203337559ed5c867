import time

import pytest

from openreason_dagster.domain.records import Verdict
from openreason_dagster.domain.verification import procedural

IN_X = {"variable": "x"}
REDUCED = {"simplified_numerator": 46, "simplified_denominator": 81}
FOUR = {"numbers": [2, 9, 6, 7]}
TARGET = {"numbers": [1, 72, 1, 77, 89], "target": 863}
BOARD = {"valid_answers": ["_ Q _ _\n_ _ _ Q\nQ _ _ _\n_ _ Q _", "_ _ Q _\nQ _ _ _\n_ _ _ Q\n_ Q _ _"]}
GRID = "1 3 2 4\n2 4 1 3\n4 2 3 1\n3 1 4 2"


def verdict(task, reference, metadata, answer):
    spec = {"task": task, "entry": {"metadata": metadata}}
    return procedural.judge_directly(reference, spec, f"<answer>{answer}</answer>").verdict


@pytest.mark.parametrize(
    ("task", "reference", "metadata", "answer"),
    [
        pytest.param("binary_matrix", "0 1\n1 0", {}, "[[0, 1], [1, 0]]", id="matrix as a list"),
        pytest.param("spiral_matrix", "1 2 3", {}, "[1, 2, 3]", id="row as a list"),
        pytest.param("number_sorting", "['-3.0', '7']", {}, "[-3, 7.00]", id="numbers in another form"),
        pytest.param("pool_matrix", "4.67 3.0", {}, "4.6667 3", id="more places"),
        pytest.param("string_insertion", "ABC", {}, "['A', 'B', 'C']", id="list of characters"),
        pytest.param("bitwise_arithmetic", "-0x2f", {}, "-0x2F", id="capitals"),
        pytest.param("fraction_simplification", r"$\frac{46}{81}$", REDUCED, "46/81", id="other spelling"),
        pytest.param("sudoku", GRID, {}, "1|3|2|4\n---+---\n2|4|1|3\n4|2|3|1\n3|1|4|2", id="grid with lines"),
        pytest.param("futoshiki", "1 < 2\n\n2   1", {}, "1 2\n2 1", id="grid without signs"),
        pytest.param("puzzle24", "2+9+6+7", FOUR, "(9 + 7) + 6 + 2 = 24", id="another order and the result"),
        pytest.param("countdown", "-1 + 72*(89 - 77)/1", TARGET, "72 × (89 − 77) − 1 ÷ 1", id="signs of print"),
        pytest.param("n_queens", "", BOARD, "__Q_\nQ___\n___Q\n_Q__", id="another board"),
        pytest.param("codeio", '{"a": 1, "b": [2]}', {}, '{"b": [2], "a": 1}', id="order of keys"),
        pytest.param("advanced_geometry", "16.91°", {}, "16.909", id="more places than the reference"),
        pytest.param("advanced_geometry", "(7.765, 7.882)", {}, "(7.7647, 7.8824)", id="point"),
        pytest.param("polynomial_multiplication", "x**2 - 2*x*y", {}, "-2yx + x^2", id="order of terms"),
        pytest.param("simple_integration", "4*X**10/3 - 7*X/4 + C", {}, "4/3*X**10 - 7*X/4", id="no constant"),
        pytest.param("simple_integration", "2*X**2 + C", {}, "2*X**2 + 5", id="another constant"),
        pytest.param("intermediate_integration", "exp(3*x)/3 + C", IN_X, "E**(3*x)/3", id="power of E, no constant"),
        pytest.param(
            "intermediate_integration", "-3*sin(x + 8)**4/4 + C", IN_X, r"-\frac{3}{4}\sin^4(x+8)+K", id="LaTeX"
        ),
        pytest.param(
            "intermediate_integration", "-cos(x)**2 + C", IN_X, "F(x) = sin(x)**2 + 5", id="differs by a constant"
        ),
        pytest.param(
            "intermediate_integration",
            "x*asin(3*x) + sqrt(1 - 9*x**2)/3 + C",
            IN_X,
            "(3*x*asin(3*x) + (1 - 9*x**2)**(1/2))/3",
            id="defined near zero only",
        ),
        pytest.param(
            "intermediate_integration", "x*log(x) - x + C", IN_X, "x*(ln(x) - 1) + C", id="positive side only"
        ),
        pytest.param(
            "intermediate_integration", "2*(x - 10)**(3/2)/3 + C", IN_X, "2/3*sqrt(x-10)^3", id="defined far away"
        ),
        pytest.param(
            "intermediate_integration", "(2*X**3 + X) + C", {"variable": "X"}, "X + 2*X**3", id="capital variable"
        ),
        pytest.param("time_intervals", "32 days, 01:46", {}, "32 days, 1:46", id="hour of one digit"),
        pytest.param("time_intervals", "5 days", {}, "5", id="days without the word"),
    ],
)
def test_right_answer_in_another_form(task, reference, metadata, answer):
    assert verdict(task, reference or BOARD["valid_answers"][0], metadata, answer) is Verdict.CORRECT


@pytest.mark.parametrize(
    ("task", "reference", "metadata", "answer"),
    [
        pytest.param(
            "number_sorting", "['1.0', '2.0']", {}, "['1.9', '2.9']", id="within the package's tolerance of 1"
        ),
        pytest.param("number_sorting", "['1', '2']", {}, "['2', '1']", id="order"),
        pytest.param("intermediate_integration", "exp(3*x) + C", IN_X, "exp(3*x)/3 + C", id="factor"),
        pytest.param("intermediate_integration", "exp(3*x) + C", IN_X, "3*exp(3*x)", id="derivative"),
        pytest.param("intermediate_integration", "exp(3*x) + C", IN_X, "exp(3*x) + C*x", id="constant times x"),
        pytest.param(
            "intermediate_integration", "exp(9*x**2) + C", IN_X, "exp(9*x**2) + x", id="small beside the rest"
        ),
        pytest.param("intermediate_integration", "x**2 + C", IN_X, "X**2 + C", id="another variable"),
        pytest.param("intermediate_integration", "x**2 + C", IN_X, "C", id="constant alone"),
        pytest.param("binary_matrix", "0 1\n1 0", {}, "0 1 1 0", id="rows lost"),
        pytest.param("binary_matrix", "0 1", {}, "__import__('os')", id="program"),
        pytest.param("pool_matrix", "100.0", {}, "100.9", id="within the package's tolerance of one percent"),
        pytest.param("string_insertion", "ABC", {}, "''.join(['A', 'B', 'C'])", id="program that makes the answer"),
        pytest.param("bitwise_arithmetic", "0x2f", {}, "0x2f - 0x0", id="not worked out"),
        pytest.param("bitwise_arithmetic", "-0x2f", {}, "0x2f", id="sign"),
        pytest.param("fraction_simplification", "46/81", REDUCED, "92/162", id="not reduced"),
        pytest.param("fraction_simplification", "46/81", REDUCED, r"\frac{46}{81} or 1/2", id="hedge"),
        pytest.param("mini_sudoku", GRID, {}, GRID[:-1] + "3", id="one digit"),
        pytest.param("mini_sudoku", GRID, {}, f"It is\n{GRID}", id="words"),
        pytest.param("puzzle24", "2+9+6+7", FOUR, "8 * 3", id="other numbers, which the package accepts"),
        pytest.param("puzzle24", "2+9+6+7", FOUR, "2 + 9 + 6 + 7 + 0 / 1", id="further numbers"),
        pytest.param("puzzle24", "2+9+6+7", FOUR, "9 * 7 / 2 - 6", id="25.5 cut to whole points"),
        pytest.param("puzzle24", "2+9+6+7", FOUR, "2 + 9 + 6 + 7 = 25", id="wrong result beside it"),
        pytest.param("puzzle24", "2+9+6+7", FOUR, "len('2967' * 6)", id="program"),
        pytest.param("countdown", "863", TARGET, "863", id="the target itself"),
        pytest.param("countdown", "863", TARGET, "72*(89 - 77) - 1", id="a number left out"),
        pytest.param("n_queens", "", BOARD, "Q___\n_Q__\n__Q_\n___Q", id="queens that attack"),
        pytest.param("n_queens", "", BOARD, "open('x')", id="program"),
        pytest.param("codeio", "[1, 2]", {"input_data": 5}, "[1, 3]", id="other output"),
        pytest.param("codeio", "1", {"input_data": 5}, "true", id="true is not one"),
        pytest.param("advanced_geometry", "16.91°", {}, "16.92", id="last place"),
        pytest.param("advanced_geometry", "(7.765, 7.882)", {}, "7.765, 7.882", id="no point"),
        pytest.param("polynomial_multiplication", "x**2 - 2*x", {}, "x**2 + 2*x", id="sign"),
        pytest.param("simple_integration", "2*X**2 + C", {}, "2*X**3 + C", id="power"),
        pytest.param("time_intervals", "5 days", {}, "5 or 6 days", id="hedge that the package accepts"),
        pytest.param("time_intervals", "03:35", {}, "3 days 03:35", id="days besides"),
    ],
)
def test_wrong_answer(task, reference, metadata, answer):
    assert verdict(task, reference or BOARD["valid_answers"][0], metadata, answer) is Verdict.INCORRECT


def test_other_input_may_give_the_same_output():
    metadata = {"input_data": {"N": 35}, "output_data": 0.3333333333333333}
    assert verdict("codeio", '{"N": 35}', metadata, '{"N": 36}') is Verdict.ABSTAINED
    assert verdict("codeio", '{"N": 35}', metadata, '{"N":35}') is Verdict.CORRECT


@pytest.mark.parametrize("task", ["puzzle24", "countdown", "n_queens", "fraction_simplification"])
def test_metadata_that_lacks_what_the_rule_needs(task):
    assert verdict(task, "1", {}, "1/2") in (Verdict.BAD_REFERENCE, Verdict.INCORRECT)
    spec = {"task": task}
    assert procedural.judge_directly("1", spec, "<answer>1</answer>").verdict is Verdict.BAD_REFERENCE


@pytest.mark.parametrize(
    ("task", "reference", "answer"),
    [
        pytest.param("quantum_lock", "A → B", "A → B or B → A", id="sequence"),
        pytest.param("sokoban", "LR", "LR, or rather RL", id="moves"),
        pytest.param("knights_knaves", "Ann is a knight.", "Ann is a knight. Or is she?", id="sentence"),
        pytest.param("survo", "1 2\n3 4", "1 2\n3 4\nor not", id="grid"),
    ],
)
def test_scored_answer_with_more_than_the_task_asks_for_is_not_judged(task, reference, answer):
    spec = {"task": task, "entry": {"metadata": {}}}
    assert procedural.judge(reference, spec, f"<answer>{answer}</answer>").verdict is Verdict.ABSTAINED


@pytest.mark.parametrize("answer", ["(x + 1)*(x - 1)", "__import__('os').system('x')", "x**2 - 1 or so"])
def test_polynomial_that_is_not_written_term_by_term_is_not_judged(answer):
    assert verdict("polynomial_multiplication", "x**2 - 1", {}, answer) is Verdict.ABSTAINED


@pytest.mark.parametrize(
    "answer",
    [
        "x^{9999}y^{9999}(x+y)^{9999}", "x!!!!!!", "10**10**x", "(3000!)^{x}", r"\sin(10^{9999}x)", "e^{e^{e^{e^{x}}}}",
        "+".join(["sin(x)^7"] * 60), "(" * 20 + "x" + ")!" * 20, "x" * 900, r"\binom{100000}{50000}x", "gamma(x)^{500}",
    ],
    ids=lambda answer: answer[:20],
)  # fmt: skip
def test_an_antiderivative_of_any_size_is_judged_in_no_time(answer):
    started = time.process_time()
    assert verdict("intermediate_integration", "exp(x) + C", IN_X, answer) is not Verdict.CORRECT
    assert time.process_time() - started < 3
