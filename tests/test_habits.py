"""What guards the repository itself: commit subjects, forms, workflows and the docs site."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import PROJECT

BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the hooks of this one."""
    root = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "--quiet", root], check=True)
    shutil.copy(PROJECT / ".pre-commit-config.yaml", root)
    subprocess.run(["git", "add", "."], cwd=root, check=True)
    return root


@pytest.mark.parametrize(
    ("message", "accepted"),
    [
        (
            "documents: all posts of a thread are text\n\nA post that answers another is one.\n",
            True,
        ),
        ("links, pages/http: one reader of addresses\n", True),
        ("Merge branch 'main' into links\n", True),
        ("all posts of a thread are text\n", False),
        ("documents:all posts of a thread are text\n", False),
        ("documents: " + "x" * 61 + "\n\nA short line.\n", True),
        ("documents: " + "x" * 62 + "\n\nA short line.\n", False),
    ],
)
def test_subjects_of_commits(
    repository: Path, monkeypatch: pytest.MonkeyPatch, message: str, accepted: bool
) -> None:
    monkeypatch.setenv("PRE_COMMIT_HOME", str(repository.parent / "cache"))
    (repository / "message").write_text(message)
    hook = ["run", "subject", "--hook-stage", "commit-msg", "--commit-msg-filename", "message"]
    done = subprocess.run(
        [BIN / "pre-commit", *hook], cwd=repository, capture_output=True, text=True, check=False
    )
    assert (done.returncode == 0) == accepted, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("schema", "folder"),
    [("github-workflows", "workflows"), ("github-issue-forms", "ISSUE_TEMPLATE")],
)
def test_forms_and_workflows_are_what_github_reads(schema: str, folder: str) -> None:
    files = sorted((PROJECT / ".github" / folder).glob("*.yml"))
    assert files
    command = [BIN / "check-jsonschema", "--builtin-schema", f"vendor.{schema}", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_site_is_built_and_no_link_is_broken(tmp_path: Path) -> None:
    """Warnings are errors, and the page of settings has them all."""
    build = [BIN / "sphinx-build", "--quiet", "--fail-on-warning", "-c", "docs", ".", tmp_path]
    done = subprocess.run(build, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "url=README.html" in (tmp_path / "index.html").read_text()
    settings = (tmp_path / "docs" / "settings.html").read_text()
    assert all(name in settings for name in ("min_karma", "Largest global norm of the gradient"))


def test_a_broken_link_is_an_error(tmp_path: Path) -> None:
    """Of a site of two pages, one of which leads to a heading that is not there."""
    (tmp_path / "docs").mkdir()
    shutil.copy(PROJECT / "docs" / "conf.py", tmp_path / "docs")
    (tmp_path / "README.md").write_text("# One\n[two](docs/two.md#no-such-heading)\n")
    (tmp_path / "docs" / "two.md").write_text("# Two\n")
    build = [BIN / "sphinx-build", "--quiet", "--fail-on-warning", "-c", "docs", ".", "out"]
    done = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "no-such-heading" in done.stderr
