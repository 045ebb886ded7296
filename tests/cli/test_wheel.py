"""The wheel, installed away from the source: everything that it needs of ours is in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest
from commands import leaf_commands
from support import PROJECT
from trainer_runs import losses, validation

from trainer.data.shard_set import find_shards
from trainer.data.stream import Stream
from trainer.eval.loss import unigram_entropy

pytestmark = pytest.mark.system

SOURCE = (
    "pyproject.toml", "README.md", "LICENSE", "NOTICE", "webtext.py", "webtext-stubs", "pipeline",
    "trainer",
)  # fmt: skip
HELP = """
import json, sys
from pipeline.cli import main
for line in json.loads(sys.argv[1]):
    try:
        main([*line.split(), "--help"])
    except SystemExit as end:
        assert end.code == 0, line
"""
MODULES = """
import pkgutil, importlib, pipeline, trainer
for package in (pipeline, trainer):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
            print(module.name)
"""


@dataclass(frozen=True)
class InWheel:
    """Runs a program of the environment with the wheel, in `folder`; gives its merged output."""

    programs: Path
    folder: Path

    def __call__(self, program: str, *arguments: str) -> str:
        return run(self.programs / program, *arguments, folder=self.folder)


def run(*command: str | Path, folder: Path) -> str:
    """Output of a process that sees neither this project's folder nor the settings of ours."""
    environment = {"PATH": os.defpath, "COLUMNS": "100", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def in_wheel(tmp_path_factory: pytest.TempPathFactory) -> InWheel:
    """An environment with the built wheel; what it depends on is that of these tests."""
    folder = tmp_path_factory.mktemp("wheel")
    (folder / "source").mkdir()
    for name in SOURCE:
        if (PROJECT / name).is_dir():
            shutil.copytree(
                PROJECT / name,
                folder / "source" / name,
                ignore=shutil.ignore_patterns("__pycache__"),
            )
        else:
            shutil.copy(PROJECT / name, folder / "source")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    options = ("--no-deps", "--no-index", "--no-build-isolation")
    run(*pip, "wheel", *options, "--wheel-dir", folder, folder / "source", folder=folder)
    shutil.rmtree(folder / "source")
    (wheel,) = folder.glob("webtext-*.whl")
    home = folder / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", home, folder=folder)
    python = home / "bin" / "python"
    run(*pip, "--python", python, "install", "--no-deps", "--no-index", wheel, folder=folder)
    # A folder of a .pth file is searched last, and its own .pth files (the source) are not read.
    (site,) = home.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    work = folder / "work"
    work.mkdir()
    return InWheel(home / "bin", work)


def test_the_packages_are_those_of_the_wheel(in_wheel: InWheel) -> None:
    code = "import pipeline, trainer; print(pipeline.__path__[0], trainer.__path__[0])"
    packages = [Path(path) for path in in_wheel("python", "-P", "-c", code).split()]
    assert [path.name for path in packages] == ["pipeline", "trainer"]
    for path in packages:
        assert "environment" in path.parts and not path.is_relative_to(PROJECT)
        assert (path / "py.typed").is_file()
    stubs = packages[0].parent / "webtext-stubs" / "__init__.pyi"  # where type checkers look
    assert stubs.read_bytes() == (PROJECT / "webtext.py").read_bytes()


def test_every_subcommand_has_its_help(in_wheel: InWheel) -> None:
    commands = leaf_commands()
    output = in_wheel("python", "-P", "-c", HELP, json.dumps(commands))
    assert output.count("Usage: ") == len(commands)


def test_every_module_is_there(in_wheel: InWheel) -> None:
    """Conformance cases and trainers among them, which no other test takes from the wheel."""
    modules = in_wheel("python", "-P", "-c", MODULES).split()
    assert {"pipeline.conformance.cases", "trainer.loop.train"} < set(modules)


def test_the_demo_runs_to_generated_text(in_wheel: InWheel) -> None:
    output = in_wheel("webtext", "--result", "demo.json", "demo", "here", "--workers", "1")
    answer = json.loads(in_wheel("python", "-c", "print(open('demo.json').read())"))
    assert answer == {"corpus": "here/data/quickstart", "run": "here/runs/quickstart"}
    assert output.count("The database") >= 2  # in the command that is shown, and in its text
    # What it suggests next is run as it stands, by a shell that knows of no `webtext`.
    lines = output.partition("What to try next:\n")[2].splitlines()
    script = "\n".join(line for line in lines if line.startswith("  "))
    assert script.count("webtext") >= 4
    shown = in_wheel("/bin/sh", "-e", "-c", script)
    assert "kept: False" in shown and "To create a table" in shown
    learnt(in_wheel.folder / "here")


def learnt(demo: Path) -> None:
    """Its model foretells words far better than their frequencies do."""
    stream = Stream(
        find_shards(str(demo / "data/quickstart/tokens/gpt2")), "validation", 128, shuffled=False
    )
    assert len(losses(demo / "runs/quickstart")) == 200
    assert validation(demo / "runs/quickstart") < unigram_entropy(stream, 8192) - 0.5
