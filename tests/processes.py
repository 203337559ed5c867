"""What runs below a process; one that has ended and only waits to be asked for its exit code does not."""

import psutil


def running_below(process: psutil.Process) -> list[psutil.Process]:
    """Its descendants that have not ended."""
    return [child for child in process.children(recursive=True) if is_running(child)]


def is_running(process: psutil.Process) -> bool:
    """Whether it has not ended."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def command_of(process: psutil.Process) -> str:
    """Its command line; empty once it has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""
