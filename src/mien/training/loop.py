"""The loop: one screen, from a network and two splits to the best weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from mien.core.errors import TrainingError
from mien.training.augment import augment, mix
from mien.training.data import Split, resized
from mien.training.losses import cross_entropy
from mien.training.recipe import OptimPart, Recipe

AfterEpoch = Callable[["State", dict[str, Any]], None]


@dataclass
class State:
    """All that changes during a run.

    `model` is `network` as Fabric wraps it for the device; `epoch` counts finished epochs; `ema` holds the averaged weights, which are the
    ones evaluated and kept.
    """

    network: nn.Module
    model: nn.Module
    ema: AveragedModel
    optimizer: torch.optim.Optimizer
    epoch: int = 0


def start(recipe: Recipe, model: nn.Module, fabric: Fabric) -> State:
    """A state before its first epoch; weight decay spares biases and normalisation."""
    part = recipe.optim
    decayed = [p for p in model.parameters() if p.ndim > 1]
    spared = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": part.weight_decay}, {"params": spared, "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(groups, part.learning_rate, part.momentum, nesterov=part.momentum > 0)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    wrapped, optimizer = fabric.setup(model, optimizer)
    ema = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(part.ema_decay), use_buffers=True)
    return State(model, wrapped, ema, optimizer)


def fit(recipe: Recipe, state: State, train: Split, fabric: Fabric, after_epoch: AfterEpoch, until: int | None = None) -> None:
    """Train from `state.epoch` to `until`, by default the recipe's last epoch.

    `after_epoch` gets the state and {"epoch", "size", "learning_rate", "loss"} after each. `optim.batch_size` is each device's.

    Every random number of an epoch follows from the seed, the epoch's number and the device's rank, so a resumed run repeats an unbroken
    one to the bit on a CPU. Raises TrainingError when the loss is no number, or the pictures do not fill a batch.
    """
    images, size, steps = train.images, 0, len(train) // (recipe.optim.batch_size * fabric.world_size)
    if steps < 1:
        raise TrainingError(
            f"{len(train)} training pictures do not fill a batch of {recipe.optim.batch_size} on each device. Lower optim.batch_size."
        )
    while state.epoch < (recipe.epochs if until is None else until):
        if recipe.size_at(state.epoch) != size:
            size = recipe.size_at(state.epoch)
            images = resized(train.images, size).to(fabric.device)
        order, generator = _chances(recipe.seed * 100_003 + state.epoch, len(train), fabric)
        state.model.train()
        total = torch.zeros((), device=fabric.device)
        for step in range(steps):
            rows = order[step * recipe.optim.batch_size : (step + 1) * recipe.optim.batch_size]
            rate = learning_rate(recipe.optim, (state.epoch * steps + step) / (recipe.epochs * steps))
            for group in state.optimizer.param_groups:
                group["lr"] = rate
            loss = _loss(recipe, state.model, images[rows], train, rows, generator)
            state.optimizer.zero_grad(set_to_none=True)
            fabric.backward(loss)
            if recipe.optim.clip_norm is not None:
                fabric.clip_gradients(state.model, state.optimizer, max_norm=recipe.optim.clip_norm)
            state.optimizer.step()
            state.ema.update_parameters(state.network)
            total += loss.detach()
        mean = float(fabric.all_reduce(total, reduce_op="mean")) / steps  # type: ignore[arg-type]
        if not math.isfinite(mean):
            raise TrainingError(
                f"The loss became {mean} in epoch {state.epoch + 1}. Lower optim.learning_rate; the last checkpoint is intact."
            )
        state.epoch += 1
        after_epoch(state, {"epoch": state.epoch, "size": size, "learning_rate": rate, "loss": mean})


def _chances(seed: int, n: int, fabric: Fabric) -> tuple[Tensor, torch.Generator]:
    """The device's share of `n` rows in an order that all devices draw alike, and a generator for what each draws for itself."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(n, generator=generator)[fabric.global_rank :: fabric.world_size]
    torch.manual_seed(seed + fabric.global_rank * 1_000_003)
    if fabric.global_rank:
        generator.manual_seed(seed + fabric.global_rank * 1_000_003)
    return order, generator


def _loss(recipe: Recipe, model: nn.Module, images: Tensor, train: Split, rows: Tensor, generator: torch.Generator) -> Tensor:
    inputs = augment(images.float(), recipe.augment, generator)
    share, partner = 1.0, None
    if recipe.augment.mixup:
        share, partner = mix(len(rows), recipe.augment.mixup, generator)
        inputs = share * inputs + (1 - share) * inputs[partner]
    outputs = model(inputs.contiguous(memory_format=torch.channels_last))
    loss = torch.zeros((), device=images.device)
    for head, target in train.heads.items():
        probabilities, known = target.probabilities[rows], target.known[rows]
        if partner is not None:
            probabilities = share * probabilities + (1 - share) * probabilities[partner]
            known = known & known[partner]
        loss = loss + recipe.targets[head].weight * cross_entropy(outputs[head], probabilities.to(loss.device), known.to(loss.device))
    return loss


def learning_rate(part: OptimPart, progress: float) -> float:
    """The rate at `progress` (0–1 of all steps): linear warm-up over `warmup`, then the schedule.

    `one_cycle` (Smith and Topin, 2019) falls linearly to zero, `cosine` (Loshchilov and Hutter, 2017) as half a cosine, `constant` not at
    all.
    """
    if progress < part.warmup:
        return part.learning_rate * (0.04 + 0.96 * progress / part.warmup)
    rest = (progress - part.warmup) / (1 - part.warmup)
    fall = {"one_cycle": 1 - rest, "cosine": (1 + math.cos(math.pi * rest)) / 2, "constant": 1.0}[part.schedule]
    return part.learning_rate * fall


@torch.inference_mode()
def predict(model: nn.Module, images: Tensor, device: torch.device, batch: int = 512) -> dict[str, Tensor]:
    """Logits float32 by head, on the CPU, for uint8 (N, C, H, W) `images`; weights and arithmetic as they are (float32)."""
    model.eval()
    parts = [model(part.to(device).float()) for part in images.split(batch)]
    return {name: torch.cat([part[name].float().cpu() for part in parts]) for name in parts[0]}
