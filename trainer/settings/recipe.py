"""The recipe of a training run: one settings class a section of the TOML file.

Fields named in a class's `volatile` change how a run is done (speed, logs, how
often something is saved), never which numbers it computes from which samples;
a run may be resumed with other values of these, and of no other field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, SerializeAsAny, model_validator

from pipeline.store.settings import (
    NameIn,
    OpenSettings,
    Settings,
    Variants,
    load_recipe,
    own_sections,
)
from trainer.settings.data import DataSettings
from trainer.settings.model import EncoderSettings, ModelSettings, as_model
from trainer.settings.objective import MaskSettings, PairSettings
from trainer.settings.registries import OBJECTIVES, OPTIMIZERS
from trainer.settings.tracker import TRACKERS

__all__ = ["EncoderSettings", "ModelSettings", "RunRecipe", "read_run_recipe"]

RECIPES = Path(__file__).parent.parent / "recipes"

S = TypeVar("S", bound=Settings)


class OptimSettings(OpenSettings):
    """`[optim]`: the optimizer.  Defaults are GPT-3's (paper, appendix B)."""

    name: Annotated[str, NameIn(OPTIMIZERS)] = "adamw"
    """`adamw` for all weights; `lamb`, as ALBERT; or `muon` for the matrices of the blocks."""
    bias_correction: bool = True
    """AdamW's correction of the first moments' bias; BERT's, ALBERT's and ELECTRA's releases have
    none, and LAMB never has."""
    lr: float = Field(6e-4, gt=0)
    """Highest learning rate (GPT-3 small: 6e-4)."""
    betas: tuple[float, float] = (0.9, 0.95)
    """How much of the moments a step keeps: of the gradient, and of its square."""
    eps: float = Field(1e-8, gt=0)
    """Added to the root of the second moment, so that nothing is divided by 0."""
    weight_decay: float = Field(0.1, ge=0)
    """Applied to matrices and embeddings, not to biases and layer norms."""
    clip: float = Field(1.0, ge=0)
    """Largest global norm of the gradient; 0 switches clipping off."""

    @classmethod
    def sections(cls) -> Mapping[str, type[Settings]]:
        """Of the optimizers that have settings of their own."""
        return own_sections(OPTIMIZERS)

    def unused(self) -> frozenset[str]:
        """The sections of other optimizers."""
        return frozenset(self.sections()) - {self.name}

    def own(self, kind: type[S]) -> S:
        """The section of the optimizer."""
        section = getattr(self, self.name)
        assert isinstance(section, kind)
        return section

    @model_validator(mode="before")
    @classmethod
    def _old_names(cls, values: Any) -> Any:
        """`muon_lr` and `muon_momentum`, as the section `[optim.muon]` was once written."""
        if not isinstance(values, Mapping):
            return values
        old = {key: values[key] for key in ("muon_lr", "muon_momentum") if key in values}
        muon = {key.removeprefix("muon_"): value for key, value in old.items()}
        rest = {key: value for key, value in values.items() if key not in old}
        return rest | ({"muon": muon | dict(rest.get("muon", {}))} if old else {})


class ScheduleSettings(Settings):
    """`[schedule]`: the learning rate over the run, as a factor of `optim.lr`.

    Lengths are in steps of the full batch, so that they mean the same amount of
    text while the batch is still growing.
    """

    name: Literal["cosine", "linear", "wsd", "constant", "bert", "electra"] = "cosine"
    """`bert` falls linearly from step 0 and is replaced by the warm-up (BERT, ALBERT); `electra` is
    the product of both, as ELECTRA's release has it."""
    warmup: float = Field(700, ge=0)
    """Steps over which the rate rises from 0.  700 steps of 512 sequences of 1,024 tokens are 367
    million tokens; GPT-3's paper (appendix B) takes 375 million."""
    floor: float = Field(0.1, ge=0, le=1)
    """Where the rate ends, as a fraction of its peak (GPT-3: 10 %)."""
    decay: float = Field(0, ge=0)
    """Steps of the decay; 0 means from the end of the warm-up to the end of the run (of `wsd`: the
    last fifth of the run)."""


class TrainSettings(Settings):
    """`[train]`: how much, in which pieces, on what."""

    volatile: ClassVar[frozenset[str]] = frozenset(
        {
            "attention_kernel",
            "compile",
            "device",
            "micro_batch",
            "parallel",
            "pause_after",
            "recompute",
        }
    )

    steps: int = Field(18865, ge=1)
    """Steps of the full batch: the run sees steps * batch sequences.  A run may be resumed with
    more."""
    pause_after: int = Field(0, ge=0)
    """Only the first steps of the schedule: the run is saved and ends after so many, and a resumed
    one goes on; 0 goes to the end."""
    batch: int = Field(512, ge=1)
    """Sequences in one step, over all processes and micro-batches."""
    micro_batch: int = Field(0, ge=0)
    """Sequences in one forward pass of one process; 0 takes all of its share at once."""
    batch_start: int = Field(0, ge=0)
    """Sequences of the first step; the batch grows linearly from there; 0: `batch` from the
    start."""
    batch_warmup: float = Field(0, ge=0)
    """Full-batch steps' worth of text over which the batch grows."""
    seed: int = Field(1337, ge=0)
    """Keys initial weights and dropout."""
    precision: Literal["auto", "bf16", "fp32", "fp8"] = "auto"
    """`auto` is bf16 on a GPU that has it and fp32 elsewhere; `fp8` is bf16 with the blocks' linear
    layers in FP8, on a GPU that has it."""
    loss_chunk: int = Field(0, ge=0)
    """Rows of logits alive at a time, in tokens; 0 keeps those of the whole micro-batch.  On a CPU
    a decoder's are never more than its caches hold."""
    device: str = "auto"
    """`cpu`, `cuda`, `cuda:1`, …; `auto` takes a GPU where there is one."""
    recompute: bool = False
    """Keep only the input of each block and compute the rest again on the way back: a third more
    work for a fraction of the memory."""
    attention_kernel: Literal["sdpa", "flex"] = "sdpa"
    """What computes a decoder's attention inside documents and bands: `sdpa` under a boolean mask;
    `flex` is FlexAttention, which leaves out the blocks of positions that do not see each other.
    It needs a GPU, a compiled model and no dropout."""
    init: str = ""
    """Folder of a model in Hugging Face's format, of the run's kind; the run starts from its
    weights."""
    compile: Literal["auto", "on", "off"] = "auto"
    """`auto` compiles on a GPU only."""
    parallel: Literal["ddp", "fsdp"] = "ddp"
    """Under torchrun: `ddp` keeps the whole model on each device, `fsdp` a share of it."""

    @model_validator(mode="after")
    def _batch_grows(self) -> Self:
        if self.batch_start > self.batch:
            raise ValueError(f"batch_start = {self.batch_start} is above batch = {self.batch}")
        if bool(self.batch_start) != bool(self.batch_warmup):
            raise ValueError("batch_start and batch_warmup go together: set both or neither")
        return self


