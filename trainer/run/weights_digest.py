"""The weights that a run learns from: where they are, and whether they are still the same."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pipeline.store.errors import SettingError
from trainer.run.checkpoint import complete_checkpoints


def has_config(source: str) -> bool:
    """Whether a folder is in Hugging Face's format; else it should be a run."""
    return (Path(source) / "config.json").exists()


def weights_digest(source: str) -> str:
    """sha256 over the safetensors of a folder, or of a run's last complete checkpoint.

    Raises SettingError where no teacher is named, or none is there.
    """
    if not source:
        raise SettingError("The recipe names no teacher", "Set its folder: a run, or an export")
    folder = Path(source)
    if not has_config(source):
        complete = complete_checkpoints(folder / "checkpoints")
        if not complete:
            raise SettingError(
                f"The teacher {source} is neither a run with a checkpoint nor a folder in "
                "Hugging Face's format",
                "Name the folder of one",
            )
        folder = complete[-1].folder
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.safetensors")):
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()
