"""From a token back to the link that brought it in."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support import Run


def test_every_token_of_a_document_leads_to_its_page(sample_root: Path, webtext: Run) -> None:
    folder = sample_root / "tokens" / "gpt2" / "2024-01"
    table = next(folder.glob("documents-train-*.parquet"))
    row = pq.read_table(table).to_pylist()[3]
    for position in (row["start"], row["start"] + row["length"] - 1):
        token = f"gpt2/2024-01/{row['shard']}:{position}"
        done = webtext("why", str(sample_root), "--token", token)
        assert done.returncode == 0, done.stdout
        assert done.stdout.startswith(f"id {row['id']}\n")
        assert "mentions: " in done.stdout and f"start: {row['start']}" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--token", "gpt2/2024-01/train-00000-of-00002:99999999"], "has no token 99,999,999"),
        (["--token", "train-00000-of-00002"], "is not of the form NAME/INTERVAL/SHARD:POSITION"),
        (["--token", "gpt2/1999-01/train-00000-of-00002:1"], "is not built"),
        ([], "takes a page or --token"),
        (["example.org/a", "--token", "gpt2/2024-01/x:1"], "takes a page or --token"),
    ],
)
def test_what_is_not_there_is_said(
    sample_root: Path, webtext: Run, arguments: list[str], said: str
) -> None:
    done = webtext("why", str(sample_root), *arguments)
    assert done.returncode in (1, 2) and said in done.stdout
    assert len(done.stdout.strip().splitlines()) == 1
