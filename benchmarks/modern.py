"""Learning curves of modern models beside those they follow, on equal text.

    python benchmarks/books.py BOOKS.ndjson.zst ROOT --kind wordpiece --vocab 1000 \\
        --characters 12000000
    python benchmarks/modern.py ROOT/tokens/electra RUNS docs/modern.svg

Trains GPT-2's blocks and gpt-modern's, then BERT's and ModernBERT's, each with the same seed, hence
the same samples and masks, the same optimizer and as many steps.  Both encoders answer the same
question: 30 % masked tokens, no pairs.  Runs that are there already are not repeated.  Prints the
validation loss after each evaluation, the mean over SEEDS, and draws the curves.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from trainer.run.log_lines import read_log

SEEDS = (1,)
WIDTH, HEIGHT, LEFT, TOP = 300, 150, 40, 24
COLOURS = ("#888", "#246")


@dataclass(frozen=True)
class Side:
    """One of two: its name, its recipe, and what differs from it."""

    name: str
    recipe: str
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pair:
    """Two models of one size, and what both are told."""

    old: Side
    new: Side
    settings: tuple[str, ...]


DECODERS = Pair(
    Side("GPT-2", "gpt2-tiny"),
    Side("gpt-modern", "gpt-modern-tiny", ("model.kv_heads=2", "model.inner=256", "model.band=16")),
    (
        "model.layers=3", "model.width=96", "model.heads=4", "model.context=64", "train.batch=32",
        "train.steps=400", "eval.every=50",
    ),
)  # fmt: skip
#: Narrow, on short samples: that is when an encoder of this size comes to use the text around.
ENCODERS = Pair(
    Side("BERT", "bert-tiny", ("objective=masked", "pairs.short=0", "mask.rate=0.3")),
    Side("ModernBERT", "modernbert-tiny", ("model.inner=168", "model.band=8")),
    (
        "model.width=64", "model.layers=3", "model.heads=2", "model.context=32",
        "schedule.name=wsd", "schedule.warmup=100", "train.batch=32", "train.steps=2400",
        "optim.lr=2e-3", "optim.bias_correction=true", "eval.every=300",
    ),
)  # fmt: skip


def curve(side: Side, pair: Pair, data: str, runs: Path, seed: int) -> dict[int, float]:
    """Validation loss by step, trained where the run is not there yet."""
    out = runs / f"{side.name}-{seed}"
    if not (out / "log.jsonl").exists():
        settings = [*pair.settings, *side.settings, f"train.seed={seed}", f"data.seed={seed}"]
        settings += ["eval.sequences=256", "checkpoint.every=100000", "log.tensorboard=false"]
        chosen = [word for one in settings for word in ("--set", one)]
        command = [sys.executable, "-P", "-m", "pipeline", "train", side.recipe, "--data", data]
        subprocess.run([*command, "--out", str(out), *chosen], check=True)
    lines = read_log(out / "log.jsonl")
    return {line["step"]: line["validation_loss"] for line in lines if "validation_loss" in line}


def means(curves: list[dict[int, float]]) -> dict[int, float]:
    """The mean over the seeds."""
    return {step: sum(one[step] for one in curves) / len(curves) for step in curves[0]}


def table(pair: Pair, old: list[dict[int, float]], new: list[dict[int, float]]) -> str:
    """Both in Markdown, with the difference of each seed at the end."""
    rows = ["| validation loss after step | " + " | ".join(map(str, old[0])) + " |"]
    rows.append("|---" * (len(old[0]) + 1) + "|")
    for side, curves in ((pair.old, old), (pair.new, new)):
        values = " | ".join(f"{loss:.3f}" for loss in means(curves).values())
        rows.append(f"| {side.name} | {values} |")
    last = max(old[0])
    gains = ", ".join(f"{b[last] - a[last]:+.3f}" for a, b in zip(old, new, strict=True))
    return "\n".join([*rows, "", f"Difference at the end, by seed: {gains}"])


def panel(pair: Pair, number: int, both: tuple[dict[int, float], dict[int, float]]) -> str:
    """Both curves over one pair of axes."""
    left, losses = LEFT + number * (WIDTH + 70), [v for one in both for v in one.values()]
    low, high, last = min(losses), max(losses), max(both[0])
    parts = [
        f'<path d="M{left} {TOP}v{HEIGHT}h{WIDTH}" fill="none" stroke="#aaa"/>',
        f'<text x="{left - 4}" y="{TOP + 8}" text-anchor="end">{high:.2f}</text>',
        f'<text x="{left - 4}" y="{TOP + HEIGHT}" text-anchor="end">{low:.2f}</text>',
        f'<text x="{left + WIDTH}" y="{TOP + HEIGHT + 14}" text-anchor="end">step {last:,}</text>',
        f'<text x="{left}" y="{TOP - 10}">validation loss, nats a token</text>',
    ]
    for place, (side, losses_of) in enumerate(zip((pair.old, pair.new), both, strict=True)):
        points = " ".join(
            f"{left + step / last * WIDTH:.1f},{TOP + (high - loss) / (high - low) * HEIGHT:.1f}"
            for step, loss in losses_of.items()
        )
        colour = COLOURS[place]
        parts.append(
            f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{points}"/>'
        )
        parts.append(
            f'<text x="{left + WIDTH - 80}" y="{TOP + 12 + 14 * place}" fill="{colour}">'
            f"{side.name}</text>"
        )
    return "".join(parts)


def main() -> None:
    """Command line."""
    data, runs, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    panels = []
    for number, pair in enumerate((DECODERS, ENCODERS)):
        old, new = (
            [curve(side, pair, data, runs, seed) for seed in SEEDS] for side in (pair.old, pair.new)
        )
        print(table(pair, old, new), flush=True)
        panels.append(panel(pair, number, (means(old), means(new))))
    size = f"0 0 {2 * (WIDTH + 70)} {TOP + HEIGHT + 24}"
    out.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{size}" '
        f'font-family="sans-serif" font-size="10">{"".join(panels)}</svg>\n',
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
