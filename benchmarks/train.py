"""The trainer beside nanoGPT's own train.py: speed in turns, then what both have learned.

    git clone https://github.com/karpathy/nanoGPT
    python benchmarks/train.py --nanogpt nanoGPT --data ROOT/tokens/NAME               # a CPU
    python benchmarks/train.py --nanogpt nanoGPT --data ROOT/tokens/NAME --preset gpu  # 124M

Both are run as their users run them, as processes, on the same shards (all training shards
one after the other are nanoGPT's train.bin) with the same model, batch, steps, learning rate,
schedule and precision (`--precision bf16` is for ours alone: on a CPU nanoGPT's has fp32 only).
Speed is the median time of a step, without the first ten, over
`--rounds` runs of each in turns.  With `--clock processor` it is processor time of one thread, of
both at the same time, so that other work on the machine slows them alike: what a run of three
times as many steps takes more than a short one, so that starting is not counted.  Learning is the
loss of both final models over the same
validation windows.  Known differences: nanoGPT draws windows with replacement, has the erf
GELU, and its 50,304 trainable output rows where ours masks those beyond the vocabulary.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import pickle
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer

from pipeline.tokens.megatron import IndexedDataset
from trainer.data.shard_set import Shards, find_shards
from trainer.data.stream import Stream
from trainer.eval.evaluate import evaluate_run
from trainer.run.log_lines import read_log

_SETTLED = 10  # steps before the clock counts: compilation, first allocations


@dataclass(frozen=True)
class Preset:
    """A model and its batch, the same for both."""

    layers: int
    width: int
    heads: int
    context: int
    batch: int
    micro: int
    lr: float
    warmup: int
    device: str


PRESETS = {
    # nanoGPT's README, "I only have a macbook": 4 layers, width 128, context 64, batch 12.
    "cpu": Preset(4, 128, 4, 64, 12, 12, 1e-3, 50, "cpu"),
    "gpu": Preset(12, 768, 12, 1024, 480, 32, 6e-4, 700, "cuda"),
}


def main() -> None:
    """Runs what the command line asks for and prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nanogpt", type=Path, required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--preset", choices=PRESETS, default="cpu")
    parser.add_argument("--steps", type=int, default=500, help="of the run that is judged")
    parser.add_argument("--speed-steps", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clock", choices=("wall", "processor"), default="wall")
    parser.add_argument("--precision", choices=("auto", "bf16"), default="auto", help="of ours")
    parser.add_argument("--compile", action="store_true", help="both, on a CPU as well")
    arguments = parser.parse_args()
    preset, shards = PRESETS[arguments.preset], find_shards(arguments.data)
    with tempfile.TemporaryDirectory() as folder:
        compiled = arguments.compile or preset.device == "cuda"
        if arguments.clock == "processor":
            os.environ["OMP_NUM_THREADS"] = "1"
        precision = arguments.precision
        bench = Bench(
            Path(folder), arguments.nanogpt, arguments.data, shards, preset, compiled, precision
        )
        measured = bench.by_the_clock if arguments.clock == "wall" else bench.by_processor_time
        times: dict[str, list[float]] = {"webtext": [], "nanogpt": []}
        for number in range(arguments.rounds):
            for name, seconds in measured(arguments.speed_steps, str(number)).items():
                times[name] += seconds
        step = {name: statistics.median(values) for name, values in times.items()}
        tokens = preset.batch * preset.context
        said: dict[str, Any] = {
            "machine": _machine(preset),
            "clock": arguments.clock,
            "compiled": compiled,
            "precision_of_webtext": precision,
            "tokens_per_second": {name: tokens / seconds for name, seconds in step.items()},
            "speed_ratio": step["nanogpt"] / step["webtext"],
        }
        if arguments.steps:
            bench.nanogpt(arguments.steps, "nanogpt")
            bench.webtext(arguments.steps, "webtext")
            mine = evaluate_run(str(bench.folder / "webtext"), None, None, print)["loss"]
            theirs = bench.nanogpt_loss("nanogpt")
            said["validation_loss"] = {"webtext": mine, "nanogpt": theirs}
            said["loss_ratio"] = mine / theirs
            said["steps"] = arguments.steps
    print(json.dumps(said, indent=1))


@dataclass(frozen=True)
class Bench:
    """Runs both in `folder`."""

    folder: Path
    source: Path
    data: str
    shards: Shards
    preset: Preset
    compiled: bool
    precision: str
    #: Seconds of processor time of each run, by its name.
    used: dict[str, float] = field(default_factory=dict)

    def by_the_clock(self, steps: int, number: str) -> dict[str, list[float]]:
        """Seconds of the steps of one run of each, one after the other."""
        runs = {"nanogpt": self.nanogpt, "webtext": self.webtext}
        return {name: run(steps, f"{name}-{number}") for name, run in runs.items()}

    def by_processor_time(self, steps: int, number: str) -> dict[str, list[float]]:
        """Seconds of processor time of a step, from a short and a long run, both sides at once."""
        self._nanogpt_home()
        used: dict[str, list[float]] = {"nanogpt": [], "webtext": []}
        for count in (steps, 3 * steps):
            names = {name: f"{name}-{number}-{count}" for name in used}
            with ThreadPoolExecutor(2) as pool:
                jobs = [
                    pool.submit(self.nanogpt, count, names["nanogpt"]),
                    pool.submit(self.webtext, count, names["webtext"]),
                ]
            for job in jobs:
                job.result()  # raises what was raised
            for name, run in names.items():
                used[name].append(self.used[run])
        return {name: [(long - short) / (2 * steps)] for name, (short, long) in used.items()}

    @property
    def vocab(self) -> int:
        """Tokens of the vocabulary, rounded up as nanoGPT's users do."""
        size = Tokenizer.from_file(self.shards.tokenizer).get_vocab_size()
        return -(-size // 64) * 64

    def webtext(self, steps: int, name: str) -> list[float]:
        """Trains ours; returns the seconds of the steps that count."""
        p = self.preset
        settings = {
            "model.layers": p.layers, "model.width": p.width, "model.heads": p.heads,
            "model.context": p.context, "optim.name": '"adamw"', "optim.lr": p.lr,
            "schedule.warmup": min(p.warmup, steps // 10), "train.steps": steps,
            "train.batch": p.batch, "train.micro_batch": p.micro, "checkpoint.every": 10**9,
            "eval.every": 0, "eval.sequences": 8, "log.tensorboard": "false",
            "train.device": f'"{p.device}"', "train.compile": '"on"' if self.compiled else '"off"',
            "train.precision": f'"{self.precision}"',
        }  # fmt: skip
        command = [sys.executable, "-P", "-m", "pipeline", "train", "gpt2-124m"]
        command += ["--data", self.data]
        command += ["--out", str(self.folder / name)]
        for key, value in settings.items():
            command += ["--set", f"{key}={value}"]
        self._run(command, Path.cwd(), name)
        lines = read_log(self.folder / name / "log.jsonl")
        return [line["seconds"] for line in lines if "loss" in line][_SETTLED:]

    def nanogpt(self, steps: int, name: str) -> list[float]:
        """Trains nanoGPT by its own train.py; returns the seconds of the steps that count."""
        home = self._nanogpt_home()
        p = self.preset
        settings = {
            "dataset": "webtext", "out_dir": str(self.folder / name), "device": p.device,
            "compile": self.compiled, "eval_interval": steps, "eval_iters": 1,
            "log_interval": 1, "block_size": p.context, "batch_size": p.micro,
            "gradient_accumulation_steps": p.batch // p.micro, "n_layer": p.layers,
            "n_head": p.heads, "n_embd": p.width, "bias": True, "learning_rate": p.lr,
            "min_lr": p.lr / 10, "max_iters": steps, "lr_decay_iters": steps,
            "warmup_iters": min(p.warmup, steps // 10), "dropout": 0.0,
        }  # fmt: skip
        options = [f"--{key}={value}" for key, value in settings.items()]
        said = self._run([sys.executable, "train.py", *options], home, name)
        times = re.findall(r"^iter \d+: loss [\d.]+, time ([\d.]+)ms", said, re.MULTILINE)
        # The last line is of a step after the one that is saved, with the evaluation in its time.
        return [float(ms) / 1000 for ms in times[_SETTLED:-1]]

    def nanogpt_loss(self, name: str) -> float:
        """The loss of nanoGPT's final model over the whole validation split."""
        spec = importlib.util.spec_from_file_location("nanogpt_model", self.source / "model.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["nanogpt_model"] = module  # its dataclass looks itself up there
        spec.loader.exec_module(module)
        saved = torch.load(self.folder / name / "ckpt.pt", weights_only=True, map_location="cpu")
        model = module.GPT(module.GPTConfig(**saved["model_args"]))
        prefix = "_orig_mod."
        model.load_state_dict({k.removeprefix(prefix): v for k, v in saved["model"].items()})
        model.eval().to(self.preset.device)
        stream = Stream(self.shards, "validation", self.preset.context, shuffled=False)
        total = 0.0
        with torch.no_grad():
            for first in range(0, stream.samples, 16):
                count = min(16, stream.samples - first)
                rows = torch.from_numpy(stream.batch(first, count)).long().to(self.preset.device)
                total += float(model(rows[:, :-1], rows[:, 1:].contiguous())[1]) * count
        return total / stream.samples

    def _nanogpt_home(self) -> Path:
        """A copy of nanoGPT with the shards as its data set."""
        home = self.folder / "nanogpt-source"
        if home.exists():
            return home
        shutil.copytree(self.source, home)
        data = home / "data" / "webtext"
        data.mkdir(parents=True)
        for name, paths in (("train", self.shards.train), ("val", self.shards.validation)):
            tokens = np.concatenate([IndexedDataset(path).tokens for path in paths])
            tokens.astype(np.uint16).tofile(data / f"{name}.bin")
        (data / "meta.pkl").write_bytes(pickle.dumps({"vocab_size": self.vocab}))
        return home

    def _run(self, command: list[str], folder: Path, name: str) -> str:
        environment = os.environ | {"OMP_WAIT_POLICY": "PASSIVE", "PYTHONUNBUFFERED": "1"}
        log = self.folder / f"{name}.log"
        with log.open("w") as out:
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT
            )
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        said = log.read_text(encoding="utf-8")
        if status:
            raise SystemExit(f"{' '.join(command)}\n{said[-5000:]}")
        self.used[name] = usage.ru_utime + usage.ru_stime
        return said


def _machine(preset: Preset) -> str:
    if preset.device == "cuda":
        return torch.cuda.get_device_name()
    return f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}"


if __name__ == "__main__":
    main()
