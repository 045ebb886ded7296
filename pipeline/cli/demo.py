"""The main job on the bundled sample, from a dump to generated text: `make quickstart`.

It runs the very commands that a user would type and shows each, around a replay
server on loopback that serves the sample's pages.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from pipeline.sample import PAGES

ROOT = "data/quickstart"
RUN = "runs/quickstart"
PROMPT = "The database"

_NEXT = f"""
Everything is here:
  {ROOT}/links, pages, documents, …   each stage's tables and _manifest.json
  {ROOT}/tokens/gpt2                  token shards (Megatron .bin/.idx; nanoGPT reads the .bin)
  {ROOT}/tokenizers/gpt2              tokenizer.json, loads in Hugging Face tokenizers
  {RUN}                       the model's checkpoints and log

What to try next:
  webtext status {ROOT}
  webtext show {ROOT} --where "karma > 100" --n 3
  webtext show {ROOT} decisions --where "NOT kept" --n 3
  webtext generate {RUN} --prompt "To create a table"
  webtext build quickstart --set pages.via=…   the README says how to crawl pages of your own
(`webtext` is {sys.prefix}/bin/webtext)
"""


@contextmanager
def replay_server(archive: Path = PAGES) -> Iterator[str]:
    """Serves the pages of an archive on loopback; yields the server's address."""
    command = [sys.executable, "-m", "pipeline.pages.replay", str(archive), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            address = server.stdout.readline().strip() if server.stdout else ""
            if not address:
                raise SystemExit("The replay server did not start")
            yield address
        finally:
            server.terminate()


def run(console: Console, *arguments: str) -> None:
    """Shows and runs one `webtext` command; leaves with its exit code when it fails."""
    console.rule(f"webtext {shlex.join(arguments)}", align="left", style="cyan")
    code = subprocess.run([sys.executable, "-m", "pipeline", *arguments], check=False).returncode
    if code:
        sys.exit(code)


def main() -> None:
    """The whole line, with the time it took."""
    console = Console(highlight=False)
    started = time.monotonic()
    with replay_server() as address:
        run(console, "build", "quickstart", "--set", f"pages.via={address}")
    run(console, "status", ROOT)
    run(console, "verify", ROOT)
    run(console, "train", "gpt2-tiny", "--data", f"{ROOT}/tokens/gpt2", "--out", RUN, "--resume")
    run(console, "eval", RUN)
    run(console, "generate", RUN, "--prompt", PROMPT)
    console.rule(style="cyan")
    console.print(f"Done in {time.monotonic() - started:.0f} s.{_NEXT}", soft_wrap=True)


if __name__ == "__main__":
    main()
