"""The loop: one screen, from a network and two splits to the best weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from mien.core.errors import TrainingError
from mien.training.augment import augment, mixed
from mien.training.data import Split, resized
from mien.training.devices import freed_memory_kept
from mien.training.losses import attention_consistency, cross_entropy, parameters_of, penalised, penalty
from mien.training.parts import OptimPart
from mien.training.recipe import Recipe
from mien.training.schedule import learning_rate, stalled
from mien.training.teachers import Teachers

AfterEpoch = Callable[["State", dict[str, Any]], None]


@dataclass
class State:
    """All that changes during a run.

    `model` is `network` as Fabric wraps it for the device; `epoch` counts finished epochs; `ema` holds the averaged weights, which are the
    ones evaluated and kept. `penalties`: weight and parameters of each L2 penalty. `teachers`: who are asked about every batch, if anybody.
    `history`: one dict an epoch, with what was measured after it; schedules that look back read it.
    """

    network: nn.Module
    model: nn.Module
    ema: AveragedModel
    optimizer: torch.optim.Optimizer
    penalties: list[tuple[float, list[nn.Parameter]]] = field(default_factory=list)
    teachers: Teachers | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    epoch: int = 0

    def ended(self, recipe: Recipe) -> bool:
        """Whether the last epoch is done, or the run has stalled as `optim.early_stop` says."""
        return self.epoch >= recipe.epochs or stalled(recipe, self.history)


def start(recipe: Recipe, model: nn.Module, fabric: Fabric) -> State:
    """A state before its first epoch; weight decay spares biases and normalisation."""
    part = recipe.optim
    groups = _groups(recipe, model)
    penalties = penalised(model, recipe.penalties)
    if all(p.ndim < 5 for p in model.parameters()):  # a convolution over time has another order of its own
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    mode = recipe.compile if isinstance(recipe.compile, str) else None
    moved: nn.Module = torch.compile(model, mode=mode) if recipe.compile else model  # type: ignore[assignment]
    wrapped, optimizer = fabric.setup(moved, _optimizer(part, groups, fused=fabric.device.type == "cpu" or None))
    return State(model, wrapped, averaged(model, part.ema_decay), optimizer, penalties)


def averaged(model: nn.Module, decay: float) -> AveragedModel:
    """A moving average of the weights and buffers; its decay after n steps is (1 + n) / (10 + n), until `decay` is reached.

    Without that rise the random first weights would still be 4 % of an average with 0.999 after 3,200 steps, and rule it before. Where the
    pictures change their size it begins anew.
    """

    def blend(kept: Any, new: Any, _: Any) -> None:
        steps = float(ema.n_averaged)  # on the CPU, so that no accelerator is waited for
        get_ema_multi_avg_fn(min(decay, (1 + steps) / (10 + steps)))(kept, new, _)

    ema = AveragedModel(model, multi_avg_fn=blend, use_buffers=True)
    return ema


def _groups(recipe: Recipe, model: nn.Module) -> list[dict[str, Any]]:
    """The parameters to learn, by the factor of their rate, and whether their weights decay."""
    factors = {p: part.factor for part in recipe.rates for p in parameters_of(model, part.layers, "rates")}
    learnt = [(factors.get(p, 1.0), p) for p in model.parameters() if p.requires_grad]
    return [
        {"params": chosen, "weight_decay": decay, "factor": factor}
        for factor in sorted({factor for factor, _ in learnt}, reverse=True)
        for decayed, decay in ((True, recipe.optim.weight_decay), (False, 0.0))
        if (chosen := [p for own, p in learnt if own == factor and (p.ndim > 1) == decayed])
    ]


def _optimizer(part: OptimPart, groups: list[dict[str, Any]], fused: bool | None) -> torch.optim.Optimizer:
    """Fused, one pass over the weights makes a step; None lets torch choose, which it does well on accelerators alone.

    On one core a step of 22 million weights took 17 ms with AdamW and 12 with SGD, in place of 64 and 134.
    """
    if part.name == "sgd":
        return torch.optim.SGD(groups, part.learning_rate, part.momentum, nesterov=part.momentum > 0, fused=fused)
    family = torch.optim.Adam if part.name == "adam" else torch.optim.AdamW
    return family(groups, part.learning_rate, (part.momentum, 0.999), fused=fused)


@freed_memory_kept()
def fit(recipe: Recipe, state: State, train: Split, fabric: Fabric, after_epoch: AfterEpoch, until: int | None = None) -> None:
    """Train from `state.epoch` to `until`, by default the recipe's last epoch, or until the run stalls.

    `after_epoch` gets the state and {"epoch", "size", "learning_rate", "loss"} after each, and puts a row into the state's history.
    `optim.batch_size` is each device's.

    Every random number of an epoch follows from the seed, the epoch's number and the device's rank, so a resumed run repeats an unbroken
    one to the bit on a CPU. Raises TrainingError when the loss is no number, or the pictures do not fill a batch.
    """
    train = train.targets_on(fabric.device)
    images, size, steps = train.images, 0, steps_of(recipe, len(train), fabric.world_size)
    while not state.ended(recipe) and (until is None or state.epoch < until):
        if recipe.size_at(state.epoch) != size:
            size = recipe.size_at(state.epoch)
            images = resized(train.images, size).to(fabric.device)
            if state.epoch and recipe.size_at(state.epoch - 1) != size:
                state.ema.n_averaged.zero_()  # weights and statistics for pictures of another size are no part of the average
        order, generator = _chances(recipe.seed * 100_003 + state.epoch, len(train), fabric)
        state.model.train()
        total = torch.zeros((), device=fabric.device)
        for step in range(steps):
            rows = order[step * recipe.optim.batch_size : (step + 1) * recipe.optim.batch_size]
            rate = learning_rate(recipe, state.epoch + step / steps, state.history)
            for group in state.optimizer.param_groups:
                group["lr"] = rate * group.get("factor", 1.0)  # a checkpoint of before has no factors
            loss = _loss(recipe, state, images[rows], train, rows, generator)
            if state.penalties:
                loss = loss + penalty(state.penalties)
            state.optimizer.zero_grad(set_to_none=True)
            fabric.backward(loss)
            if recipe.optim.clip_norm is not None:
                # A norm that is no number is no fault by itself: a 16-bit scaler passes over such a step, else the loss tells.
                fabric.clip_gradients(state.model, state.optimizer, max_norm=recipe.optim.clip_norm, error_if_nonfinite=False)
            state.optimizer.step()
            state.ema.update_parameters(state.network)
            total += loss.detach()
        mean = float(fabric.all_reduce(total, reduce_op="mean")) / steps  # type: ignore[arg-type]
        if not math.isfinite(mean):
            raise TrainingError(
                f"The loss became {mean} in epoch {state.epoch + 1}. Lower optim.learning_rate, with another --out; "
                "what was finished before stays as it is."
            )
        state.epoch += 1
        after_epoch(state, {"epoch": state.epoch, "size": size, "learning_rate": rate, "loss": mean})


def steps_of(recipe: Recipe, rows: int, devices: int) -> int:
    """Steps of an epoch over that many training rows. Raises TrainingError when they do not fill a batch on each device."""
    steps = rows // (recipe.optim.batch_size * devices)
    if steps < 1:
        raise TrainingError(
            f"{rows} training pictures do not fill a batch of {recipe.optim.batch_size} on each device. Lower optim.batch_size."
        )
    return steps


def _chances(seed: int, n: int, fabric: Fabric) -> tuple[Tensor, torch.Generator]:
    """The device's share of `n` rows in an order that all devices draw alike, and a generator for what each draws for itself."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(n, generator=generator)[fabric.global_rank :: fabric.world_size]
    torch.manual_seed(seed + fabric.global_rank * 1_000_003)
    if fabric.global_rank:
        generator.manual_seed(seed + fabric.global_rank * 1_000_003)
    return order, generator


