"""Losses over target distributions."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def cross_entropy(logits: Tensor, probabilities: Tensor, known: Tensor) -> Tensor:
    """−Σ q log p, averaged over the rows that are `known` (0 when none is).

    `logits` and target distributions `probabilities`: (N, C); `known`: (N,) in 0–1. Hard labels, smoothed labels (Szegedy et al., 2016) and
    annotators' votes (Barsoum et al., 2016, eq. 5) are all distributions.
    """
    losses = -(probabilities * F.log_softmax(logits.float(), dim=1)).sum(1)
    return (losses * known).sum() / known.sum().clamp_min(1)
