"""The recipe of a training run: one settings class a section of the TOML file.

Fields named in a class's `volatile` change how a run is done (speed, logs, how
often something is saved), never which numbers it computes from which samples;
a run may be resumed with other values of these, and of no other field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, SerializeAsAny, model_validator

from pipeline.store.settings import Settings, load_recipe
from trainer.settings.data import DataSettings
from trainer.settings.model import EncoderSettings, ModelSettings, as_model
from trainer.settings.objective import ElectraSettings, MaskSettings, PairSettings

__all__ = ["EncoderSettings", "ModelSettings", "RunRecipe", "read_run_recipe"]

RECIPES = Path(__file__).parent.parent / "recipes"


class OptimSettings(Settings):
    """`[optim]`: the optimizer.  Defaults are GPT-3's (paper, appendix B)."""

    name: Literal["adamw", "lamb", "muon"] = "adamw"
    #: AdamW's correction of the first moments' bias; BERT's, ALBERT's and ELECTRA's releases
    #: have none, and LAMB never has.
    bias_correction: bool = True
    lr: float = Field(6e-4, gt=0)
    betas: tuple[float, float] = (0.9, 0.95)
    eps: float = Field(1e-8, gt=0)
    #: Applied to matrices and embeddings, not to biases and layer norms.
    weight_decay: float = Field(0.1, ge=0)
    #: Largest global norm of the gradient; 0 switches clipping off.
    clip: float = Field(1.0, ge=0)
    #: Muon's own rate, for the matrices inside the blocks (the rest takes AdamW with `lr`).
    muon_lr: float = Field(0.02, gt=0)
    muon_momentum: float = Field(0.95, ge=0, lt=1)


class ScheduleSettings(Settings):
    """`[schedule]`: the learning rate over the run, as a factor of `optim.lr`.

    Lengths are in steps of the full batch, so that they mean the same amount of
    text while the batch is still growing.
    """

    #: "bert" falls linearly from step 0 and is replaced by the warm-up (BERT, ALBERT); "electra"
    #: is the product of both, as ELECTRA's release has it.
    name: Literal["cosine", "linear", "wsd", "constant", "bert", "electra"] = "cosine"
    warmup: float = Field(700, ge=0)
    #: Where the rate ends, as a fraction of its peak (GPT-3: 10 %).
    floor: float = Field(0.1, ge=0, le=1)
    #: Steps of the decay; 0 means from the end of the warm-up to the end of the run
    #: (of "wsd": the last fifth of the run).
    decay: float = Field(0, ge=0)


class TrainSettings(Settings):
    """`[train]`: how much, in which pieces, on what."""

    volatile: ClassVar[frozenset[str]] = frozenset(
        {"micro_batch", "device", "compile", "parallel", "recompute", "attention_kernel"}
    )

    #: Steps of the full batch: the run sees steps * batch sequences.
    steps: int = Field(18865, ge=1)
    #: Sequences in one step, over all processes and micro-batches.
    batch: int = Field(512, ge=1)
    #: Sequences in one forward pass of one process; 0 takes all of its share at once.
    micro_batch: int = Field(0, ge=0)
    #: Sequences of the first step; the batch grows linearly from there; 0: `batch` from the start.
    batch_start: int = Field(0, ge=0)
    #: Full-batch steps' worth of text over which the batch grows.
    batch_warmup: float = Field(0, ge=0)
    #: Keys initial weights and dropout.
    seed: int = Field(1337, ge=0)
    #: "auto" is bf16 on a GPU that has it and fp32 elsewhere.
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    #: Rows of logits alive at a time, in tokens; 0 keeps those of the whole micro-batch.
    loss_chunk: int = Field(0, ge=0)
    device: str = "auto"
    #: Keep only the input of each block and compute the rest again on the way back: a third
    #: more work for a fraction of the memory.
    recompute: bool = False
    #: What computes a decoder's attention inside documents and bands: "sdpa" under a boolean
    #: mask; "flex" is FlexAttention, which leaves out the blocks of positions that do not see
    #: each other.  It needs a GPU, a compiled model and no dropout.
    attention_kernel: Literal["sdpa", "flex"] = "sdpa"
    #: Folder of a GPT-2 in Hugging Face's format whose weights the run starts from.
    init: str = ""
    #: "auto" compiles on a GPU only.
    compile: Literal["auto", "on", "off"] = "auto"
    #: Under torchrun: "ddp" keeps the whole model on each device, "fsdp" a share of it.
    parallel: Literal["ddp", "fsdp"] = "ddp"

    @model_validator(mode="after")
    def _batch_grows(self) -> Self:
        if self.batch_start > self.batch:
            raise ValueError(f"batch_start = {self.batch_start} is above batch = {self.batch}")
        if bool(self.batch_start) != bool(self.batch_warmup):
            raise ValueError("batch_start and batch_warmup go together: set both or neither")
        return self


