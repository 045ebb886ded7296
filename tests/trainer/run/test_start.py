"""How a training may begin in a folder: new, on from where it was, or either."""

from __future__ import annotations

from pathlib import Path

import pytest
from trainer_runs import SMALL

from pipeline.store.errors import SettingError, WebtextError
from trainer.loop.train import train
from trainer.run.run import RunFolder

EMPTY: dict[str, str] = {}
FAILED = {"run.json": "{}", "tokenizer.json": "{}"}  # before its first step
RUN = FAILED | {"log.jsonl": '{"step": 1}\n'}
STEP = {"train.steps": 1, "schedule.warmup": 0}
CORPUS = {"links/2024-01/part-0.parquet": "x", "tokens/gpt2/2024-01/train.bin": "x"}


@pytest.mark.parametrize(
    ("there", "start", "said"),
    [
        (EMPTY, "new", None),
        (EMPTY, "auto", None),
        (EMPTY, "resume", "holds no run to resume. Correct --out"),
        (FAILED, "new", None),
        (FAILED, "resume", None),
        (FAILED, "auto", None),
        (RUN, "new", "already holds a run. Add --resume"),
        (RUN, "resume", None),
        (RUN, "auto", None),
        (CORPUS, "new", r"holds other files \(links\) and no run. Choose another --out"),
        (CORPUS, "auto", r"holds other files \(links\) and no run"),
        (CORPUS, "resume", "holds no run to resume"),
    ],
)
def test_a_folder_suits_or_is_refused(
    there: dict[str, str], start: str, said: str | None, tmp_path: Path
) -> None:
    for name, text in there.items():
        path = tmp_path / "out" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    folder = RunFolder(tmp_path / "out")
    if said is None:
        folder.check_start(start)
        return
    with pytest.raises(SettingError, match=said):
        folder.check_start(start)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(SettingError, match="--out .*out is a file"):
        RunFolder(tmp_path / "out").check_start("auto")


def test_a_first_start_that_failed_is_in_nobodys_way(tokens: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "run")
    chosen = [f"{name}={value}" for name, value in (SMALL | STEP).items()]
    with pytest.raises(WebtextError, match="nowhere"):
        train("gpt2-tiny", str(tokens), [*chosen, "train.init=nowhere"], out, "new")
    assert train("gpt2-tiny", str(tokens), chosen, out, "new") == out
    with pytest.raises(SettingError, match="already holds a run"):
        train("gpt2-tiny", str(tokens), chosen, out, "new")
