from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.colors import to_hex, to_rgb
from numpy.typing import NDArray
from PIL import Image

from mien.training.comparison import Figures, draw_comparison
from mien.training.curve import draw_curve


def history(slope: float, epochs: int = 5) -> list[dict[str, Any]]:
    sizes = [24, *[48] * (epochs - 1)]
    return [
        {"epoch": i + 1, "size": size, "loss": 2 - slope * i, "accuracy_fer7": 0.3 + slope * i, "score": 0.3 + slope * i}
        for i, size in enumerate(sizes)
    ]


def drawn(path: Path) -> NDArray[np.int64]:
    """The pixels of the picture, (H, W, 3)."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(np.int64)


def pixels_near(path: Path, colour: str) -> int:
    """How many pixels have about that colour of matplotlib's."""
    return int((np.abs(drawn(path) - 255 * np.array(to_rgb(colour))).max(axis=2) < 30).sum())


def test_a_history_is_a_picture(tmp_path: Path) -> None:
    draw_curve(history(0.1), 4, tmp_path / "curve.png")
    assert drawn(tmp_path / "curve.png").shape == (432, 1080, 3)


@pytest.mark.slow
@pytest.mark.parametrize("places", [[50, 100, 200], [0.0001, 0.01, 0.1], None])
def test_a_comparison_has_a_colour_for_each_group(tmp_path: Path, places: list[float] | None) -> None:
    runs = {f"batch {i}": [history(0.05 * i), history(0.06 * i, 3)] for i in (1, 2, 3)}
    spread = [(0.5, 0.4, 0.6), (0.6, 0.6, 0.6), (0.7, 0.65, 0.8)]
    figures = Figures("batch", ["50", "100", "200"], places, {"validation": spread, "test": [(0.4, 0.4, 0.4)] * 3})
    draw_comparison(runs, tmp_path / "three.png", figures=figures)
    assert drawn(tmp_path / "three.png").shape == (456, 1620, 3)
    assert all(pixels_near(tmp_path / "three.png", colour) > 100 for colour in ("C0", "C1", "C2"))
    assert pixels_near(tmp_path / "three.png", "C3") < 20


def test_a_comparison_without_figures_has_two_panels(tmp_path: Path) -> None:
    draw_comparison({"one": [history(0.1)], "two": [history(0.05)]}, tmp_path / "two.png", split="test")
    assert drawn(tmp_path / "two.png").shape == (456, 1080, 3)


def test_more_groups_than_named_colours(tmp_path: Path) -> None:
    draw_comparison({f"{i}": [history(0.01 * i)] for i in range(12)}, tmp_path / "many.png")
    first, last = (to_hex(colormaps["viridis"](i / 12)) for i in (0, 11))
    assert all(pixels_near(tmp_path / "many.png", colour) > 100 for colour in (first, last))