class CheckpointSettings(Settings):
    """`[checkpoint]`: when the run is saved and what is kept."""

    every: int = Field(1000, ge=1)
    """Steps between checkpoints (the last step, a signal and an evaluation save as well)."""
    keep: int = Field(2, ge=1)
    """How many of the latest are kept."""
    keep_every: int = Field(0, ge=0)
    """Checkpoints at multiples of this many steps are kept for good; 0 keeps none."""
    background: bool = True
    """Write in the background while training goes on."""


class EvalSettings(Settings):
    """`[eval]`: the validation loss during the run."""

    every: int = Field(250, ge=0)
    """Steps between evaluations; 0 evaluates at the end only."""
    sequences: int = Field(1024, ge=0)
    """Sequences of the validation split that count, from its start; 0 takes all."""


class GuardSettings(Settings):
    """`[guard]`: what to do about a step whose loss or gradient is out of line."""

    z: float = Field(0.0, ge=0)
    """Skip a step whose loss or gradient norm is this many standard deviations above the mean of
    the last `window` steps; 0 never does.  llm.c's GPT-3 recipe uses 7."""
    window: int = Field(128, ge=8)
    """Steps whose mean and standard deviation `z` goes by."""
    patience: int = Field(5, ge=1)
    """A step with a loss or gradient that is not a number is never applied; after this many in a
    row the run stops."""


class LogSettings(Settings):
    """`[log]`: what is written beside `log.jsonl`."""

    tensorboard: bool = True
    """Whether event files for TensorBoard are written as well."""
    trackers: tuple[Annotated[str, NameIn(TRACKERS)], ...] = ()
    """Who else is told: `wandb` (Weights & Biases), or what another distribution adds."""
    seconds: float = Field(30.0, gt=0)
    """Seconds between two lines where there is no terminal."""

    def used(self) -> list[str]:
        """The trackers by name."""
        return list(dict.fromkeys([*(["tensorboard"] if self.tensorboard else []), *self.trackers]))


class RunRecipe(OpenSettings):
    """All a run needs to know beside the shards."""

    volatile: ClassVar[frozenset[str]] = frozenset({"checkpoint", "eval", "log"})

    objective: Annotated[str, NameIn(OBJECTIVES)] = "causal"
    """What is learned: the next token, or what BERT, ALBERT or ELECTRA were trained on."""
    model: Annotated[
        SerializeAsAny[ModelSettings],
        BeforeValidator(as_model),
        Variants({"gpt": ModelSettings, "encoder": EncoderSettings}),
    ] = ModelSettings()
    """The shape of the network."""
    pairs: PairSettings = PairSettings()
    mask: MaskSettings = MaskSettings()
    data: DataSettings = DataSettings()
    optim: OptimSettings = Field(default_factory=OptimSettings)
    schedule: ScheduleSettings = ScheduleSettings()
    train: TrainSettings = TrainSettings()
    checkpoint: CheckpointSettings = CheckpointSettings()
    eval: EvalSettings = EvalSettings()
    guard: GuardSettings = GuardSettings()
    log: LogSettings = LogSettings()

    @classmethod
    def sections(cls) -> Mapping[str, type[Settings]]:
        """Of the objectives that have settings of their own."""
        return own_sections(OBJECTIVES)

    def unused(self) -> frozenset[str]:
        """The sections of other objectives."""
        return frozenset(self.sections()) - {self.objective}

    def own(self, kind: type[S]) -> S:
        """The section of the recipe's objective."""
        section = getattr(self, self.objective)
        assert isinstance(section, kind)
        return section

    @model_validator(mode="after")
    def _kind_fits(self) -> Self:
        wanted = OBJECTIVES.get(self.objective).model_kind
        if wanted and self.model.kind != wanted:
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
    chosen: Mapping[str, Any], recorded: Mapping[str, Any], prefix: str = ""
) -> list[str]:
    """`model.width: 256 here, 192 there` for each value in which two identities differ."""
    different: list[str] = []
    for key in sorted(chosen.keys() | recorded.keys()):
        here, there = chosen.get(key), recorded.get(key)
        if isinstance(here, Mapping) and isinstance(there, Mapping):
            different += differences(here, there, f"{prefix}{key}.")
        elif here != there:
            different.append(f"{prefix}{key}: {here!r} here, {there!r} there")
    return different
