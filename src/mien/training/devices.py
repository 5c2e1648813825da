"""The devices that a run computes on, and how it computes."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning_fabric.utilities.exceptions import MisconfigurationException

from mien.core.errors import TrainingError
from mien.training.recipe import Recipe

_TRIM, _MAP_FROM, _MAPS = -1, -3, -4  # glibc's M_TRIM_THRESHOLD, M_MMAP_THRESHOLD and M_MMAP_MAX
_MIB = 2**20


def fabric_of(recipe: Recipe, devices: int, nodes: int) -> Fabric:
    """Fabric on so many devices. Raises TrainingError for devices that are not there, or processes that torchrun has not started."""
    launched = TorchElasticEnvironment().world_size() if TorchElasticEnvironment.detect() else None
    if launched != devices * nodes and (nodes > 1 or launched is not None):
        raise TrainingError(
            f"A run on {nodes} nodes with {devices} devices each needs {devices * nodes} processes started by torchrun; received "
            f"{launched or 'none'}. Run torchrun --nnodes {nodes} --nproc-per-node {devices} … -m mien train … --devices {devices} "
            f"--nodes {nodes} on every node."
        )
    try:
        return Fabric(accelerator="auto", devices=devices, num_nodes=nodes, precision=arithmetic(recipe))
    except MisconfigurationException as error:
        raise TrainingError(f"Can't train on {devices} devices here: {error} Lower --devices.") from error


def arithmetic(recipe: Recipe) -> Literal["32-true", "bf16-mixed", "16-mixed"]:
    """The recipe's precision; for "auto", bf16 where it is faster than float32.

    That is on NVIDIA cards from Ampere on, on processors with AMX, and on those with AVX-512 BF16 that are not Intel's. Others only
    imitate bf16: a step of the dense network took 42 s with it on a processor with AVX2, and 2.5 s in float32; one of miennet on a
    processor with AVX-512 but without those instructions 1.06 s, and 0.33 s in float32. Intel's without AMX compute in it, but no
    faster: a step of miennet took 0.47 s on one, and 0.39 s in float32, one of CNN3 1.13 s and 0.78 s. A torch that can't say what the
    processor has (one without `torch.cpu.get_capabilities`) computes in float32.
    """
    if recipe.precision != "auto":
        return recipe.precision
    faster = torch.cuda.get_device_capability() >= (8, 0) if torch.cuda.is_available() else _gains_by_bf16(_processor())
    return "bf16-mixed" if faster else "32-true"


def _gains_by_bf16(processor: Mapping[str, Any]) -> bool:
    vectors = bool(processor.get("avx512_bf16")) and "Intel" not in processor.get("cpu_name", "")
    return vectors or bool(processor.get("amx_bf16"))


def _processor() -> Mapping[str, Any]:
    """What torch knows of the processor, by its names: which instructions it has, among others."""
    capabilities: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return capabilities


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Inside, glibc keeps what tensors free for the next ones; elsewhere nothing changes.

    By itself it gives large blocks back to the system, which clears every page of them anew in each step: up to a seventh of a step.
    """
    c = ctypes.CDLL(None) if sys.platform == "linux" else None
    if c is None or not hasattr(c, "mallopt"):
        yield
        return
    c.mallopt(_MAPS, 0)
    c.mallopt(_TRIM, 2**31 - 1)
    try:
        yield
    finally:  # to the bounds that it would have come to by itself
        c.mallopt(_MAPS, 65536)
        c.mallopt(_MAP_FROM, 32 * _MIB)
        c.mallopt(_TRIM, 64 * _MIB)
        c.malloc_trim(0)


def part(fabric: Fabric) -> None:
    """End together on several devices: else a process that ends early may abort, and take the others with it."""
    if fabric.world_size > 1:
        fabric.barrier()
        torch.distributed.destroy_process_group()
