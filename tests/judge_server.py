"""A chat completions server on loopback whose replies are written by a function of the question: scripted judges."""

import re
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field

from sandbox_servers import serve

_TEXT = re.compile(r"--- (\w+) (\w{12}) begins ---\n(.*?)\n--- \1 \2 ends ---", re.S)


@dataclass(frozen=True)
class Put:
    """What was put before the judge."""

    mark: str
    question: str
    reference: str
    answer: str
    is_reminded: bool


@dataclass
class JudgeServer:
    """Address, and everything that was asked."""

    base_url: str
    asked: list[Put] = field(default_factory=list)


def read_question(text: str) -> Put:
    texts = {name: shown for name, _, shown in _TEXT.findall(text)}
    (mark,) = {mark for _, mark, _ in _TEXT.findall(text)}
    return Put(mark=mark, is_reminded="An earlier reply" in text, **texts)


@contextmanager
def judge_server(reply: Callable[[Put], str | None]):
    """Serves while entered; where `reply` gives None the server fails with HTTP 400."""
    asked: list[Put] = []

    def handle(path: str, body: dict):
        if path.endswith("/models"):
            return 200, {"data": [{"id": "j"}]}
        put = read_question(body["messages"][-1]["content"])
        asked.append(put)
        text = reply(put)
        if text is None:
            return 400, {"error": {"message": "scripted"}}
        message = {"role": "assistant", "content": text}
        usage = {"prompt_tokens": 100, "completion_tokens": 10}
        return 200, {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage}

    with serve(handle) as address:
        yield JudgeServer(f"{address}/v1", asked)


def verdict_line(put: Put, verdict: str) -> str:
    return f'Compared.\n{{"id": "{put.mark}", "verdict": "{verdict}"}}'
