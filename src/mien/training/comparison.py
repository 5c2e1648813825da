"""The histories of several runs in one picture, and what they come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mien.core.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

History = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Figures:
    """A figure of each group of runs: `series`, name → (mean, lowest, highest) in 0–1 of each group, in their order.

    `axis` says what the groups differ in, `names` how each of them is written there; `places` are their values, None where these are no
    numbers.
    """

    axis: str
    names: Sequence[str]
    places: Sequence[float] | None
    series: Mapping[str, Sequence[tuple[float, float, float]]]


def draw_comparison(
    runs: Mapping[str, Sequence[History]], path: str | Path, *, split: str = "validation", figures: Figures | None = None
) -> None:
    """Draw training loss and accuracy on `split` over the epochs, one colour a group of `runs`, one line a run.

    `runs`: name of the group → histories, each one dict an epoch with epoch, loss and score. With `figures`, a third panel shows them by
    group; without any history it is the only one. `path`'s suffix picks the format (.png, .svg, .pdf).
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    colours = [colormaps["tab10"](i) if len(runs) <= 10 else colormaps["viridis"](i / len(runs)) for i in range(len(runs))]
    panels = 2 * any(runs.values()) + (figures is not None)
    figure = Figure(figsize=(4.5 * panels, 3.8), layout="constrained")
    axes = figure.subplots(1, panels, squeeze=False)[0]
    for (name, histories), colour in zip(runs.items(), colours, strict=True):
        for number, history in enumerate(histories):
            epochs = [row["epoch"] for row in history]
            look = {"color": colour, "linewidth": 1.2 if len(histories) == 1 else 0.7, "label": "" if number else name}
            axes[0].plot(epochs, [row["loss"] for row in history], **look)
            axes[1].plot(epochs, [100 * row["score"] for row in history], **look)
    if any(runs.values()):
        axes[0].set(xlabel="epoch", ylabel="training loss (augmented)")
        axes[1].set(xlabel="epoch", ylabel=f"{split} accuracy, %")
        axes[1].legend(loc="lower right", fontsize="small")
    if figures is not None:
        _draw_figures(axes[-1], figures)
    for one in axes:
        one.grid(alpha=0.3)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=120)


def _draw_figures(axes: Axes, figures: Figures) -> None:
    places = list(range(len(figures.names))) if figures.places is None else figures.places
    for name, rows in figures.series.items():
        means = [100 * mean for mean, _, _ in rows]
        spreads = [[100 * (mean - low) for mean, low, _ in rows], [100 * (high - mean) for mean, _, high in rows]]
        order = sorted(range(len(places)), key=lambda i: places[i])
        axes.errorbar(
            [places[i] for i in order],
            [means[i] for i in order],
            [[side[i] for i in order] for side in spreads],
            marker="o",
            capsize=3,
            label=name,
        )
    if figures.places is None:
        axes.set_xticks(places, figures.names, rotation=30, ha="right", fontsize="small")
    elif min(figures.places) > 0 and max(figures.places) >= 20 * min(figures.places):
        axes.set_xscale("log")
    axes.set(xlabel=figures.axis, ylabel="accuracy of the kept weights, %")
    axes.legend(loc="best", fontsize="small")
