import os
import signal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openreason_dagster.domain.errors import VerificationError
from openreason_dagster.domain.records import Verdict
from openreason_dagster.domain.verification import registry
from openreason_dagster.domain.verification.registry import Comparison
from openreason_dagster.domain.verification.workers import Workers

HANGS = r"\boxed{\lim_{u \to 0} u + (x+y+z+w)^{900}}"
TIMEOUT = 6.0


def compared(reference, answer, kind="math"):
    return Comparison(kind=kind, reference=reference, spec_json="{}", answer=answer)


def symbolic(number):
    """A comparison that needs a worker; right when the number is even."""
    limit = r"\lim_{y \to 0} y"
    return compared(rf"{number}x + {limit}", rf"\boxed{{{limit} + {number + number % 2}x}}")


@pytest.fixture(scope="module")
def workers():
    with Workers(count=2, timeout_seconds=20, memory_megabytes=1024) as workers:
        yield workers


def process_ids(workers):
    return [worker.process.pid for worker in workers._workers]


def test_each_comparison_is_judged_once(workers):
    items = [symbolic(number) for number in range(2, 82)]
    judged = list(workers.judge(iter(items)))
    assert sorted(comparison.answer for comparison, _ in judged) == sorted(item.answer for item in items)
    verdicts = {comparison: judgement.verdict for comparison, judgement in judged}
    assert [verdicts[item] is Verdict.CORRECT for item in items] == [number % 2 == 0 for number in range(2, 82)]


def test_numbers_start_no_process():
    with Workers(count=2, timeout_seconds=5, memory_megabytes=512) as workers:
        judged = list(workers.judge(compared(str(n), rf"\boxed{{{n}}}") for n in range(500)))
        assert {judgement.verdict for _, judgement in judged} == {Verdict.CORRECT}
        assert process_ids(workers) == []


def test_answer_that_hangs_costs_no_other_its_verdict():
    items = [symbolic(number) for number in range(2, 42, 2)]
    items.insert(5, compared(r"\sqrt{2}x", HANGS))
    with Workers(count=1, timeout_seconds=TIMEOUT, memory_megabytes=1024) as workers:
        list(workers.judge([symbolic(100)]))
        verdicts = {comparison: judgement.verdict for comparison, judgement in workers.judge(items)}
    assert verdicts.pop(items[5]) is Verdict.TIMEOUT
    assert len(verdicts) == 20
    assert set(verdicts.values()) == {Verdict.CORRECT}


def test_power_tower_is_left_undecided(workers):
    [(_, judgement)] = workers.judge([compared("42", r"\boxed{9^{9^{9^9}}}")])
    assert judgement.verdict is Verdict.ABSTAINED


@pytest.mark.parametrize("victims", [1, 2], ids=["one worker", "every worker"])
def test_killed_worker_loses_nothing_and_blames_nobody(victims):
    items = [symbolic(number) for number in range(2, 202, 2)]
    with Workers(count=2, timeout_seconds=30, memory_megabytes=1024) as workers:
        stream = workers.judge(items)
        judged = [next(stream)]
        for process_id in process_ids(workers)[:victims]:
            os.kill(process_id, signal.SIGKILL)
        judged += stream
    assert len(judged) == len(items)
    assert {judgement.verdict for _, judgement in judged} == {Verdict.CORRECT}


def test_worker_killed_between_two_calls_is_replaced():
    with Workers(count=1, timeout_seconds=30, memory_megabytes=1024) as workers:
        list(workers.judge([symbolic(2)]))
        workers._workers[0].process.kill()
        workers._workers[0].process.wait()
        [(_, judgement)] = workers.judge([symbolic(4)])
    assert judgement.verdict is Verdict.CORRECT


def test_answer_that_exhausts_memory_is_an_error_and_not_wrong():
    items = [compared(r"\sqrt{2}x", HANGS), *(symbolic(number) for number in range(2, 12, 2))]
    with Workers(count=1, timeout_seconds=60, memory_megabytes=150) as workers:
        verdicts = {comparison: judgement for comparison, judgement in workers.judge(items)}  # noqa: C416
    failed = verdicts.pop(items[0])
    assert failed.verdict is Verdict.ERROR
    assert "memory" in failed.message
    assert {judgement.verdict for judgement in verdicts.values()} == {Verdict.CORRECT}


def test_workers_that_cannot_start_say_what_to_raise():
    with (
        Workers(count=1, timeout_seconds=5, memory_megabytes=30) as workers,
        pytest.raises(VerificationError, match="memory_megabytes"),
    ):
        list(workers.judge([symbolic(2)]))


def test_unknown_kind_is_refused(workers):
    with pytest.raises(VerificationError, match="unknown verifier kind 'taste'"):
        list(workers.judge([compared("1", "1", kind="taste")]))


def test_call_given_up_halfway_leaves_nothing_to_the_next(workers):
    stream = workers.judge([symbolic(number) for number in range(2, 202, 2)])
    next(stream)
    stream.close()
    assert [comparison for comparison, _ in workers.judge([symbolic(3)])] == [symbolic(3)]


def test_workers_see_no_secret(workers, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "a-secret")
    with Workers(count=1, timeout_seconds=30, memory_megabytes=1024) as fresh:
        list(fresh.judge([symbolic(2)]))
        with open(f"/proc/{process_ids(fresh)[0]}/environ", "rb") as file:  # noqa: PTH123
            environment = file.read()
    assert b"a-secret" not in environment
    assert b"HOME" not in environment


def test_leaving_the_context_ends_the_processes():
    with Workers(count=1, timeout_seconds=30, memory_megabytes=1024) as workers:
        list(workers.judge([symbolic(2)]))
        [process_id] = process_ids(workers)
    with pytest.raises(ProcessLookupError):
        os.kill(process_id, 0)


answers = st.one_of(
    st.integers(-50, 50).map(lambda n: rf"\boxed{{{n}}}"),
    st.text(max_size=40),
    st.text(alphabet=r"\{}^_$()[]0123456789+-=,.xyfracsqt", max_size=30).map(lambda text: rf"\boxed{{{text}}}"),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["42", r"\sqrt{2}", r"\text{no}", "(1,2)"]), answers), max_size=12))
def test_any_text_is_judged_exactly_once(workers, pairs):
    items = [compared(reference, answer) for reference, answer in pairs]
    judged = list(workers.judge(items))
    assert sorted(map(repr, items)) == sorted(repr(comparison) for comparison, _ in judged)
    for comparison, judgement in judged:
        direct = registry.judge_directly(comparison)
        assert direct is None or direct.verdict is judgement.verdict
