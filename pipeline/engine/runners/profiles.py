"""Runner profiles: which runner carries a build, and with which settings."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field, model_validator

from pipeline.engine.runners.dask_settings import DaskSettings
from pipeline.engine.runners.runner_kind import RUNNERS, RunnerKind
from pipeline.engine.stage import Effort
from pipeline.store.errors import SettingError
from pipeline.store.settings import NameIn, OpenSettings, Settings, load_recipe, own_sections

#: The profile of a runner that is called by its name.
_EMPTY = Path(__file__).parent / "profile.toml"
_AUTO = "auto"
#: Seconds that workers must save to be worth it: what each step of a stage costs them, and the
#: start of two processes that is waited for (`benchmarks/runners.py`).
_STEP, _START = 0.7, 4.0


#: A stage of which nothing is known: worth all workers.
_ENDLESS = Effort(1e12, 1_000_000)


class RunnerSettings(OpenSettings):
    """The `[runner]` section of a recipe.  It never changes what comes out."""

    name: Annotated[str, NameIn(RUNNERS, others=(_AUTO,))] = _AUTO
    """`auto`: small stages in this process, others by dask on local processes."""
    workers: int = Field(0, ge=0, le=1024)
    """Number of local processes, or of pods; 0: one a core of this machine."""

    decides: ClassVar[bool] = False

    @model_validator(mode="before")
    @classmethod
    def _refuse_old_name(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and (values.get("name") == "flink" or "flink" in values):
            raise ValueError(
                'the runner flink is now beam-flink. Set name = "beam-flink" and rename its '
                "section to [runner.beam-flink]"
            )
        return values

    @classmethod
    def sections(cls) -> Mapping[str, type[Settings]]:
        """Of the runners that have settings."""
        return own_sections(RUNNERS)

    def worker_count(self) -> int:
        """The number of local workers, never less than one."""
        return self.workers or len(os.sched_getaffinity(0))

    def parallel(self) -> int:
        """How many processes carry a build at once, as far as the settings tell."""
        return self.chosen().processes()

    def resolved(self, effort: Effort = _ENDLESS, *, started: bool = False) -> str:
        """The runner's name, with `auto` decided for what a stage takes.

        `started`: whether the workers are there already, or about to be.
        """
        if self.name != _AUTO:
            return self.name
        dask = self.of(DaskSettings)
        if dask.cluster != "local" or dask.scheduler:
            return "dask"
        rounds = -(-effort.units // self.worker_count())
        saved = effort.seconds * (1 - rounds / effort.units) if effort.units else 0.0
        cost = _STEP * effort.steps + (0 if started else _START)
        return "local" if saved < cost else "dask"

    def for_work(self, effort: Effort, *, started: bool = False) -> RunnerSettings:
        """The same with `auto` decided."""
        return self.model_copy(update={"name": self.resolved(effort, started=started)})

    def chosen(self) -> RunnerKind:
        """The runner with its settings."""
        name = self.resolved()
        kind = RUNNERS.get(name, "runner.name")
        return kind(self, getattr(self, name, kind.settings()))


class _Profile(Settings):
    """A TOML file that holds a `[runner]` section, and may be a whole recipe."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    runner: RunnerSettings = Field(default_factory=RunnerSettings)


def read_profile(profile: str, overrides: Iterable[str] = ()) -> RunnerSettings:
    """The `[runner]` of a recipe file, or that of a runner by name with its defaults.

    Overrides are as of a recipe: `runner.flink.master="host:8081"`.
    Raises SettingError for an unknown name, key or value.
    """
    if profile in (*RUNNERS.names(), _AUTO):
        overrides = [f'runner.name="{profile}"', *overrides]
        profile = str(_EMPTY)
    elif not profile.endswith(".toml") and not Path(profile).exists():
        names = ", ".join(sorted((*RUNNERS.names(), _AUTO)))
        raise SettingError(
            f"No runner is named {profile!r}",
            f"Give one of: {names}; or a TOML file with a section [runner]",
        )
    return load_recipe(_Profile, profile, overrides, _EMPTY.parent).runner