class CheckpointSettings(Settings):
    """`[checkpoint]`: when the run is saved and what is kept."""

    #: Steps between checkpoints (the last step, a signal and an evaluation save as well).
    every: int = Field(1000, ge=1)
    #: How many of the latest are kept.
    keep: int = Field(2, ge=1)
    #: Checkpoints at multiples of this many steps are kept for good; 0 keeps none.
    keep_every: int = Field(0, ge=0)
    #: Write in the background while training goes on.
    background: bool = True


class EvalSettings(Settings):
    """`[eval]`: the validation loss during the run."""

    #: Steps between evaluations; 0 evaluates at the end only.
    every: int = Field(250, ge=0)
    #: Sequences of the validation split that count, from its start; 0 takes all.
    sequences: int = Field(1024, ge=0)


class GuardSettings(Settings):
    """`[guard]`: what to do about a step whose loss or gradient is out of line."""

    #: Skip a step whose loss or gradient norm is this many standard deviations above the mean
    #: of the last `window` steps; 0 never does.  llm.c's GPT-3 recipe uses 7.
    z: float = Field(0.0, ge=0)
    window: int = Field(128, ge=8)
    #: A step with a loss or gradient that is not a number is never applied; after this many
    #: in a row the run stops.
    patience: int = Field(5, ge=1)


class LogSettings(Settings):
    """`[log]`: what is written beside `log.jsonl`."""

    tensorboard: bool = True
    #: Seconds between two lines where there is no terminal.
    seconds: float = Field(30.0, gt=0)


class RunRecipe(Settings):
    """All a run needs to know beside the shards."""

    volatile: ClassVar[frozenset[str]] = frozenset({"checkpoint", "eval", "log"})

    objective: Literal["causal", "bert", "albert", "electra"] = "causal"
    model: Annotated[SerializeAsAny[ModelSettings], BeforeValidator(as_model)] = ModelSettings()
    pairs: PairSettings = PairSettings()
    mask: MaskSettings = MaskSettings()
    electra: ElectraSettings = ElectraSettings()
    data: DataSettings = DataSettings()
    optim: OptimSettings = OptimSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    train: TrainSettings = TrainSettings()
    checkpoint: CheckpointSettings = CheckpointSettings()
    eval: EvalSettings = EvalSettings()
    guard: GuardSettings = GuardSettings()
    log: LogSettings = LogSettings()

    @model_validator(mode="after")
    def _kind_fits(self) -> Self:
        wanted = "gpt" if self.objective == "causal" else "encoder"
        if self.model.kind != wanted:
            raise ValueError(f'objective = "{self.objective}" needs model.kind = "{wanted}"')
        return self

    @model_validator(mode="after")
    def _kernel_fits(self) -> Self:
        if self.train.attention_kernel == "flex":
            if self.model.kind != "gpt":
                raise ValueError('train.attention_kernel = "flex" is a decoder\'s; leave it out')
            if self.model.dropout:
                raise ValueError('train.attention_kernel = "flex" has no dropout; take "sdpa"')
        return self


def read_run_recipe(recipe: str, overrides: Iterable[str] = ()) -> RunRecipe:
    """Reads a training recipe by path or bundled name, with `section.key=value` overrides."""
    return load_recipe(RunRecipe, recipe, overrides, RECIPES)


def differences(
    said: Mapping[str, Any], recorded: Mapping[str, Any], prefix: str = ""
) -> list[str]:
    """`model.width: 256 here, 192 there` for each value in which two identities differ."""
    found: list[str] = []
    for key in sorted(said.keys() | recorded.keys()):
        here, there = said.get(key), recorded.get(key)
        if isinstance(here, Mapping) and isinstance(there, Mapping):
            found += differences(here, there, f"{prefix}{key}.")
        elif here != there:
            found.append(f"{prefix}{key}: {here!r} here, {there!r} there")
    return found
