"""Learning rates, and when to stop: plain functions of the time and of what was measured, so that a resumed run goes on exactly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mien.training.parts import OptimPart
from mien.training.recipe import Recipe

_LEAST_GAIN = 1e-4  # of the log-loss, to count as one


def learning_rate(recipe: Recipe, epoch: float, history: Sequence[dict[str, Any]] = ()) -> float:
    """The rate at `epoch`, a time in epochs from 0, for a run with that `history`.

    `one_cycle` (Smith and Topin, 2019) rises linearly during `warmup` and falls linearly to zero, `cosine` (Loshchilov and Hutter, 2017) as
    half a cosine; `step` is multiplied by `factor` every `step_epochs`; `plateau` by `factor` whenever the log-loss on the selection split
    has not fallen for `patience` epochs.
    """
    part = recipe.optim
    if part.schedule == "constant":
        return part.learning_rate
    if part.schedule == "step":
        return part.learning_rate * part.factor ** (int(epoch) // part.step_epochs)
    if part.schedule == "plateau":
        return part.learning_rate * part.factor ** _plateaus([log_loss(row) for row in history], part.patience)
    return part.learning_rate * _cycle(part, epoch / recipe.epochs)


def stalled(recipe: Recipe, history: Sequence[dict[str, Any]]) -> bool:
    """Whether the log-loss has not fallen for `optim.early_stop` epochs of the last phase."""
    patience = recipe.optim.early_stop
    final = [log_loss(row) for row in history if row["size"] == recipe.picture_size]
    return patience is not None and _plateaus(final, patience) > 0


def log_loss(row: dict[str, Any]) -> float:
    """The mean log-loss of the heads on the selection split after an epoch."""
    losses = [value for key, value in row.items() if key.startswith("log_loss_")]
    return float(sum(losses) / len(losses))


def _cycle(part: OptimPart, progress: float) -> float:
    if progress < part.warmup:
        return 0.04 + 0.96 * progress / part.warmup
    rest = (progress - part.warmup) / (1 - part.warmup)
    return 1 - rest if part.schedule == "one_cycle" else (1 + math.cos(math.pi * rest)) / 2


def _plateaus(losses: Sequence[float], patience: int) -> int:
    """How often `patience` losses in a row brought nothing new."""
    best, waited, found = math.inf, 0, 0
    for loss in losses:
        waited += 1
        if loss < best - _LEAST_GAIN:
            best, waited = loss, 0
        elif waited >= patience:
            waited, found = 0, found + 1
    return found
