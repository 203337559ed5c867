"""A model in a role: what it replied is kept, what failed is asked again, and what it costs is counted."""

import pytest
from fault_server import FaultServer
from small_workspace import starter_entry

from openreason_dagster.domain.errors import EngineError, RecipeError
from openreason_dagster.domain.inference.questions import Question
from openreason_dagster.domain.recipe_roles import RoleModel
from openreason_dagster.domain.records import Message
from openreason_dagster.resources.assistant import Assistant
from openreason_dagster.resources.progress import ProgressListener


def question(number, attempt=1):
    messages = (Message(role="user", content=f"What is {number}+{number}?"),)
    return Question(subject_id=f"trace-{number}", part="forward", messages=messages, attempt=attempt)


class Stops(ProgressListener):
    """Remembers which limits ended what."""

    def __init__(self):
        self.limits = []

    def stopped(self, model, *, limit):
        self.limits.append((model, limit))


@pytest.fixture
def asked(small):
    small.write_recipe()
    small.write_model(starter_entry("helper") | {"roles": ["judge"], "price": {"output_per_million": 1e6}})

    def ask(*calls, run_id="run", progress=None, **settings):
        role = RoleModel(**{"model": "helper", "max_tokens": 40} | settings)
        with Assistant(
            small.tables, small.workspace, role="judge", settings=role, key="verification.judge.model", run_id=run_id,
            progress=progress,
        ) as judge:  # fmt: skip
            replies = [judge.ask(questions) for questions in calls]
            return replies[-1]

    return ask


def rows(small, table="model_replies"):
    return small.tables.scan(table).collect()


def test_replies_are_kept_and_not_asked_again(asked, small):
    first = asked([question(12), question(34)])
    assert set(first) == {question(12), question(34)}
    assert all(reply.text and reply.failure is None for reply in first.values())
    again = asked([question(12), question(34), question(56)], run_id="second")
    assert again[question(12)] == first[question(12)]
    assert sorted(rows(small)["run_id"]) == ["run", "run", "second"]


def test_rows_say_what_was_asked_and_what_it_cost(asked, small):
    asked([question(12)])
    (row,) = rows(small).to_dicts()
    assert row["messages"] == [{"role": "user", "content": "What is 12+12?"}]
    assert (row["role"], row["model"], row["subject_id"], row["part"]) == ("judge", "helper", "trace-12", "forward")
    (paid,) = rows(small, "sampling_ledger").to_dicts()
    assert (paid["model"], paid["temperature"]) == ("helper", "judge")
    assert paid["completion_tokens"] == paid["money"] == row["completion_tokens"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"max_tokens": 39}, id="settings"),
        pytest.param({"temperature": 0.5}, id="temperature"),
        pytest.param({"attempt": 2}, id="attempt"),
    ],
)
def test_another_way_of_asking_is_another_question(asked, small, change):
    asked([question(12)])
    attempt = change.pop("attempt", 1)
    asked([question(12, attempt)], **change)
    assert rows(small)["reply_id"].n_unique() == 2


def test_what_the_budget_refuses_has_no_reply(asked, small):
    small.write_recipe(budget={"run": {"tokens": 90}})
    replies = asked([question(number) for number in range(10, 40)])
    assert 2 <= len(replies) < 30
    assert rows(small).height == len(replies)
    assert rows(small, "sampling_ledger")["completion_tokens"].sum() <= 90


def test_the_listener_is_told_once_which_limit_refused_questions(asked, small):
    small.write_recipe(budget={"run": {"tokens": 90}})
    stops = Stops()
    asked([question(number) for number in range(10, 20)], [question(50)], progress=stops)
    assert stops.limits == [("helper", "budget.run.tokens")]


def test_a_model_that_was_paid_in_the_same_run_has_the_rest_of_the_run_s_budget(asked, small):
    small.write_recipe(budget={"run": {"tokens": 60}})
    asked([question(12)])
    spent = rows(small, "sampling_ledger")["completion_tokens"].sum()
    assert spent > 20, "so that the rest has no room for another question"
    assert asked([question(34)]) == {}
    assert len(asked([question(34)], run_id="another")) == 1


def test_no_weights_are_loaded_for_a_budget_that_is_spent(asked, small):
    small.write_recipe(budget={"run": {"tokens": 39}})
    small.write_model(starter_entry("helper", weights="../starter_models") | {"roles": ["judge"]})
    assert asked([question(1)]) == {}


def test_one_engine_answers_call_after_call(asked, small):
    replies = asked([question(12)], [question(34), question(12)])
    assert all(reply.text for reply in replies.values())
    assert rows(small).height == 2


def test_failures_are_rows_and_are_tried_again(asked, small):
    with FaultServer(seed=1, rates={"http_400": 1.0}) as server:
        small.write_model(
            {
                "name": "helper", "engine": "openai", "base_url": server.base_url, "served_model": "served",
                "revision": "1", "license": "x", "roles": ["judge"], "max_attempts": 1,
            }
        )  # fmt: skip
        replies = asked([question(1)], [question(1)])
        assert replies[question(1)].failure is not None
        assert rows(small)["error"].null_count() == 0
        assert rows(small).height == 1, "what failed is asked again by the next run, not by this one"
        server.rates = {}
        assert asked([question(1)])[question(1)].text
    assert rows(small)["error"].to_list() == [None]


def test_a_model_without_the_role_is_refused(asked, small):
    with pytest.raises(RecipeError, match=r"`verification.judge.model` names model 'starter-base'.*add `judge`"):
        asked([question(1)], model="starter-base")
    assert "helper" not in small.workspace.selected_models()


def test_weights_that_cannot_be_loaded_end_the_call(asked, small):
    small.write_model(starter_entry("helper", weights="../starter_models") | {"roles": ["judge"]})
    with pytest.raises(EngineError):
        asked([question(1)])
