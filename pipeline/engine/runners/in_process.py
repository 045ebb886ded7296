"""The runner `local`: Beam's FnApiRunner, with one worker in this process."""

from __future__ import annotations

from pipeline.engine.runners.beam_kind import BeamKind


class InProcess(BeamKind):
    """FnApiRunner by name: DirectRunner becomes Prism or FnApiRunner by what the network allows."""

    def options(self) -> list[str]:
        """One worker, in memory."""
        runner = ["--runner=FnApiRunner", "--direct_num_workers=1"]
        return [*runner, "--direct_running_mode=in_memory"]

    def processes(self) -> int:
        """This one."""
        return 1
