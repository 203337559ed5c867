"""What a model wrote cannot command the terminal it is shown on."""

import io

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from openreason_dagster.commands.printable import printable
from openreason_dagster.commands.query import print_rows
from openreason_dagster.commands.show import print_chain
from openreason_dagster.resources.lineage import TraceChain

HOSTILE = "a\x1b[2Jb\x1b]0;title\x07c\x9b31md\re\x7f"
SHOWN = r"a\x1b[2Jb\x1b]0;title\x07c\x9b31md\x0de\x7f"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@given(st.text())
def test_printable_leaves_no_control_character_but_newline_and_tab(text):
    shown = printable(text)
    assert not [c for c in shown if (ord(c) < 32 or 127 <= ord(c) < 160) and c not in "\n\t"]
    if text.isprintable():
        assert shown == text


def test_printable_shows_escapes():
    assert printable(HOSTILE) == SHOWN
    assert printable("one\n\ttwo") == "one\n\ttwo"


@pytest.mark.parametrize("output", ["table", "csv", "json"])
def test_query_on_a_terminal_shows_escapes(output):
    terminal = Terminal()
    print_rows(pl.DataFrame({HOSTILE: [HOSTILE]}), output, Console(file=terminal, width=200, color_system=None))
    assert not {"\x1b", "\x9b", "\x07", "\x7f", "\r"} & set(terminal.getvalue())
    assert "[2J" in terminal.getvalue()


def test_query_into_a_file_leaves_values_as_they_are():
    file = io.StringIO()
    print_rows(pl.DataFrame({"a": [HOSTILE]}), "csv", Console(file=file))
    assert pl.read_csv(io.StringIO(file.getvalue()))["a"].to_list() == [HOSTILE]


def test_show_shows_escapes():
    terminal = Terminal()
    row = {"prompt": HOSTILE, "reasoning": HOSTILE, "answer": HOSTILE, "extracted_answer": HOSTILE}
    chain = TraceChain(
        sampled=row | {"sampling_record": "{}", "environment": "{}"},
        seed=row, pool=row, verdict=row, judge=row, suspicion=row, replaced=row, rewards=row, statistics=row,
        written=[row | {"part": HOSTILE}], data_sets={"sft_mix": row}, releases=[HOSTILE],
    )  # fmt: skip
    print_chain(chain, Console(file=terminal, width=200, color_system=None))
    assert not {"\x1b", "\x9b", "\x07", "\x7f", "\r"} & set(terminal.getvalue())
    assert terminal.getvalue().count(SHOWN) >= 10
