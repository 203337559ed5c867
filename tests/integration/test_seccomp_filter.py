"""The system call filter, run by a small interpreter of classic BPF, also for the machine that is not this one."""

import struct

import pytest

from openreason_dagster.domain.errors import SandboxError
from openreason_dagster.resources.sandbox.seccomp import seccomp_filter

ALLOW, KILL, NOT_PERMITTED, NOT_IMPLEMENTED = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
LOAD, JUMP_EQUAL, JUMP_GREATER, JUMP_ANY, RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
X86, ARM = "x86_64", "aarch64"


def answer(machine, number, *arguments, architecture=None):
    """What the filter says to a call."""
    padded = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("=IIQ6Q", number, architecture or ARCHITECTURES[machine], 0, *padded)
    program = list(struct.iter_unpack("=HBBI", seccomp_filter(machine)))
    word, position = 0, 0
    while True:
        code, if_true, if_false, value = program[position]
        position += 1
        if code == RETURN:
            return value
        if code == LOAD:
            word = struct.unpack_from("=I", data, value)[0]
        else:
            holds = {JUMP_EQUAL: word == value, JUMP_GREATER: word > value, JUMP_ANY: bool(word & value)}[code]
            position += if_true if holds else if_false


@pytest.mark.parametrize(
    ("machine", "call", "expected"),
    [
        pytest.param(X86, (0,), ALLOW, id="read"),
        pytest.param(ARM, (63,), ALLOW, id="read_arm"),
        pytest.param(X86, (101,), NOT_PERMITTED, id="ptrace"),
        pytest.param(ARM, (117,), NOT_PERMITTED, id="ptrace_arm"),
        pytest.param(ARM, (101,), ALLOW, id="number_of_another_machine"),
        pytest.param(X86, (435,), NOT_IMPLEMENTED, id="clone3"),
        pytest.param(X86, (100_000,), NOT_IMPLEMENTED, id="unknown"),
        pytest.param(X86, (0x40000000,), KILL, id="x32"),
        pytest.param(X86, (56, 17), ALLOW, id="fork"),
        pytest.param(X86, (56, 0x003D0F00), ALLOW, id="thread"),
        pytest.param(X86, (56, 0x10000011), NOT_PERMITTED, id="clone_into_user_namespace"),
        pytest.param(ARM, (220, 0x40000011), NOT_PERMITTED, id="clone_into_network_namespace"),
        pytest.param(X86, (41, 1), ALLOW, id="unix_socket"),
        pytest.param(X86, (41, 2), NOT_PERMITTED, id="internet_socket"),
        pytest.param(ARM, (198, 40), NOT_PERMITTED, id="hypervisor_socket"),
        pytest.param(X86, (41, 1 | 1 << 32), ALLOW, id="kernel_reads_half_of_the_argument_too"),
        pytest.param(X86, (16, 0, 0x5401), ALLOW, id="terminal_settings"),
        pytest.param(X86, (16, 0, 0x5412), NOT_PERMITTED, id="terminal_input"),
        pytest.param(X86, (16, 0, 0x5412 | 1 << 32), NOT_PERMITTED, id="terminal_input_with_a_high_half"),
        pytest.param(ARM, (29, 0, 0x541C), NOT_PERMITTED, id="console_input"),
    ],
)
def test_answer(machine, call, expected):
    assert answer(machine, *call) == expected


def test_calls_of_another_architecture_end_the_program():
    assert answer(X86, 0, architecture=0x40000003) == KILL


def test_machine_without_a_table_is_refused():
    with pytest.raises(SandboxError, match="machine 'riscv64', expected x86_64 or aarch64"):
        seccomp_filter("riscv64")
