"""A runner: Beam's oldest one, which keeps everything in memory and has one thread."""

from __future__ import annotations

from pipeline.engine.runners.beam_kind import BeamKind


class Bundles(BeamKind):
    """Small builds, in this process, without gRPC."""

    def options(self) -> list[str]:
        """As Beam's pipeline options have them."""
        return ["--runner=BundleBasedDirectRunner"]
