import pytest

from openreason_dagster.domain.records import Verdict
from openreason_dagster.domain.verification import numeric

JOULES = {"relative": 0.01, "unit": r"$10^{-19} \mathrm{~J}$"}
SPEED = {"relative": 0.01, "unit": "m/s"}

CASES = [
    # reference, specification, answer, verdict, trap
    ("20", SPEED, r"\boxed{20.2}", "correct", "at the end of the tolerance"),
    ("20", SPEED, r"\boxed{20.21}", "incorrect", "beyond the tolerance"),
    ("20", SPEED, r"\boxed{-20}", "incorrect", "sign"),
    ("20", SPEED, r"\boxed{200}", "incorrect", "power of ten"),
    ("20", SPEED, "The speed is 72 km/h.", "incorrect", "no mark, the last number is not the value with its unit"),
    ("20", SPEED, "The answer is 72 km/h.", "correct", "converted"),
    ("20", SPEED, r"\boxed{v \approx 20.1 \,\mathrm{m}\,\mathrm{s}^{-1}}", "correct", "unit as powers"),
    ("20", SPEED, r"\boxed{20 \text{ m/s}^2}", "incorrect", "acceleration"),
    ("20", SPEED, r"\boxed{20 kg}", "incorrect", "mass"),
    ("20", SPEED, r"\boxed{20 \text{ or } 30}", "incorrect", "hedge"),
    ("20", SPEED, r"\boxed{x > 20}", "incorrect", "inequality"),
    ("20", SPEED, r"\boxed{\text{fast}}", "incorrect", "words"),
    ("20", SPEED, "", "no_answer", "empty"),
    ("20", {}, r"\boxed{20.0}", "correct", "no tolerance, equal"),
    ("20", {}, r"\boxed{20.001}", "incorrect", "no tolerance, near"),
    ("0", {"absolute": 0.05}, r"\boxed{0.04}", "correct", "absolute tolerance at zero"),
    ("0", {"relative": 0.5}, r"\boxed{0.04}", "incorrect", "a share of zero is zero"),
    ("100", {"relative": 0.01, "absolute": 5}, r"\boxed{104}", "correct", "the larger tolerance counts"),
    ("1.5e3", {"relative": 0.01}, r"\boxed{1.5 \times 10^{3}}", "correct", "scientific notation"),
    ("3.2", JOULES, r"\boxed{3.2}", "correct", "power of ten in the unit"),
    ("3.2", JOULES, r"\boxed{3.2 \times 10^{-19} J}", "correct", "worked out"),
    ("3.2", JOULES, r"\boxed{2.0 eV}", "correct", "converted to joules"),
    ("3.2", JOULES, r"\boxed{3.2 \times 10^{-18}}", "incorrect", "power off"),
    ("300", {"relative": 0.001, "unit": "K"}, r"\boxed{26.85 °C}", "correct", "temperature scales"),
    ("300", {"relative": 0.001, "unit": "K"}, r"\boxed{300 °C}", "incorrect", "other scale"),
    ("180", {"relative": 0.001, "unit": "degrees"}, r"\boxed{3.14159 \text{ rad}}", "correct", "angle in radians"),
    ("5", {"relative": 0.001, "unit": "%"}, r"\boxed{5\%}", "correct", "percent"),
    ("0.05", {"relative": 0.001}, r"\boxed{5\%}", "correct", "percent for a plain number"),
    (r"\frac{1}{3}", {"relative": 0.01}, r"\boxed{0.333}", "correct", "fraction as the reference"),
    ("50.7 atm", {"relative": 0.01}, r"\boxed{50.7}", "correct", "unit in the reference"),
    ("50.7 atm", {"relative": 0.01}, r"\boxed{5.137 \text{ MPa}}", "correct", "unit in the reference, converted"),
    ("42", {"relative": 1}, r"\boxed{__import__('os').getpid()}", "incorrect", "program"),
    ("42", {"relative": 0.1}, r"\boxed{9^{9^{9^9}}}", "abstained", "power tower"),
    ("forty", {"relative": 0.1}, r"\boxed{40}", "correct", "number word as the reference"),
    ("blue", {"relative": 0.1}, r"\boxed{40}", "bad_reference", "no number as the reference"),
    ("40", {"relative": -0.1}, r"\boxed{40}", "bad_reference", "negative tolerance"),
    ("40", {"relative": "1%"}, r"\boxed{40}", "bad_reference", "tolerance as text"),
    ("1, 2", {}, r"\boxed{1}", "bad_reference", "list as the reference"),
    ("0.5", {}, r"\boxed{\int_0^1 x dx}", "abstained", "integral that is right"),
    ("20", {}, r"\boxed{\sum_{k=1}^{4} 2k}", "abstained", "sum that is right"),
    ("2", {}, r"\boxed{\lim_{x\to 0} \frac{\sin 2x}{x}}", "abstained", "limit that is right"),
    ("20", SPEED, r"\boxed{v = \sqrt{2 g h}}", "abstained", "formula with variables"),
    ("20", SPEED, r"\boxed{20 Q}", "abstained", "letter that is no known unit"),
    ("0.5", {}, r"\boxed{\text{one half}}", "abstained", "number in words"),
    ("105", {}, r"\boxed{one hundred and five}", "abstained", "number in words that reads as two"),
    ("20", {}, r"\boxed{二十}", "abstained", "number in Chinese numerals"),
    ("20", {}, r"\boxed{???}", "abstained", "no formula and no words"),
    ("20", {}, r"\boxed{it cannot be determined}", "incorrect", "sentence without a number"),
    ("20", {}, r"\boxed{(20, 30)}", "incorrect", "tuple"),
    ("20", {}, r"\boxed{20 \pm 1}", "incorrect", "both signs"),
    ("20", {}, r"\boxed{20 + i}", "incorrect", "complex number"),
    ("20", {}, r"\boxed{\infty}", "incorrect", "infinity"),
    (r"\int_0^1 x dx", {}, r"\boxed{0.5}", "bad_reference", "integral as the reference"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("reference", "spec", "answer", "verdict"), [pytest.param(*row[:-1], id=row[-1]) for row in CASES]
)
def test_measured_number(reference, spec, answer, verdict):
    judgement = numeric.judge(reference, spec, answer)
    assert judgement.verdict is Verdict(verdict), judgement
