"""Checkpoints as safetensors: tensors and plain JSON, written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from mien.core.errors import TrainingError
from mien.core.files import write_bytes


def save(path: Path, states: dict[str, dict[str, Tensor]], optimizer: torch.optim.Optimizer | None, facts: dict[str, Any]) -> None:
    """Write named state dicts, the optimizer's state and JSON `facts` to `path`. Raises OutputError when it can't be written."""
    tensors = {f"{name}/{key}": value for name, state in states.items() for key, value in state.items()}
    meta = dict(facts)
    if optimizer is not None:
        state = optimizer.state_dict()
        meta["optimizer_groups"] = state["param_groups"]
        tensors |= {
            f"optimizer/{index}/{key}": value
            for index, entry in state["state"].items()
            for key, value in entry.items()
            if value is not None
        }
    plain = {key: value.detach().cpu().clone().contiguous() for key, value in tensors.items()}
    write_bytes(path, to_bytes(plain, {"facts": json.dumps(meta)}))


def load(path: Path) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
    """The state dicts by name (the optimizer's under "optimizer") and the facts. Raises TrainingError for a missing or damaged file."""
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads(file.metadata()["facts"])
            states: dict[str, dict[str, Tensor]] = {}
            for full in file.keys():  # noqa: SIM118  (a safe_open handle is no mapping)
                name, key = full.split("/", 1)
                states.setdefault(name, {})[key] = file.get_tensor(full)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise TrainingError(
            f"The checkpoint {path} can't be read ({error}). Delete all *.safetensors there to start again with --resume, or give another "
            "--out."
        ) from error
    return states, facts


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor], groups: list[dict[str, Any]]) -> None:
    """Put the state that `save` wrote back into an optimizer over the same parameters, which stays fused, or not, as it is."""
    state: dict[int, dict[str, Tensor]] = {}
    for full, value in tensors.items():
        index, key = full.split("/", 1)
        state.setdefault(int(index), {})[key] = value
    groups = [saved | {"fused": own.get("fused")} for saved, own in zip(groups, optimizer.param_groups, strict=True)]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    for parameter, entry in optimizer.state.items():
        for key, value in entry.items():
            if value.shape == parameter.shape:  # in the same order in memory, which a fused step takes for granted
                entry[key] = torch.empty_like(parameter).copy_(value)


@contextmanager
def fitting(path: Path) -> Iterator[None]:
    """Around the use of what `load` gave: states that do not fit the network they are meant for raise TrainingError."""
    try:
        yield
    except (KeyError, TypeError, RuntimeError, ValueError) as error:
        raise TrainingError(
            f"The checkpoint {path} does not fit the recipe's network: it is of another architecture, or of another version of mien. "
            "Delete all *.safetensors there to start again with --resume, or give another --out."
        ) from error
