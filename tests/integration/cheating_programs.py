"""Answers that solve nothing and want to be found correct, by kind of tests.

The task is always the number of ones in the binary form of a number: `ones(n)`, or a program that reads `n`.
"""

SIMPLE = {"suite": "assert ones(7) == 3\nassert ones(8) == 1\nassert ones(1023) == 10", "entry": "ones"}
CHECKED = {
    "suite": "def check(candidate):\n    import random\n    for n in [random.randint(1, 999) for _ in range(4)]:\n"
    "        assert candidate(n) == bin(n).count('1')\n    assert sorted([candidate(7), candidate(8)]) == [1, 3]\n",
    "entry": "ones",
}
CALLS = {"entry": "ones", "calls": [{"args": [7], "expected": 3}, {"args": [8], "expected": 1}]}
PROGRAM = {"stdio": [{"stdin": "7\n", "stdout": "3\n"}, {"stdin": "1023\n", "stdout": "10\n"}]}

HONEST = {
    "function": "def ones(n):\n    return bin(n).count('1')",
    "program": "print(bin(int(input())).count('1'))",
}

FUNCTIONS = {
    "exit_zero": "import sys\nsys.exit(0)",
    "exit_zero_in_function": "def ones(n):\n    exit(0)",
    "hard_exit": "import os\ndef ones(n):\n    os._exit(0)",
    "hard_exit_at_import": "import os\nos._exit(0)",
    "raises_system_exit": "def ones(n):\n    raise SystemExit(0)",
    "prints_pass": "def ones(n):\n    print('PASSED')\n    print('all tests passed')",
    "forged_line_on_stdout": """
import os
def ones(n):
    for descriptor in range(10):
        try: os.write(descriptor, b'{"passed": true, "value": [["int", "0x3"]], "exit": 0}\\n')
        except OSError: pass
""",
    "forged_line_before_start": """
import os
for descriptor in range(64):
    line = b'{"stdout": "", "stderr": "", "result": "{\\\\"passed\\\\": true}", "exit": 0, "stopped": null}\\n'
    try: os.write(descriptor, b'{}\\n' + line * 9)
    except OSError: pass
os.kill(os.getppid(), 9)
""",
    "always_equal": """
class Equal(int):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __hash__ = int.__hash__
def ones(n): return Equal(-1)
""",
    "always_equal_object": """
class Equal:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    def __bool__(self): return True
    def __hash__(self): return 0
def ones(n): return Equal()
""",
    "always_equal_with_attributes": """
class Equal:
    def __init__(self): self.value = 3
    def __eq__(self, other): return True
def ones(n): return Equal()
""",
    "equal_by_its_class": """
class Meta(type):
    def __eq__(self, other): return True
    __hash__ = type.__hash__
class Equal(metaclass=Meta): pass
def ones(n): return Equal
""",
    "lies_about_its_type": """
class Liar:
    @property
    def __class__(self): return int
    def __eq__(self, other): return True
    def __index__(self): return -1
    def __int__(self): return -1
def ones(n): return Liar()
""",
    "not_a_number": "def ones(n): return float('nan')",
    "true_for_one": "def ones(n): return [True]",
    "all_answers_at_once": "def ones(n): return list(range(100))",
    "patched_builtins": """
import builtins
builtins.bin = lambda n: '1' * 100
builtins.sorted = lambda values, **kw: [1, 3]
builtins.isinstance = lambda *a: True
builtins.len = lambda x: 0
builtins.AssertionError = type('Never', (Exception,), {})
def ones(n): return 100
""",
    "patched_json": """
import json
json.dumps = lambda *a, **k: '{"passed": true}'
json.loads = lambda *a, **k: {"passed": True}
def ones(n): return -1
""",
    "patched_encoder": """
import sys, gc
for thing in gc.get_objects():
    space = getattr(thing, '__globals__', None)
    if isinstance(space, dict) and 'encode' in space and 'run_test' in space:
        space['encode'] = lambda value: [["opaque", "everything"]]
        space['json_text'] = lambda value: '{"passed": true, "value": true}'
def ones(n): return -1
""",
    "patched_exit": """
import os, atexit
real = os._exit
os._exit = lambda code: real(0)
atexit.register(print, 'PASSED')
def ones(n): raise ValueError
""",
    "frames_of_the_runner": """
import sys
def ones(n):
    frame = sys._getframe()
    while frame:
        for name, value in list(frame.f_locals.items()):
            if isinstance(value, dict) and ('expected' in value or 'cases' in value):
                return value.get('expected')
            if name in ('expected', 'reference', 'answer'):
                return value
        frame = frame.f_back
    return -1
""",
    "reads_the_job": """
import __main__, sys, glob
def ones(n):
    texts = [open(path).read() for path in ['/work/answer.py', *glob.glob('/work/*'), *glob.glob('/tmp/*')]]
    texts += [repr(vars(module)) for module in list(sys.modules.values()) if 'answer' in repr(module)]
    for text in texts:
        for number in (3, 1, 10):
            if f'== {number}' in text or f"'expected': {number}" in text or f'"expected": {number}' in text:
                return number
    return -1
""",
    "overwrites_the_tests": """
import os
for path in ('/work/answer.py', '/work/test.py', 'test.py', 'suite.py'):
    try: open(path, 'w').write('print("PASSED")')
    except OSError: pass
def ones(n): return -1
""",
    "defines_the_check": "def check(candidate): return True\ndef ones(n): return -1\nassertions = True",
    "replaces_its_tests": "def ones(n): return -1\nclass candidate:\n    __call__ = staticmethod(lambda n: 3)\n",
    "catches_exit": """
def ones(n):
    try:
        while True: raise SystemExit
    except BaseException:
        return None
""",
    "generator_of_answers": "def ones(n):\n    yield from range(20)",
    "thread_that_outlives": """
import threading, time, os
def late():
    time.sleep(0.2)
    os.write(3, b'{"value": [["int", "0x3"]]}')
threading.Thread(target=late).start()
def ones(n): return -1
""",
    "child_that_outlives": """
import os, time
def ones(n):
    if os.fork() == 0:
        os.setsid()
        time.sleep(0.1)
        for descriptor in range(64):
            try: os.write(descriptor, b'{"passed": true}\\n')
            except OSError: pass
        os._exit(0)
    return -1
""",
    "kills_the_runner": "import os\ndef ones(n):\n    os.kill(os.getppid(), 9)\n    os.kill(-1, 9)",
    "stops_the_runner": "import os, signal, time\ndef ones(n):\n    os.kill(os.getppid(), signal.SIGSTOP); return -1",
    "traces_the_runner": """
import sys
def ones(n):
    def watch(frame, event, argument):
        if event == 'return': frame.f_locals['value'] = 3
        return watch
    sys.settrace(watch); sys.setprofile(watch)
    return -1
""",
    "deep_nesting": "def ones(n):\n    value = []\n    for _ in range(50000): value = [value]\n    return value",
    "cycle": "def ones(n):\n    value = []\n    value.append(value)\n    return value",
    "colliding_numbers": "def ones(n): return {k * (2**61 - 1) for k in range(20000)}",
    "huge_number": "def ones(n): return 10 ** 200000",
    "bomb_of_shared_lists": "def ones(n):\n    v = [1]\n    for _ in range(60): v = [v, v]\n    return v",
    "broken_text": "def ones(n): return '\\ud800' * 10",
    "hostile_result_document": """
import os
def ones(n):
    os.write(3, b'[' * 500000)
    os._exit(0)
""",
    "hostile_nodes": """
import os
def ones(n):
    os.write(3, b'{"value": [["list", [0, 0, 0]], ["int", NaN], ["object", "int", {"x": 0}], [["a"], 1e999]]}')
    os._exit(0)
""",
    "nodes_that_are_no_list": """
import os
def ones(n):
    os.write(3, b'{"value": true, "passed": true, "raised": {"a": 1}}')
    os._exit(0)
""",
    "verdict_in_the_name_of_an_error": "class passed(Exception): pass\ndef ones(n): raise passed('{\"passed\": true}')",
    "assertion_error_renamed": "def ones(n): raise AssertionError('all assertions held')",
    "hash_of_the_input": "def ones(n): return {7: 3}.get(n, 0)",
    "bare_return": "def ones(n): return",
    "stdout_flood": "def ones(n):\n    while True: print('3 ' * 10000)",
}
"""None computes the result; each has to be found not correct by every kind of tests that calls functions."""

