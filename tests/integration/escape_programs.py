"""Programs that try to get out of the sandbox, or to use more of the machine than they may.

Each defines `attack()`, which returns something true if the attack worked. What harms by never ending is in
`EXHAUSTING`, with how the run has to end. `{host}`, `{port}`, `{secret}` and `{pid}` are facts of the host.
"""

import textwrap

from openreason_dagster.resources.sandbox.seccomp import _ARCHITECTURES, _REFUSED

HARNESS = """
import ctypes, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)

def call(number, *arguments):
    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(part) if isinstance(part, int) else part
                                                   for part in arguments])
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return True

{attack}

try:
    print("ESCAPED" if attack() else "HELD")
except (OSError, MemoryError, RuntimeError, ValueError, KeyError, IndexError, AttributeError) as error:
    print("HELD", type(error).__name__, error)
"""


def program(body: str, **facts: object) -> str:
    """The whole program of an attack, with facts of the host put in."""
    for name, value in facts.items():
        body = body.replace(f"{{{name}}}", str(value))
    attack = "def attack():\n" + textwrap.indent(textwrap.dedent(body).strip(), "    ")
    return HARNESS.replace("{attack}", attack)


CALLS = {
    "ptrace_attach": "return call({ptrace}, 16, 1, 0, 0)",
    "ptrace_traceme": "return call({ptrace}, 0, 0, 0, 0)",
    "read_memory_of_another": "return call({process_vm_readv}, os.getppid(), 0, 0, 0, 0, 0)",
    "take_descriptor_of_another": "return call({pidfd_getfd}, os.pidfd_open(os.getppid()), 1, 0)",
    "new_user_namespace": "return call({unshare}, 0x10000000)",
    "new_mount_namespace": "return call({unshare}, 0x00020000)",
    "clone_into_user_namespace": "return call(56 if os.uname().machine == 'x86_64' else 220, 0x10000011, 0, 0, 0, 0)",
    "clone3": "return call(435, ctypes.create_string_buffer(88), 88)",
    "join_namespace": "return call({setns}, os.open('/proc/1/ns/net', 0), 0)",
    "mount": "return call({mount}, b'none', b'/tmp', b'tmpfs', 0, 0)",
    "remount_writable": "return call({mount}, 0, b'/usr', 0, 0x1020, 0)",
    "unmount": "return call({umount2}, b'/proc', 2)",
    "new_mount_interface": "return call({fsopen}, b'tmpfs', 0)",
    "chroot": "return call({chroot}, b'/tmp')",
    "pivot_root": "return call({pivot_root}, b'/tmp', b'/tmp')",
    "open_by_handle": "return call({open_by_handle_at}, 0, ctypes.create_string_buffer(64), 0)",
    "keyring": "return call({add_key}, b'user', b'name', b'data', 4, -3)",
    "bpf": "return call({bpf}, 0, ctypes.create_string_buffer(64), 64)",
    "perf_events": "return call({perf_event_open}, ctypes.create_string_buffer(112), 0, -1, -1, 0)",
    "userfaultfd": "return call({userfaultfd}, 1)",
    "io_uring": "return call({io_uring_setup}, 4, ctypes.create_string_buffer(120))",
    "kernel_module": "return call({init_module}, 0, 0, b'')",
    "kernel_log": "return call({syslog}, 3, ctypes.create_string_buffer(4096), 4096)",
    "reboot": "return call({reboot}, 0xfee1dead, 672274793, 0x4321fedc, 0)",
    "personality": "return call({personality}, 0x0040000)",
    "set_clock": "return call({clock_settime}, 0, ctypes.create_string_buffer(16))",
    "set_host_name": "return call({sethostname}, b'mine', 4)",
    "swap": "return call({swapoff}, b'/swap')",
    "anonymous_file_memory": "return call({memfd_create}, b'x', 0)",
    "secret_memory": "return call({memfd_secret}, 0)",
    "shared_memory_segment": "return call({shmget}, 0, 1 << 30, 0o1600)",
    "message_queue": "return call({mq_open}, b'queue', 0o102, 0o600, 0)",
    "device_node": "os.mknod('/tmp/disk', 0o60666, os.makedev(254, 0)); return True",
    "terminal_input": "import fcntl; fcntl.ioctl(0, 0x5412, b'x'); return True",
}
"""Attacks by one system call; a number that is not known to the filter's table would leave the name in the program."""

