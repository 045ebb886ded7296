"""The child process of extraction: reads pages on standard input, writes verdicts.

Run as `python -P -m pipeline.documents.worker`.  It sets its own limits: address space
for all, processor time for each page.  Both end it, or what it does, inside C code
as well: the timer by a signal whose default action is the end of the process, the
address space by a failed allocation.  `child.py` holds the other end of the pipes.
"""

from __future__ import annotations

import logging
import os
import resource
import signal
import sys
from datetime import date

from pipeline.documents import messages as frames
from pipeline.documents.page import Page, Verdict
from pipeline.documents.settings import DocumentsSettings
from pipeline.documents.verdict import verdict_on
from pipeline.store.language import identify


def main() -> None:
    """Serves pages until standard input ends."""
    # Ctrl-C goes to the whole process group; the parent decides when this process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pages, verdicts = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # What a library prints must not get between the messages.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    logging.disable(logging.CRITICAL)
    first = frames.read(pages)
    if first is None:
        return
    settings = DocumentsSettings.model_validate(first[0])
    identify("load the model before memory is limited")
    limit = settings.memory_mb * 1_000_000
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    verdicts.write(frames.pack({"ready": True}))
    verdicts.flush()
    os.dup2(1, 2)
    while (message := frames.read(pages)) is not None:
        verdict = _limited(*message, settings)
        verdicts.write(frames.pack(verdict.to_json()))
        verdicts.flush()


def _limited(labels: dict[str, str], body: bytes, settings: DocumentsSettings) -> Verdict:
    """One page under the clock; what it raises is an outcome of its own."""
    page = Page(labels["url"], body, labels["content_type"], date.fromisoformat(labels["fetched"]))
    signal.setitimer(signal.ITIMER_PROF, settings.deadline)
    try:
        return verdict_on(page, settings)
    except MemoryError:
        return Verdict("memory", float(settings.memory_mb))
    except Exception as error:  # the border to code that meets hostile input: named, not hidden
        return Verdict("error", error=f"{type(error).__name__}: {error}"[:500])
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


if __name__ == "__main__":
    main()
