"""A run's history as one picture."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

from mien.core.files import replacing


def draw_curve(history: list[dict[str, Any]], best_epoch: int, path: str | Path) -> None:
    """Draw training loss and validation accuracy over the epochs; `path`'s suffix picks the format (.png, .svg, .pdf).

    `history`: one dict an epoch with epoch, size, loss and accuracy_<head>. Changes of the picture size and the best epoch are marked.
    """
    from matplotlib.figure import Figure

    epochs = [row["epoch"] for row in history]
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(epochs, [row["loss"] for row in history], color="#444")
    left.set(xlabel="epoch", ylabel="training loss (augmented)")
    for head in (key.removeprefix("accuracy_") for key in history[0] if key.startswith("accuracy_")):
        right.plot(epochs, [100 * row[f"accuracy_{head}"] for row in history], label=head)
    right.set(xlabel="epoch", ylabel="validation accuracy, %")
    right.legend(loc="lower right")
    changes = [row["epoch"] for before, row in pairwise(history) if row["size"] != before["size"]]
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.axvline(best_epoch, color="#b5651d", linestyle=":", linewidth=1)
        for epoch in changes:
            axes.axvline(epoch - 0.5, color="#999", linestyle="--", linewidth=1)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=120)
