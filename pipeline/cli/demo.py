"""`webtext demo`: the main job on the bundled sample, from a dump to generated text.

It runs the very commands that a user would type and shows each, around a replay
server on loopback that serves the sample's pages.
"""

from __future__ import annotations

import importlib.util
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import typer
from rich.console import Console

from pipeline.sample import PAGES
from pipeline.store import files
from pipeline.store.errors import WebtextError
from pipeline.store.manifest import read_manifest

ROOT = "data/quickstart"
RUN = "runs/quickstart"
PROMPT = "The database"

_BUILT = f"""
Everything is in {{folder}}:
  {ROOT}/links, pages, documents, …   each stage's tables and _manifest.json
  {ROOT}/tokens/gpt2                  token shards (Megatron .bin/.idx; nanoGPT reads the .bin)
  {ROOT}/tokenizers/gpt2              tokenizer.json, loads in Hugging Face tokenizers
"""
_TRAINED = f"  {RUN}                       the model's checkpoints and log\n"
_NEXT = f"""
What to try next:
  cd {{folder}}
  {{webtext}} status {ROOT}
  {{webtext}} show {ROOT} --where "karma > 100" --n 3
  {{webtext}} show {ROOT} decisions --where "NOT kept" --n 3
"""
_GENERATE = f'  {{webtext}} generate {RUN} --prompt "To create a table"\n'
_NO_TORCH = "Training needs torch: pip install 'webtext[train]', then run the same command again.\n"


@contextmanager
def replay_server(archive: Path = PAGES) -> Iterator[str]:
    """Serves the pages of an archive on loopback; yields the server's address."""
    command = [sys.executable, "-P", "-m", "pipeline.pages.replay", str(archive), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            address = server.stdout.readline().strip() if server.stdout else ""
            if not address:
                raise WebtextError(
                    "The server of the sample's pages did not start", "Read its message above"
                )
            yield address
        finally:
            server.terminate()


def _command() -> str:
    """What to type for this `webtext`: its path where the shell would find another one or none."""
    ours = Path(sys.prefix, "bin", "webtext")
    found = shutil.which("webtext")
    same = found is not None and Path(found).resolve() == ours.resolve()
    return "webtext" if same else shlex.quote(str(ours))


class _Shell:
    """Shows and runs `webtext` commands in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._console = folder, Console(highlight=False, markup=False)

    def run(self, *arguments: str) -> None:
        """Runs one command; leaves with its exit code when it fails."""
        self._console.rule(f"webtext {shlex.join(arguments)}", align="left", style="cyan")
        command = [sys.executable, "-P", "-m", "pipeline", *arguments]
        # Not by inheritance: `--json` puts another stream in the place of standard output.
        done = subprocess.run(command, cwd=self._folder, stdout=sys.stdout, check=False)
        if done.returncode:
            raise typer.Exit(done.returncode)

    def say(self, text: str) -> None:
        """Ends with a text."""
        self._console.rule(style="cyan")
        self._console.print(text, soft_wrap=True)


def set_aside_earlier(run: Path, shards: Path) -> Path | None:
    """Renames a run that was trained on other shards, since it cannot go on; its new name.

    A newer version of this package may make another corpus of the same pages.
    """
    facts, intervals = run / "run.json", list(shards.glob("*/"))
    manifest = read_manifest(str(intervals[0])) if len(intervals) == 1 else None
    if not facts.is_file() or manifest is None:
        return None
    trained_on: str = orjson.loads(facts.read_bytes())["fingerprint"]
    if trained_on == manifest.fingerprint:
        return None
    return run.rename(run.with_name(f"{run.name}-{trained_on[:12]}"))


def run_demo(folder: str, workers: int) -> dict[str, Any]:
    """The whole line; where everything is.  Without torch it ends before training."""
    home = Path(files.local_path(folder))
    home.mkdir(parents=True, exist_ok=True)
    shell, started = _Shell(home), time.monotonic()
    with replay_server() as address:
        more = (f"--workers={workers}",)
        shell.run("build", "quickstart", "--set", f"pages.via={address}", *more)
    shell.run("status", ROOT)
    shell.run("verify", ROOT)
    trains = importlib.util.find_spec("torch") is not None
    if trains:
        shards = f"{ROOT}/tokens/gpt2"
        if aside := set_aside_earlier(home / RUN, home / shards):
            shell.say(f"{RUN} was trained on an earlier corpus: it is now {aside}.")
        shell.run("train", "gpt2-tiny", "--data", shards, "--out", RUN, "--auto-resume")
        shell.run("eval", RUN)
        shell.run("generate", RUN, "--prompt", PROMPT)
    template = _BUILT + (f"{_TRAINED}{_NEXT}{_GENERATE}" if trains else f"{_NEXT}\n{_NO_TORCH}")
    words = {"folder": shlex.quote(str(home.resolve())), "webtext": _command()}
    shell.say(f"Done in {time.monotonic() - started:.0f} s.{template.format(**words)}")
    return {"corpus": str(home / ROOT), "run": str(home / RUN) if trains else None}
