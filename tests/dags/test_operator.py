"""The operator in the real Airflow, with real processes: output, exit codes, kills, secrets."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from airflow_runs import SCRIPTS, airflow_environment
from support import PROJECT

STAND_IN = shlex.join([sys.executable, str(SCRIPTS / "stand_in.py")])
pytestmark = pytest.mark.system


@pytest.fixture
def start(airflow_python: Path, home: Path, tmp_path: Path):
    def begin(code: str, **settings: Any) -> subprocess.Popen[str]:
        asked = {"command": STAND_IN, "arguments": [code], "folder": str(tmp_path), **settings}
        return subprocess.Popen(
            [airflow_python, SCRIPTS / "run_operator.py", json.dumps(asked)],
            env=airflow_environment(home, PYTHONPATH=str(PROJECT / "dags")),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return begin


def ended(process: subprocess.Popen[str]) -> tuple[dict[str, Any], str]:
    """What became of the task, and its log."""
    out, log = process.communicate()
    return json.loads(out.splitlines()[-1]), log


@pytest.mark.parametrize(
    ("code", "error", "said"),
    [
        ("print('no page'); sys.exit(1)", "CommandFailed", "ended with 1: no page"),
        ("print('unknown key x'); sys.exit(2)", "AirflowFailException", "unknown key x"),
        ("print('worse'); sys.exit(3)", "AirflowSkipException", "worse"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "CommandKilled", "SIGKILL"),
        ("sys.exit(128 + signal.SIGTERM)", "CommandKilled", "SIGTERM"),
        ("sys.exit(255)", "CommandFailed", "ended with 255"),
    ],
)
def test_exit_codes_say_what_becomes_of_the_task(start, code: str, error: str, said: str) -> None:
    outcome, _ = ended(start(code))
    assert outcome["error"] == error
    assert said in outcome["said"]


def test_a_command_that_is_not_there_fails_at_once(start) -> None:
    outcome, _ = ended(start("", command="/nowhere/webtext"))
    assert outcome["error"] == "AirflowFailException"
    assert "WEBTEXT_COMMAND" in outcome["said"]


def test_result_is_returned_and_both_streams_are_logged_in_order(start) -> None:
    code = """
for number in range(3):
    print("out", number)
    print("err", number, file=sys.stderr, flush=True)
sys.stdout.buffer.write(b"\\xff torn\\n")
sys.stderr.write("x" * 300_000)  # more than a pipe holds, and no end of line
result({"kept": 3})
"""
    outcome, log = ended(start(code))
    assert outcome == {"result": {"kept": 3}}
    lines = [line for line in log.splitlines() if line.startswith(("out", "err"))]
    assert lines == [f"{kind} {number}" for number in range(3) for kind in ("out", "err")]
    assert "\ufffd torn" in log
    assert log.count("x" * 60_000) >= 4


def test_lines_are_logged_while_the_command_runs(start, tmp_path: Path) -> None:
    process = start("print('begun', flush=True)\nwhile not os.path.exists('go'): time.sleep(0.05)")
    for line in process.stderr:
        if line.startswith("begun"):
            break
    assert process.poll() is None
    (tmp_path / "go").touch()
    outcome, _ = ended(process)
    assert outcome == {"result": {}}


STUBBORN = (
    "signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(9e6)"
)
CHILD = f'subprocess.Popen([sys.executable, "-c", "import signal,sys,time; {STUBBORN}"])'


def group_of(process: subprocess.Popen[str]) -> int:
    """The process group of the command, once its child has said that it is deaf."""
    for line in process.stderr:
        if line.startswith("deaf"):
            break
    children = psutil.Process(process.pid).children()
    assert len(children) == 1
    return children[0].pid


def alive(group: int) -> list[int]:
    found = []
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except (psutil.NoSuchProcess, ProcessLookupError):
            continue
    return found


def test_a_kill_ends_the_whole_process_group(start) -> None:
    process = start(f"{CHILD}; {STUBBORN}")
    group = group_of(process)
    assert alive(group)
    process.send_signal(signal.SIGTERM)
    outcome, log = ended(process)
    assert outcome["error"] == "CommandKilled"
    assert "Stops the command" in log
    assert not alive(group)


def test_a_time_out_ends_the_whole_process_group(start) -> None:
    process = start(f"{CHILD}; {STUBBORN}", time_out=10)
    group = group_of(process)
    outcome, _ = ended(process)
    assert outcome["error"] == "AirflowTaskTimeout"
    assert not alive(group)


def test_a_command_does_not_outlive_a_task_that_is_killed_hard(start) -> None:
    process = start("print('deaf', flush=True); time.sleep(9e6)")
    command = psutil.Process(group_of(process))
    process.kill()
    process.communicate()
    psutil.wait_procs([command])
    assert not command.is_running() or command.status() == psutil.STATUS_ZOMBIE


def test_a_child_left_behind_does_not_hold_the_task(start) -> None:
    outcome, _ = ended(start(f"{CHILD}; result({{'done': 1}})"))
    assert outcome == {"result": {"done": 1}}


def test_airflows_own_settings_stay_with_airflow(start) -> None:
    code = "result({k: v for k, v in os.environ.items() if 'AIRFLOW' in k or k == 'PYTHONPATH'})"
    outcome, _ = ended(start(code))
    assert outcome == {"result": {}}
    outcome, _ = ended(start("result(os.environ['MORE'])", environment={"MORE": "given"}))
    assert outcome == {"result": "given"}


def test_empty_arguments_are_left_out(start) -> None:
    code = "print(sys.argv[3:], flush=True)"
    outcome, log = ended(start(code, arguments=[code, "", "last"]))
    assert outcome == {"result": {}}
    assert f"{[code, 'last']}" in log
