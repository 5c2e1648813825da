"""The devices that a run computes on, and how it computes."""

from __future__ import annotations

from typing import Literal

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning_fabric.utilities.exceptions import MisconfigurationException
from torch.backends.cpu import get_cpu_capability

from mien.core.errors import TrainingError
from mien.training.recipe import Recipe


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
    """The recipe's precision; for "auto", bf16 on NVIDIA cards from Ampere on and processors with AVX-512.

    Others only imitate bf16: a step of the dense network took 42 s with it on a processor with AVX2, and 2.5 s in float32.
    """
    if recipe.precision != "auto":
        return recipe.precision
    native = torch.cuda.get_device_capability() >= (8, 0) if torch.cuda.is_available() else get_cpu_capability() == "AVX512"
    return "bf16-mixed" if native else "32-true"


def part(fabric: Fabric) -> None:
    """End together on several devices: else a process that ends early may abort, and take the others with it."""
    if fabric.world_size > 1:
        fabric.barrier()
        torch.distributed.destroy_process_group()
