"""What is started outside Python: an interrupted installation is made again, and services fit together."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SLOW_PYTHON = """#!/bin/sh
# Stands for a `python3` whose `-m venv` is interrupted at its first call.
case "$*" in
  "-m venv --clear "*)
    [ "$3" = --clear ] && rm -rf "$4"
    mkdir -p "$4/bin"
    touch "$4/bin/python"
    [ -e "$0.called" ] || { touch "$0.called"; exit 130; }
    touch "$4/whole" ;;
esac
"""


def test_interrupted_installation_is_made_again(tmp_path):
    python, environment = tmp_path / "python", tmp_path / "venv"
    python.write_text(SLOW_PYTHON)
    python.chmod(0o755)
    command = [
        "make",
        "-f",
        str(ROOT / "Makefile"),
        f"PYTHON={python}",
        f"VENV={environment}",
        f"{environment}/.created",
    ]
    codes = [subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode for _ in range(3)]
    assert codes == [2, 0, 0]
    assert (environment / "whole").exists()


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("variables", "model"),
    [({}, "Qwen/Qwen3-0.6B"), ({"VLLM_MODEL": "owner/other"}, "owner/other")],
    ids=["default", "chosen"],
)
def test_catalogue_and_server_name_the_same_model(compose, variables, model):
    served = substituted(compose["services"]["vllm"]["command"], variables)
    asked = substituted(compose["services"]["code"]["environment"]["OPENREASON_ENDPOINT_MODEL"], variables)
    assert f"--model {model} " in served
    assert asked == model


def substituted(text, variables):
    """`${NAME:-default}` as Docker Compose and the shell read it."""
    quoted = re.sub(r"[^\w${}:/.-]", lambda match: f"\\{match[0]}", text)
    result = subprocess.run(
        ["sh", "-c", f"printf %s {quoted}"], capture_output=True, text=True, env=variables, check=True
    )
    return result.stdout


def test_services_wait_until_the_data_folder_is_theirs(compose):
    services = compose["services"]
    assert services["data-folder"]["user"] == "root"
    assert services["data-folder"]["restart"] == "no"
    for name in ("code", "webserver", "daemon"):
        assert services[name]["depends_on"]["data-folder"] == {"condition": "service_completed_successfully"}


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make and change root's files")
def test_data_folder_gives_root_made_files_alone(compose, tmp_path):
    for name, owner in (("made-by-docker", 0), ("made-by-a-person", 4321)):
        (tmp_path / name).touch()
        os.chown(tmp_path / name, owner, owner)
    command = compose["services"]["data-folder"]["command"]
    here = {"/app/data": str(tmp_path), "openreason:": "1000:1000"}
    subprocess.run([here.get(word, word) for word in command], check=True)
    assert (tmp_path.stat().st_uid, (tmp_path / "made-by-docker").stat().st_uid) == (1000, 1000)
    assert (tmp_path / "made-by-a-person").stat().st_uid == 4321
