"""The system calls that a sandboxed program may not make, as a filter program for the kernel.

The filter is classic BPF over `struct seccomp_data` (linux/seccomp.h): the number of the call at byte 0, the
architecture at 4, the arguments as 64-bit words from 16 on. Numbers are those of the kernel's tables for x86-64 and
for the generic ABI that AArch64 has. What is refused: reaching into other processes, namespaces and mounts, keys,
kernel code and tuning, memory that no limit counts, and every kind of socket but Unix's own.
"""

import platform
import struct

from openreason_dagster.domain.errors import SandboxError

_REFUSED: dict[str, tuple[int | None, int | None]] = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_getfd": (438, 438), "process_madvise": (440, 440),
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "quotactl": (179, 60), "acct": (163, 89),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "fanotify_init": (300, 262),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "io_setup": (206, 0), "io_submit": (209, 2),
    "personality": (135, 92), "modify_ldt": (154, None), "iopl": (172, None), "ioperm": (173, None),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142), "syslog": (103, 116),
    "swapon": (167, 224), "swapoff": (168, 225), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "adjtimex": (159, 171), "clock_adjtime": (305, 266), "sethostname": (170, 161), "setdomainname": (171, 162),
    "vhangup": (153, 58), "mknod": (133, None), "mknodat": (259, 33),
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "msgget": (68, 186),
    "semget": (64, 190), "mq_open": (240, 180),
    "mbind": (237, 235), "set_mempolicy": (238, 237), "migrate_pages": (256, 238), "move_pages": (279, 239),
}  # fmt: skip
_CLONE, _CLONE3, _SOCKET, _IOCTL = (56, 220), 435, (41, 198), (16, 29)
_HIGHEST_KNOWN = 456
_X32_BIT = 0x40000000
_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""Machine to AUDIT_ARCH of linux/audit.h and the column of the tables above."""
_NEW_NAMESPACES = 0x7E020000
"""The CLONE_NEW flags of linux/sched.h; CLONE_NEWTIME is a flag of clone3 and unshare only."""
_UNIX_SOCKETS = 1
_TERMINAL_INPUT, _CONSOLE_INPUT = 0x5412, 0x541C
"""TIOCSTI and TIOCLINUX: typing into a terminal that somebody else reads."""

_LOAD, _JUMP_EQUAL, _JUMP_GREATER, _JUMP_ANY, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
_KILL, _REFUSE, _UNKNOWN, _ALLOW = 0x80000000, 0x00050000 | 1, 0x00050000 | 38, 0x7FFF0000
"""SECCOMP_RET_KILL_PROCESS, _ERRNO with EPERM, _ERRNO with ENOSYS, and _ALLOW."""
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _SECOND_ARGUMENT = 0, 4, 16, 24


def seccomp_filter(machine: str | None = None) -> bytes:
    """The filter for a machine (`platform.machine()`), as bubblewrap's option `--seccomp` reads it.

    Raises:
        SandboxError: there is no table for the machine.
    """
    machine = machine or platform.machine()
    if machine not in _ARCHITECTURES:
        known = " or ".join(_ARCHITECTURES)
        raise SandboxError(
            f"no system call filter for machine {machine!r}, expected {known}: programs cannot be confined here. Set "
            "OPENREASON_SANDBOX to the URL of a SandboxFusion or Piston server on another machine."
        )
    architecture, column = _ARCHITECTURES[machine]
    return b"".join(
        [
            _instruction(_LOAD, _ARCHITECTURE),
            _instruction(_JUMP_EQUAL, architecture, if_true=1),
            _instruction(_RETURN, _KILL),
            _instruction(_LOAD, _NUMBER),
            *_answer(_JUMP_GREATER, _X32_BIT - 1, _KILL),
            *_answer(_JUMP_GREATER, _HIGHEST_KNOWN, _UNKNOWN),
            *_answer(_JUMP_EQUAL, _CLONE3, _UNKNOWN),
            *(part for number in _refused_numbers(column) for part in _answer(_JUMP_EQUAL, number, _REFUSE)),
            *_by_argument(_CLONE[column], _FIRST_ARGUMENT, _answer(_JUMP_ANY, _NEW_NAMESPACES, _REFUSE)),
            *_by_argument(_SOCKET[column], _FIRST_ARGUMENT, _answer_unless(_UNIX_SOCKETS, _REFUSE)),
            *_by_argument(
                _IOCTL[column],
                _SECOND_ARGUMENT,
                [
                    *_answer(_JUMP_EQUAL, _TERMINAL_INPUT, _REFUSE),
                    *_answer(_JUMP_EQUAL, _CONSOLE_INPUT, _REFUSE),
                ],
            ),
            _instruction(_RETURN, _ALLOW),
        ]
    )


def _refused_numbers(column: int) -> list[int]:
    return sorted(number for numbers in _REFUSED.values() if (number := numbers[column]) is not None)


def _answer(jump: int, value: int, answer: int) -> list[bytes]:
    """If the loaded word compares so, that is the answer."""
    return [_instruction(jump, value, if_false=1), _instruction(_RETURN, answer)]


def _answer_unless(value: int, answer: int) -> list[bytes]:
    return [_instruction(_JUMP_EQUAL, value, if_true=1), _instruction(_RETURN, answer)]


def _by_argument(number: int, argument: int, tests: list[bytes]) -> list[bytes]:
    """For one call: look at the low half of an argument, run the tests, allow what they do not answer."""
    body = [_instruction(_LOAD, argument), *tests, _instruction(_RETURN, _ALLOW)]
    return [_instruction(_JUMP_EQUAL, number, if_false=len(body)), *body]


def _instruction(code: int, value: int, *, if_true: int = 0, if_false: int = 0) -> bytes:
    """One `struct sock_filter` (linux/filter.h); jumps count instructions to skip."""
    return struct.pack("=HBBI", code, if_true, if_false, value)