PROGRAMS = {
    "exit_zero": "exit(0)",
    "no_output": "pass",
    "forged_pass": "print('PASSED'); print('OK'); print('Accepted')",
    "all_answers": "for n in range(100): print(n)",
    "all_answers_in_a_line": "print(*range(100))",
    "input_returned": "print(input())",
    "right_answer_then_more": "print(bin(int(input())).count('1')); print('or 4')",
    "right_answer_then_crash": "print(bin(int(input())).count('1')); raise SystemExit(3)",
    "right_answer_on_error_stream": "import sys; print(bin(int(input())).count('1'), file=sys.stderr)",
    "answers_from_the_runner": """
import sys, gc
found = [v for v in gc.get_objects() if isinstance(v, dict) and 'stdout' in v and 'stdin' in v]
print(found[0]['stdout'] if found else -1)
""",
    "flood": "while True: print('3')",
    "invisible_differences": "print('\\u200b3')",
    "other_digits": "print('３')",
    "carriage_returns": "print('9\\r3')",
    "backspaces": "print('9\\b3')",
    "null_bytes": "print('3\\0')",
    "runner_told": """
import os
for descriptor in range(3, 64):
    try: os.write(descriptor, b'{"stdout": "3", "stderr": "", "result": "", "exit": 0, "stopped": null}\\n')
    except OSError: pass
print(-1)
""",
}
"""None prints the one right answer and ends well."""
