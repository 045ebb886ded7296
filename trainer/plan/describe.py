"""A plan in words."""

from __future__ import annotations

from trainer.plan.plan import Hardware, Plan

_GB = 1e9


def describe_plan(plan: Plan, hardware: Hardware) -> list[str]:
    """The plan in lines."""
    total, device = sum(plan.bytes_by_part.values()), hardware.device
    lines = [
        f"parameters        {plan.parameters:,} with a vocabulary of {plan.vocabulary:,}",
        f"tokens            {plan.tokens:,} in {plan.steps:,} steps",
        f"compute           {plan.flops:.3g} FLOP ({plan.counting}), "
        f"{plan.flops / 8.64e19:,.3g} PFLOP/s-days",
        f"time              {plan.hours:,.1f} h on {hardware.gpus} x {hardware.name} "
        f"({device.flops / 1e12:,.0f} TFLOP/s) at {hardware.mfu:.0%} MFU",
    ]
    if plan.trained != plan.parameters:
        lines[0] += f" ({plan.trained:,} trained, with heads and generator)"
    if plan.teacher is not None:
        counted = f"{plan.teacher:,} parameters, whole on each GPU, asked and never trained"
        lines.append(
            f"teacher           {counted if plan.teacher else 'not named, so not counted'}"
        )
    if plan.epochs is not None:
        lines.insert(2, f"epochs            {plan.epochs:,.2f} over the shards")
    lines += [f"memory            {total / _GB:,.1f} GB on each GPU"]
    lines += [f"  {part:<38}{size / _GB:>10,.1f} GB" for part, size in plan.bytes_by_part.items()]
    if total > device.memory:
        lines.append(
            f"This does not fit into {device.memory / _GB:,.0f} GB: set train.parallel=fsdp on "
            f"{plan.gpus_needed} GPUs or more, train.recompute=true, or a smaller train.micro_batch"
        )
    else:
        lines.append("This fits as it is.")
    return lines