def _loss(recipe: Recipe, state: State, images: Tensor, train: Split, rows: Tensor, generator: torch.Generator) -> Tensor:
    rows = rows.to(images.device)
    views = augment(images.float(), recipe.augment, generator) if images.ndim == 4 else images
    beside = [] if train.beside is None else [train.beside[rows]]
    share, partner = 1.0, None
    if recipe.augment.mixup or recipe.augment.cutmix:
        views, share, partner = mixed(views, recipe.augment, generator)
        beside = [share * part + (1 - share) * part[partner] for part in beside]
    opinions = {} if state.teachers is None else state.teachers.opinions(views)
    twofold = recipe.noise.attention_consistency > 0
    seen = torch.cat([views, views.flip(3)]) if twofold else views
    outputs = state.model(seen.contiguous(memory_format=torch.channels_last) if seen.ndim == 4 else seen, *beside)
    loss = torch.zeros((), device=images.device)
    for head, target in train.heads.items():
        probabilities, known = target.probabilities[rows], target.known[rows]
        if partner is not None:
            probabilities = share * probabilities + (1 - share) * probabilities[partner]
            known = known & known[partner]
        if state.teachers is not None:
            probabilities, known = state.teachers.mixed(probabilities, known, opinions[head])
        part = recipe.targets[head]
        gamma = part.focal_gamma if part.loss == "focal" else 0.0
        loss = loss + part.weight * cross_entropy(outputs[head][: len(rows)], probabilities, known, target.class_weights, gamma)
        if twofold:
            first, second = outputs["maps"].chunk(2)
            layer = state.network.heads.linear[head]  # type: ignore[union-attr,index]
            loss = loss + recipe.noise.attention_consistency * attention_consistency(first, second, layer)  # type: ignore[arg-type]
    return loss


@torch.inference_mode()
def predict(model: nn.Module, images: Tensor, device: torch.device, batch: int = 512, beside: Tensor | None = None) -> dict[str, Tensor]:
    """Logits float32 by head, on the CPU, for `images` as a Split has them, and what the network takes `beside` them, if anything.

    Weights and arithmetic are as they are (float32).
    """
    model.eval()
    columns = [images, *([] if beside is None else [beside])]
    parts = [model(*(part.to(device).float() for part in row)) for row in zip(*(column.split(batch) for column in columns), strict=True)]
    return {name: torch.cat([part[name].float().cpu() for part in parts]) for name in parts[0]}
