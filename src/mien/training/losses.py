"""Losses over target distributions."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mien.core.errors import RecipeError
from mien.training.parts import PenaltyPart

_LEAST_DOUBT = 1e-6
"""1 − p as focal loss takes it, for the slope of its power is infinite at 0 where g < 1."""


def cross_entropy(
    logits: Tensor, probabilities: Tensor, known: Tensor, class_weights: Tensor | None = None, focal_gamma: float = 0.0
) -> Tensor:
    """−Σ w_i q_i (1 − p_i)^g log p_i, averaged over the rows that are `known` (0 when none is).

    `logits` and target distributions `probabilities`: (N, C); `known`: (N,) in 0–1. Hard labels, smoothed labels (Szegedy et al., 2016) and
    annotators' votes (Barsoum et al., 2016, eq. 5) are all distributions. `class_weights` w: (C,), ones by default; the average is over
    rows, not over weights (the thesis, eq. 4.9). `focal_gamma` g: Lin et al., 2017, eq. 4; 0 is plain cross-entropy.
    """
    log_p = F.log_softmax(logits.float(), dim=1)
    terms = probabilities * log_p
    if class_weights is not None:
        terms = terms * class_weights
    if focal_gamma:
        terms = terms * (1 - log_p.exp()).clamp_min(_LEAST_DOUBT) ** focal_gamma
    return -(terms.sum(1) * known).sum() / known.sum().clamp_min(1)


def attention_consistency(maps: Tensor, mirrored: Tensor, layer: nn.Linear) -> Tensor:
    """EAC's loss (Zhang et al., ECCV 2022, eq. 2–4): the mean squared difference of the class activation maps of two views.

    `maps`, `mirrored`: (N, K, H, W), what the network makes of pictures and of their mirror images before the global average; `layer`: the
    head on that. A class's map is Σ_k w_k · maps_k, and those of the second view are mirrored back.
    """
    first, second = (torch.einsum("ck,nkhw->nchw", layer.weight, part.float()) for part in (maps, mirrored))
    return F.mse_loss(first, second.flip(3))


def balanced_weights(classes: Tensor, count: int) -> Tensor:
    """w_i = N / (n_i · c) for the int64 (N,) `classes` of the labelled rows (≥ 0), float32 (c,). Every class needs a row."""
    numbers = torch.bincount(classes[classes >= 0], minlength=count).float()
    return numbers.sum() / (numbers * count)


def penalised(model: nn.Module, penalties: Sequence[PenaltyPart]) -> list[tuple[float, list[nn.Parameter]]]:
    """The parameters of each penalty, with its weight. Raises RecipeError for a pattern that fits none."""
    return [(part.weight, parameters_of(model, part.layers, "penalties")) for part in penalties]


def parameters_of(model: nn.Module, layers: str, key: str) -> list[nn.Parameter]:
    """The parameters whose names fit the pattern `layers` of the recipe's `key`. Raises RecipeError when there are none."""
    named = {name.removeprefix("model."): parameter for name, parameter in model.named_parameters()}  # of a network in `Emphasised`
    found = [parameter for name, parameter in named.items() if fnmatchcase(name, layers)]
    if not found:
        raise RecipeError(f"No layer fits the pattern {layers!r} of {key}. The parameters are: {', '.join(named)}.")
    return found


def penalty(terms: Sequence[tuple[float, list[nn.Parameter]]]) -> Tensor:
    """Σ weight · Σ‖W‖² over what `penalised` gave."""
    return torch.stack([weight * (p.float() ** 2).sum() for weight, parameters in terms for p in parameters]).sum()
