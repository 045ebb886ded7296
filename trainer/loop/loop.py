"""The training loop.  It knows no objective, and nothing in a step waits for the device.

What a step did (loss, norm, whether it was skipped) is read back one step later, so the host is
always ahead of the device.  Loss terms are sums, divided by the count of targets over all
micro-batches and processes: equal text gives equal gradients however it is split.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from rich.console import Console
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from pipeline.store.errors import WebtextError
from trainer.data.samples import Samples
from trainer.eval.loss import evaluate, token_bytes
from trainer.loop.feed import Feed, StepInput
from trainer.loop.guard import Guard
from trainer.loop.host import Mark, memory_kept, no_collections, peak_memory
from trainer.objectives.base import Objective
from trainer.optim import build_optimizers
from trainer.optim.batch_schedule import Batches
from trainer.optim.schedule import factor, length_matters_after
from trainer.run.checkpoint import Saver, latest, read_into, training_state
from trainer.run.devices import peak_flops
from trainer.run.distributed import World, accumulating, wants_bf16, wrap
from trainer.run.log import RunLog
from trainer.run.log_lines import cut_log
from trainer.run.run import RunFolder
from trainer.settings.recipe import RunRecipe


@dataclass(frozen=True)
class Done:
    """A step whose results are on their way from the device."""

    number: int
    step: StepInput
    lr: float
    #: loss, gradient norm, skipped, stop, then each loss term.
    results: Tensor
    ended: Mark


class Trainer:
    """One run, from its last checkpoint to its end."""

    def __init__(
        self,
        folder: RunFolder,
        recipe: RunRecipe,
        objective: Objective,
        streams: tuple[Samples, Samples | None],
        world: World,
    ) -> None:
        self.folder, self.recipe, self.world = folder, recipe, world
        self.train_stream, self.validation = streams
        self.bf16 = wants_bf16(recipe.train, world.device)
        self.objective = objective.to(world.device)
        self.unit = wrap(self.objective, recipe.train, world)
        self.optimizers = build_optimizers(self.objective, recipe.optim)
        self.guard = Guard(recipe.guard, world.device)
        self.batches = Batches.of(recipe.train)
        self.saver = Saver(folder.checkpoints, recipe.checkpoint, world)
        self.generations = folder.facts().generations
        self.step, self.consumed, self.stop = 0, 0, False
        self._skipped_in_a_row, self._saved = 0, -1
        self.log: RunLog

    def run(self) -> None:
        """Trains to the end.  Raises WebtextError on a signal, after saving."""
        self._resume()
        total = self.batches.total
        self.log = RunLog(self.folder.path, self.recipe, total, quiet=not self.world.first)
        self._peak, self._peak_source = peak_flops(self.world.device, self.bf16)
        feed = Feed(
            self.train_stream,
            self.batches,
            self.consumed,
            self.recipe.train.micro_batch,
            self.world.rank,
            self.world.size,
            self.world.device,
        )
        try:
            with self._signals(), no_collections(), memory_kept(self.world.device):
                self._steps(feed)
                self._finish()
        finally:
            feed.close()
            self.saver.close()
            self.log.close()

    def _steps(self, feed: Feed) -> None:
        every = self.recipe.checkpoint.every
        evaluate_every = self.recipe.eval.every
        before: Done | None = None
        self._began, self._last = time.perf_counter(), Mark(self.world.device)
        for step in feed:
            now = self._run_step(step)
            if before is not None and self._account(before, feed):
                self._account(now, feed)
                self._save()
                raise WebtextError(
                    f"Stopped by a signal after step {self.step}, which is saved",
                    "Run the same command with --resume: it goes on exactly from here",
                )
            before = now
            judged = evaluate_every and self.step % evaluate_every == 0
            if self.step % every == 0 or judged or self._rate_is_about_to_fall():
                self._account(now, feed)
                before = None
                self._save()
                if judged and self.batches.at(self.consumed):
                    self._evaluate()
        if before is not None:
            self._account(before, feed)

    def _run_step(self, step: StepInput) -> Done:
        """One update of the weights, queued on the device."""
        device, weights = self.world.device, self.objective.weights
        given = zip(step.rows, step.filled, step.samples, strict=True)
        micros = [
            {"samples": samples, **self.objective.prepare(rows, filled)}
            for rows, filled, samples in given
        ]
        counted = [self.objective.counts(batch) for batch in micros]
        shared = [torch.stack([c[name] for c in counted]).sum() for name in weights]
        stop = torch.tensor(float(self.stop), device=device)
        counts = self.world.add(torch.stack([*shared, stop]).double())
        sums = torch.zeros(len(weights), device=device)
        for number, batch in enumerate(micros):
            with accumulating(self.unit, self.objective, number == len(micros) - 1):
                with torch.autocast(device.type, torch.bfloat16, enabled=self.bf16):
                    terms = torch.stack([self.unit(batch)[name] for name in weights])
                means = terms / counts[:-1].clamp_min(1).float()
                # DDP and FSDP average over the processes; the sum is what is wanted.
                (self._weighted(means) * self.world.size).backward()
                sums += means.detach()
        losses = self.world.add(sums)
        loss = self._weighted(losses)
        norm = self._clip()
        skip = self.guard.refuses(loss, norm)
        progress = self.batches.progress(step.first)
        scale = factor(self.recipe.schedule, progress, self.batches.steps)
        self._update(scale, skip)
        self.step += 1
        self.consumed = step.first + step.size
        results = torch.stack([loss, norm, skip, counts[-1].float(), *losses])
        results = results.to("cpu", non_blocking=True)
        ended = Mark(device)
        return Done(self.step, step, scale * self.recipe.optim.lr, results, ended)

    def _weighted(self, terms: Tensor) -> Tensor:
        weights = self.objective.weights.values()
        return torch.stack([w * t for w, t in zip(weights, terms, strict=True)]).sum()

    def _clip(self) -> Tensor:
        limit = self.recipe.optim.clip or float("inf")
        norm = nn.utils.clip_grad_norm_(self.objective.parameters(), limit)
        return norm.full_tensor() if isinstance(norm, DTensor) else norm

    def _update(self, scale: float, skip: Tensor) -> None:
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * scale
            optimizer.found_inf = skip  # type: ignore[attr-defined]
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    def _account(self, done: Done, feed: Feed) -> bool:
        """Logs a step; True when some process was asked to stop."""
        seconds = done.ended.seconds_since(self._last)  # before this the results are not there
        self._last = done.ended
        loss, norm, skipped, stop, *terms = done.results.tolist()
        tokens = done.step.size * self.train_stream.tokens_per_sample
        rate = tokens / seconds
        flops = rate * self.objective.flops_per_token() / self.world.size
        wait, feed.waited = feed.waited, 0.0
        line: dict[str, Any] = {
            "step": done.number,
            "loss": loss,
            "lr": done.lr,
            "grad_norm": norm,
            "skipped": bool(skipped),
            "first_sample": done.step.first,
            "samples": done.step.size,
            "seconds": seconds,
            "tokens_per_second": rate,
            "mfu": flops / self._peak,
            "mfu_peak": self._peak_source,
            "data_wait": wait / seconds,
            "memory": peak_memory(self.world.device),
        }
        if len(terms) > 1:
            line |= dict(zip(self.objective.weights, terms, strict=True))
        consumed = done.step.first + done.step.size
        self.log.step(line, consumed, (self.batches.total - consumed) * self._pace(consumed))
        self._judge_skips(bool(skipped), done)
        return bool(stop)

    def _pace(self, consumed: int) -> float:
        """Seconds a sequence, since this process began."""
        return (time.perf_counter() - self._began) / max(consumed - self._from, 1)

    def _judge_skips(self, skipped: bool, done: Done) -> None:
        self._skipped_in_a_row = self._skipped_in_a_row + 1 if skipped else 0
        if skipped:
            last = done.step.first + done.step.size - 1
            self.log.say(
                f"step {done.number:,} was skipped: loss or gradient out of line in samples "
                f"{done.step.first:,} to {last:,} (`webtext trace` says what they are)"
            )
        if self._skipped_in_a_row >= self.recipe.guard.patience:
            raise WebtextError(
                f"{self._skipped_in_a_row} steps in a row up to step {done.number} had a loss or "
                "gradient that is not a number or out of line",
                "Resume from the last checkpoint with a lower optim.lr, or look at the samples",
            )

    def _evaluate(self) -> None:
        if self.validation is None:
            return
        settings = self.recipe.eval
        micro = self.recipe.train.micro_batch or min(self.recipe.train.batch, 32)
        result = evaluate(
            self.unit,
            self.objective,
            self.validation,
            settings.sequences,
            micro,
            self.world,
            self.bf16,
            token_bytes(self.folder.tokenizer_path),
        )
        self.log.evaluation(self.step, result)
        self._last = Mark(self.world.device)

    def _finish(self) -> None:
        self._save()
        self._evaluate()
        self.saver.wait()
        if self.consumed < self.batches.total:
            self.log.say(
                f"Paused after step {self.step:,} of the {self.batches.steps:,} of its schedule; "
                "--resume goes on."
            )

    def _save(self) -> None:
        if self._saved == self.step:
            return
        self._saved = self.step
        tensors = {**training_state(self.objective, self.optimizers), **self.guard.state()}
        facts = {"consumed": self.consumed, "generations": self.generations}
        kept = {"kept": True} if self._rate_is_about_to_fall() else {}
        self.saver.save(self.step, tensors, facts | kept)
        self._last = Mark(self.world.device)

    def _rate_is_about_to_fall(self) -> bool:
        """Whether this is the last point to lengthen a "wsd" run from; it is kept for good."""
        if self.recipe.schedule.name != "wsd":
            return False
        last = length_matters_after(self.recipe.schedule, self.batches.steps) * self.batches.full
        return self.consumed <= last < self.consumed + self.batches.at(self.consumed)

    def _resume(self) -> None:
        console = Console(stderr=True, quiet=not self.world.first, soft_wrap=True, markup=False)
        checkpoint = latest(self.folder.checkpoints, console.print)
        if checkpoint is not None:
            tensors = {**training_state(self.objective, self.optimizers), **self.guard.state()}
            read_into(checkpoint.folder, tensors, alone=self.world.size == 1)
            self.guard.load(tensors)
            self.step, self.consumed = checkpoint.step, checkpoint.consumed
            self._saved = self.step
        self._from = self.consumed
        if self.world.first:
            cut_log(self.folder.log, self.step)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT ask the run to save and stop."""

        def ask(*_: object) -> None:
            self.stop = True

        before = {s: signal.signal(s, ask) for s in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
