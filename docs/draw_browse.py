"""The pictures of docs/browse.md: a corpus in a headless Chromium.

    python -m docs.draw_browse ROOT

ROOT is a built corpus, such as the quickstart's data/quickstart.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path

from docs.chromium import chromium

#: Of each picture: the view, the size of its window, and whether it is dark.
PICTURES = {
    "browse-pages": ("pages?q=database", 1000, 640, False),
    "browse-thresholds": ("thresholds?quality.gopher.min_words=200", 1000, 640, True),
    "browse-phone": ("", 390, 700, False),
}


def draw(root: str, program: str) -> None:
    """Writes the pictures beside this file."""
    command = [sys.executable, "-P", "-m", "pipeline", "browse", root]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            address = server.stderr.readline().split()[0]
            with chromium(program) as tab:
                tab.open(f"{address}pages")
                while "index is being made" in tab.evaluate("document.body.innerText"):
                    time.sleep(0.5)
                    tab.open(f"{address}pages")
                for name, (view, width, height, dark) in PICTURES.items():
                    tab.look(width, height, dark=dark)
                    tab.open(address + view)
                    Path(__file__).with_name(f"{name}.png").write_bytes(tab.picture())
        finally:
            server.terminate()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root")
    program = shutil.which("chromium")
    if program is None:
        sys.exit("This needs the program chromium")
    draw(parser.parse_args().root, program)


if __name__ == "__main__":
    main()
