"""A writer behind a real chat server that replies as a function of the question says."""

import re
from collections.abc import Callable
from typing import Any

from fault_server import FaultServer

Script = Callable[[str], str]
"""From the last message of a question to the text of the reply."""


def scripted_writer(script: Script, *, finish_reason: str = "stop") -> FaultServer:
    """A server on loopback that never fails and replies by the script."""

    def reply(request: dict[str, Any]) -> dict[str, Any]:
        message = {"role": "assistant", "content": script(request["messages"][-1]["content"])}
        return {
            "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 7},
        }

    return FaultServer(rates={}, reply=reply)


def writer_entry(server: FaultServer) -> dict[str, object]:
    """Its file of the catalogue."""
    return {
        "name": "scribe", "engine": "openai", "base_url": server.base_url, "served_model": "served", "revision": "1",
        "license": "x", "roles": ["writer"], "max_attempts": 1,
    }  # fmt: skip


def section(question: str, name: str) -> str:
    """The material between two boundary lines of a shipped template."""
    match = re.search(rf"\[(\w+) {name}\]\n(.*?)\n\[\1 ", question, re.DOTALL)
    assert match, question
    return match[2]
