"""How far a figure of a sample may be from the truth."""

from __future__ import annotations


def wilson(right: float, count: float, z: float = 1.96) -> tuple[float, float]:
    """Confidence bounds of a share (Wilson 1927), by default of 95 %."""
    if not count:
        return 0.0, 1.0
    share, spread = right / count, z * z / count
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * ((share * (1 - share) + spread / 4) / count) ** 0.5
    return middle - half, middle + half
