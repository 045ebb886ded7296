"""The runner `prism`: Beam's Go runner on this machine, a second opinion in tests."""

from __future__ import annotations

from pipeline.engine.runners.beam_kind import BeamKind


class Prism(BeamKind):
    """Workers are processes of this machine."""

    def options(self) -> list[str]:
        """Beam finds or fetches Prism itself."""
        return ["--runner=PrismRunner", "--environment_type=LOOPBACK"]
