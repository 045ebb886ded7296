"""What a command says to programs: `webtext --result FILE …` writes it as JSON.

Schedulers read it (the DAGs in `dags/` pass it on from task to task); people read the
command's output.
"""

from __future__ import annotations

from typing import Any

import orjson
import typer

from pipeline.store import files

#: The exit code of a command that did its work and whose answer is no (`webtext compare`).
ANSWER_IS_NO = 3


def give_result(context: typer.Context, result: dict[str, Any]) -> None:
    """Writes `said` to the file of `--result`, whole or not at all; without the option, nothing."""
    path = context.find_root().params.get("result")
    if path:
        files.write_bytes(path, orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")