SOCKETS = {
    "tcp_to_host": "s = socket.create_connection(('{host}', {port}), 2); s.send(b'out'); return True",
    "tcp_to_internet": "return bool(socket.create_connection(('1.1.1.1', 80), 2))",
    "udp": "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); return s.sendto(b'x', ('127.0.0.1', 53))",
    "ipv6": "return bool(socket.create_connection(('::1', {port}), 2))",
    "dns": "return socket.getaddrinfo('example.org', 80)",
    "listening": "s = socket.socket(); s.bind(('0.0.0.0', 0)); s.listen(); return True",
    "raw_socket": "return bool(socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))",
    "packet_socket": "return bool(socket.socket(socket.AF_PACKET, socket.SOCK_RAW))",
    "netlink": "return bool(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0))",
    "to_hypervisor": "return bool(socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM))",
    "kernel_crypto": "return bool(socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET))",
    "bluetooth": "return bool(socket.socket(31, socket.SOCK_RAW, 1))",
    "abstract_socket_of_host": "s = socket.socket(socket.AF_UNIX); s.connect('\\0{abstract}'); return True",
}

FILES = {
    "host_passwords": "return open('/etc/passwd').read()",
    "host_shadow": "return open('/etc/shadow').read()",
    "host_secret_by_path": "return open('{secret}').read()",
    "host_secret_by_symlink": "os.symlink('{secret}', '/tmp/link'); return open('/tmp/link').read()",
    "host_secret_by_root_of_init": "return open('/proc/1/root{secret}').read()",
    "host_secret_by_parent_folder": "return open('/proc/1/cwd/..' * 3 + '{secret}').read()",
    "homes": "return os.listdir('/home') + os.listdir('/root/.ssh')",
    "own_source_overwritten": "open('/work/answer.py', 'w').write('x'); return True",
    "write_root": "open('/new', 'w').write('x'); return True",
    "write_usr": "open('/usr/bin/new', 'w').write('x'); return True",
    "replace_interpreter": "os.rename(os.path.realpath(sys.executable), '/tmp/python'); return True",
    "write_dev": "open('/dev/shm/new', 'w').write('x'); return True",
    "hard_link_out": "os.link('/usr/bin/env', '/tmp/env'); return True",
    "sysctl": "open('/proc/sys/kernel/hostname', 'w').write('mine'); return True",
    "core_pattern": "open('/proc/sys/kernel/core_pattern', 'w').write('|/tmp/x'); return True",
    "sysrq": "open('/proc/sysrq-trigger', 'w').write('b'); return True",
    "kernel_memory": "return open('/proc/kcore', 'rb').read(16)",
    "physical_memory": "return open('/dev/mem', 'rb').read(16)",
    "disk": "return [n for n in os.listdir('/dev') if n[:2] in ('vd', 'sd', 'nv')] or open('/dev/vda', 'rb')",
    "sys_tree": "return os.listdir('/sys')",
    "cgroups": "return os.listdir('/sys/fs/cgroup')",
    "memory_of_init": "f = open('/proc/1/mem', 'r+b', 0); return True",
    "environment_of_init": "return open('/proc/1/environ').read()",
    "memory_of_parent": "f = open(f'/proc/{os.getppid()}/mem', 'r+b', 0); return True",
    "container_sockets": "return [p for p in ('/var/run/docker.sock', '/run/containerd') if os.path.exists(p)]",
}

