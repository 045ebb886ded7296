"""The command in a terminal: narrow ones, without colours, with completion, and its JSON."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import pytest
from commands import leaf_commands
from typer.main import get_command

from pipeline.cli import main, whole_app
from pipeline.store.corpus import Corpus
from pipeline.views.cell import cell
from pipeline.views.show import select
from pipeline.views.why import life_of, render_life

_WEBTEXT = Path(sys.executable).with_name("webtext")
_COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|38|9[0-7])[;m]")
_MANNERS = re.compile(r"\x1b\[[\d;]*m")


def in_terminal(columns: int, *arguments: str, **environment: str) -> str:
    """What the command writes to a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    inherited = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
    with subprocess.Popen(
        [_WEBTEXT, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**inherited, "TERM": "xterm-256color", **environment},
    ) as child:
        os.close(theirs)
        written = b""
        try:
            while piece := os.read(ours, 1 << 16):
                written += piece
        except OSError:  # the other side is closed
            pass
    os.close(ours)
    assert child.returncode == 0, written.decode()
    return written.decode().replace("\r\n", "\n")


def test_status_is_whole_at_60_columns(sample_root: Path) -> None:
    lines = _MANNERS.sub("", in_terminal(60, "status", str(sample_root))).splitlines()
    assert max(map(len, lines)) <= 60
    corpus = Corpus(str(sample_root))
    for stage in ("links", "pages", "documents", "quality", "dedup", "corpus", "tokens/gpt2"):
        manifest = corpus.require(stage, "2024-01")
        assert any(line.startswith(f"{stage} 2024-01: state built") for line in lines)
        assert manifest.fingerprint[:12] in " ".join(lines)


def test_colours_are_left_out_where_they_are_not_wanted(sample_root: Path) -> None:
    command = ("show", str(sample_root), "decisions", "--n", "1")
    assert _COLOUR.search(in_terminal(80, *command))
    assert not _COLOUR.search(in_terminal(80, *command, NO_COLOR="1"))


def test_decisions_are_shown_with_addresses(sample_root: Path) -> None:
    corpus = Corpus(str(sample_root))
    urls = {row["id"]: row["url"] for row in select(corpus, "links", where=None, limit=1000)}
    for table in ("decisions", "quality"):
        rows = select(corpus, table, where="url LIKE 'http%'", limit=20)
        assert rows and all(row["url"] == urls[row["id"]] for row in rows)
        assert list(rows[0])[:2] == ["id", "url"] and "url_1" not in rows[0]


def test_why_tells_dates(sample_root: Path) -> None:
    corpus = Corpus(str(sample_root))
    row = select(corpus, "links", where=None, limit=1)[0]
    text = render_life(life_of(corpus, row["id"]))
    for name in ("first_seen", "fetched_at"):
        assert re.search(rf"^  {name}: 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC$", text, re.M), name
    assert re.search(r"mentions: \w+.*, -?\d+ karma, 2024-01-\d\d", text)
    assert str(row["first_seen"]) not in text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("fetched_at", 0, "unknown"),
        ("fetched_at", 1_700_000_000, "2023-11-14 22:13:20 UTC"),
        ("first_seen", 10**15, str(10**15)),
        ("preference_at", None, "None"),
        ("value", 0.123456, "0.1235"),
        ("text", "x" * 400, f"{'x' * 300} … (400 characters)"),
        ("mentions", None, ""),
        (
            "mentions",
            [{"kind": "list", "reddit_id": "", "subreddit": "", "score": 3, "created": 0}],
            "list, 3 karma, unknown",
        ),
    ],
)
def test_values_are_told_in_words(name: str, value: Any, text: str) -> None:
    assert cell(name, value) == text


def test_every_subcommand_has_an_answer_in_json() -> None:
    def leaf(path: str) -> Any:
        command = get_command(whole_app())
        for word in path.split():
            command = command.commands[word]  # type: ignore[attr-defined]
        return command

    for path in leaf_commands():
        assert any("--json" in parameter.opts for parameter in leaf(path).params), path


def test_json_is_all_that_is_written(
    sample_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, place = str(sample_root), tmp_path / "answer.json"
    for command in (["status", root], ["show", root, "--n", "1"], ["verify", root]):
        with pytest.raises(SystemExit) as ended:
            main(["--result", str(place), *command, "--json"])
        written = capsys.readouterr()
        assert (ended.value.code, written.err) == (0, "")
        assert json.loads(written.out) == json.loads(place.read_text())


_SHELLS = {
    "bash": (
        "-c",
        'eval "$(_WEBTEXT_COMPLETE=source_bash webtext)"; '
        "COMP_WORDS=(webtext st); COMP_CWORD=1; _webtext_completion webtext webtext; "
        'echo "${COMPREPLY[@]}"; '
        "COMP_WORDS=(webtext show ROOT --wh); COMP_CWORD=3; _webtext_completion webtext; "
        'echo "${COMPREPLY[@]}"',
    ),
    "zsh": (
        "-fc",
        # `_arguments` works in a terminal alone; what it would be given is written instead.
        "compdef() { }; _arguments() { print -r -- $1 }; _files() { print files }; "
        'eval "$(_WEBTEXT_COMPLETE=source_zsh webtext)"; '
        "words=(webtext st); CURRENT=2; _webtext_completion; "
        "words=(webtext show ROOT --wh); CURRENT=4; _webtext_completion",
    ),
    "fish": (
        "--no-config",
        "-c",
        "_WEBTEXT_COMPLETE=source_fish webtext | source; "
        "complete -C 'webtext st'; complete -C 'webtext show ROOT --wh'",
    ),
}


@pytest.mark.parametrize(
    "shell",
    ["bash", *(pytest.param(name, marks=pytest.mark.system) for name in ("zsh", "fish"))],
)
def test_shells_complete_subcommands_and_options(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"needs Debian's {shell}")
    done = subprocess.run(
        [shell, *_SHELLS[shell]],
        env={**os.environ, "PATH": f"{_WEBTEXT.parent}:{os.defpath}:/usr/bin"},
        text=True,
        capture_output=True,
        check=False,
    )
    assert re.search(r"\bstatus\b", done.stdout), (done.stdout, done.stderr)
    assert "--where" in done.stdout, (done.stdout, done.stderr)
    assert "publish" not in done.stdout
