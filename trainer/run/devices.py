"""What devices can do by their makers' data sheets, and a measurement where none is known."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache

import torch


@dataclass(frozen=True)
class Device:
    """Dense bf16 FLOP/s with fp32 accumulation, without sparsity; bytes/s and bytes of memory."""

    flops: float
    bandwidth: float
    memory: float


#: By the exact name that the driver gives; an L40 is no L4, and an RTX A4000 no A40.
DEVICES = {
    "NVIDIA B200": Device(2250e12, 8.0e12, 180e9),
    "NVIDIA GB200": Device(2500e12, 8.0e12, 186e9),
    "NVIDIA H200": Device(989e12, 4.8e12, 141e9),
    "NVIDIA H200 NVL": Device(835e12, 4.8e12, 141e9),
    "NVIDIA GH200 480GB": Device(989e12, 4.0e12, 96e9),
    "NVIDIA GH200 144G HBM3e": Device(989e12, 4.9e12, 144e9),
    "NVIDIA H100 80GB HBM3": Device(989e12, 3.35e12, 80e9),
    "NVIDIA H100 PCIe": Device(756e12, 2.0e12, 80e9),
    "NVIDIA H100 NVL": Device(835e12, 3.9e12, 94e9),
    "NVIDIA A100-SXM4-40GB": Device(312e12, 1.555e12, 40e9),
    "NVIDIA A100-SXM4-80GB": Device(312e12, 2.039e12, 80e9),
    "NVIDIA A100-PCIE-40GB": Device(312e12, 1.555e12, 40e9),
    "NVIDIA A100 80GB PCIe": Device(312e12, 1.935e12, 80e9),
    "NVIDIA A30": Device(165e12, 0.933e12, 24e9),
    "NVIDIA A40": Device(149.7e12, 0.696e12, 48e9),
    "NVIDIA A10": Device(125e12, 0.6e12, 24e9),
    "NVIDIA A10G": Device(70e12, 0.6e12, 24e9),
    "NVIDIA L40S": Device(362e12, 0.864e12, 48e9),
    "NVIDIA L40": Device(181e12, 0.864e12, 48e9),
    "NVIDIA L4": Device(121e12, 0.3e12, 24e9),
    "NVIDIA RTX 6000 Ada Generation": Device(364e12, 0.96e12, 48e9),
    "NVIDIA RTX A6000": Device(154.8e12, 0.768e12, 48e9),
    "NVIDIA RTX A5000": Device(111.1e12, 0.768e12, 24e9),
    "NVIDIA RTX A4000": Device(76.7e12, 0.448e12, 16e9),
    "NVIDIA GeForce RTX 5090": Device(209.5e12, 1.792e12, 32e9),
    "NVIDIA GeForce RTX 4090": Device(165.2e12, 1.008e12, 24e9),
    "NVIDIA GeForce RTX 4080": Device(97.5e12, 0.717e12, 16e9),
    "NVIDIA GeForce RTX 3090": Device(71e12, 0.936e12, 24e9),
    "NVIDIA GeForce RTX 3080": Device(59.5e12, 0.76e12, 10e9),
    "AMD Instinct MI300X": Device(1307e12, 5.3e12, 192e9),
}


def has_fp8(device: torch.device) -> bool:
    """Whether the device multiplies in FP8 of the kinds E4M3 and E5M2 (Ada, Hopper and later).

    AMD's MI300 has other kinds and is left out.
    """
    if device.type != "cuda" or torch.version.hip is not None:
        return False
    return torch.cuda.get_device_capability(device) >= (8, 9)


def peak_flops(device: torch.device, bf16: bool) -> tuple[float, str]:
    """FLOP/s and where the figure is from: "data sheet", or "measured" on a large product."""
    if device.type == "cuda" and bf16:
        sheet = DEVICES.get(torch.cuda.get_device_name(device))
        if sheet is not None:
            return sheet.flops, "data sheet"
    return measured_flops(device, torch.bfloat16 if bf16 else torch.float32), "measured"


@cache
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
