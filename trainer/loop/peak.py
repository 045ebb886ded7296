"""The peak of a device, which MFU is a share of."""

from __future__ import annotations

import time

import torch

#: Dense bf16 FLOP/s by the makers' data sheets, without sparsity; the first name that is part
#: of the device's name counts.
_BF16_PEAKS = (
    ("B200", 2250e12),
    ("H200", 989e12),
    ("GH200", 989e12),
    ("H100 PCIe", 756e12),
    ("H100 NVL", 835e12),
    ("H100", 989e12),
    ("A100", 312e12),
    ("A40", 149.7e12),
    ("A10G", 70e12),
    ("A10", 125e12),
    ("L40S", 362e12),
    ("L4", 121e12),
    ("4090", 165.2e12),
    ("3090", 71e12),
)


def peak_flops(device: torch.device, bf16: bool) -> tuple[float, str]:
    """FLOP/s and where the figure is from: "data sheet", or "measured" on a large product."""
    if device.type == "cuda" and bf16:
        name = torch.cuda.get_device_name(device)
        for part, flops in _BF16_PEAKS:
            if part in name:
                return flops, "data sheet"
    return measured_flops(device, torch.bfloat16 if bf16 else torch.float32), "measured"


def measured_flops(device: torch.device, dtype: torch.dtype, seconds: float = 0.3) -> float:
    """The best of several matrix products within `seconds`."""
    n = 4096 if device.type == "cuda" else 768
    a = torch.ones(n, n, device=device, dtype=dtype)
    best, ends = 0.0, time.perf_counter() + seconds
    while time.perf_counter() < ends or not best:
        began = time.perf_counter()
        (a @ a)[0, 0].item()
        best = max(best, 2 * n**3 / (time.perf_counter() - began))
    return best