PRIVILEGES = {
    "become_root": "os.setuid(0); return True",
    "become_other_group": "os.setgid(0); os.setgroups([0]); return True",
    "is_root": "return 0 in (*os.getresuid(), *os.getresgid(), *os.getgroups())",
    "has_capabilities": "return any(int(l.split()[1], 16) for l in open('/proc/self/status') if l[:3] == 'Cap')",
    "may_gain_privileges": "return 'NoNewPrivs:\\t1' not in open('/proc/self/status').read()",
    "has_no_filter": "return 'Seccomp:\\t2' not in open('/proc/self/status').read()",
    "setuid_program": "import subprocess; return subprocess.run(['su', '-c', 'id'], timeout=5).returncode == 0",
    "raise_limits": "import resource; resource.setrlimit(resource.RLIMIT_AS, (-1, -1)); return True",
    "raise_process_limit": "import resource; resource.setrlimit(resource.RLIMIT_NPROC, (-1, -1)); return True",
    "higher_priority": "os.nice(-10); return True",
    "real_time": "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10)); return True",
    "signal_host_process": "os.kill({pid}, 9); return True",
    "sees_host_processes": "return len([n for n in os.listdir('/proc') if n.isdigit()]) > 8",
    "inherits_environment": "return 'OPENREASON_TEST_SECRET' in os.environ or len(os.environ) > 8",
    "inherits_descriptors": "return [n for n in os.listdir('/proc/self/fd') if int(n) > 3]",
    "knows_host_name": "return socket.gethostname() == '{name}'",
    "core_dump": "import resource; return resource.getrlimit(resource.RLIMIT_CORE) != (0, 0)",
}

LIMITED = {
    "fork_bomb": """
        for count in range(500):
            if os.fork() == 0:
                import time; time.sleep(5); os._exit(0)
        return True""",
    "thread_bomb": """
        import threading, time
        for count in range(500):
            threading.Thread(target=time.sleep, args=(2,), daemon=True).start()
        return True""",
    "one_large_allocation": "return len(bytearray(1 << 33))",
    "large_mapping": "import mmap; return len(mmap.mmap(-1, 1 << 33))",
    "disk_full": """
        for number in range(100):
            with open(f'/tmp/{number}', 'wb') as file:
                file.write(bytes(10_000_000))
        return True""",
    "sparse_file": "f = open('/tmp/sparse', 'wb'); f.truncate(1 << 40); return True",
    "many_descriptors": "return [os.open('/dev/null', 0) for _ in range(2000)]",
    "locked_memory": "return call(149 if os.uname().machine == 'x86_64' else 228, id(b''), 1 << 20)",
}

EXHAUSTING = {
    "busy_loop": ("while True: pass", {"timed_out", "exited"}),
    "sleep": ("import time; time.sleep(1000)", {"timed_out"}),
    "ignores_signals": (
        """
import signal, time
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
while True: time.sleep(1)
""",
        {"timed_out"},
    ),
    "closes_output_and_goes_on": ("import os, time\nos.close(1); os.close(2)\ntime.sleep(1000)", {"timed_out"}),
    "output_flood": ("while True: print('x' * 10000)", {"too_much_output"}),
    "error_flood": ("import sys\nwhile True: sys.stderr.write('x' * 10000)", {"too_much_output"}),
    "output_flood_by_children": (
        "import os\nfor _ in range(8): os.fork()\nwhile True: os.write(1, b'x' * 65536)",
        {"too_much_output", "exited"},
    ),
    "memory_of_many": (
        """
import os, time
for _ in range(20):
    if os.fork() == 0:
        kept = bytearray(80_000_000)
        time.sleep(100)
time.sleep(100)
""",
        {"out_of_memory"},
    ),
    "shared_mappings_of_many": (
        """
import mmap, os, time
for _ in range(20):
    if os.fork() == 0:
        kept = mmap.mmap(-1, 100_000_000)
        kept.write(bytes(100_000_000))
        time.sleep(100)
time.sleep(100)
""",
        {"out_of_memory"},
    ),
    "kills_init": ("import os, time\nos.kill(1, 9)\nos.kill(-1, 9)\ntime.sleep(1000)", {"exited", "timed_out"}),
    "endless_recursion": (
        "import sys\nsys.setrecursionlimit(10**9)\ndef f(x): return f(x) + f(x)\nmax([1], key=f)",
        {"exited", "timed_out", "out_of_memory"},
    ),
}
"""What would never end, or use up the machine, and the ways in which it may end."""


def system_call_numbers(machine: str) -> dict[str, object]:
    """The filter's own numbers, for the programs in `CALLS`."""
    column = _ARCHITECTURES[machine][1]
    return {name: numbers[column] for name, numbers in _REFUSED.items()}
