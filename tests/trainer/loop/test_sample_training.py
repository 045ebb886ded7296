"""The first quarter of `gpt2-tiny` on the shards of the sample: learns, and resumes exactly."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from trainer_runs import losses, start, validation, wait_for, webtext

from trainer.data.shard_set import find_shards
from trainer.data.stream import Stream
from trainer.eval.loss import unigram_entropy


@pytest.mark.system
def test_gpt2_tiny_on_the_sample(sample_root: Path, tmp_path: Path) -> None:
    data = sample_root / "tokens" / "gpt2"
    recipe = ("train", "gpt2-tiny", "--data", str(data), "--set", "eval.every=50")
    command = (*recipe, "--set", "train.pause_after=50", "--set", "checkpoint.every=15", "--out")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    webtext(*command, str(whole))
    assert 50 <= len(losses(whole)) < 200
    stream = Stream(find_shards(str(data)), "validation", 128, shuffled=False)
    entropy = unigram_entropy(stream, 8192)
    print(f"validation loss {validation(whole):.3f}, unigram entropy {entropy:.3f} nats")
    assert validation(whole) < entropy - 0.1

    process = start(*command, str(killed))
    wait_for(process, killed, 18)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(losses(killed)) < 50
    webtext(*command, str(killed), "--resume")
    assert losses(killed) == losses(whole)

    said = webtext("generate", str(whole), "--prompt", "The database", "--tokens", "40")
    assert "The database" in said
    assert len(said.split()) > 10
