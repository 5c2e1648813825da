"""What a report says of a video after smoothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.core.labels import FER8
from mien.dynamics.segments import Segment
from mien.dynamics.tracks import Dynamics, Settings, dynamics
from mien.report.stability import segment_band, stability_table
from tests.dynamics.test_series import series
from tests.report.parts import clip, still
from tests.report.test_html import Page, write


def shown(*labels: str) -> tuple[np.ndarray, object]:
    """One second of each label, ten rows each."""
    rows = [FER8.index(label) for label in labels for _ in range(10)]
    return np.arange(len(rows)), series([k / 10 for k in range(len(rows))], rows, "fer8")


def found(**tracks: tuple[str, ...]) -> Dynamics:
    return dynamics("v", {int(name[1:]): shown(*labels) for name, labels in tracks.items()}, Settings("none"))  # type: ignore[misc]


def parsed(html: str, folder: Path) -> Page:
    (folder / "part.html").write_text(html, encoding="utf-8")
    return Page(folder / "part.html")


def test_a_row_for_each_face_and_the_mean_of_several(tmp_path: Path) -> None:
    page = parsed(stability_table(found(t1=("neutral", "happiness", "neutral"), t4=("anger",))), tmp_path)
    text = " ".join(page.text.split())
    assert "Face #1" in text
    assert "Face #4" in text
    assert len(page.all("tr", "total")) == 1
    assert "40.0" in text  # two switches in three seconds
    alone = parsed(stability_table(found(t1=("anger",))), tmp_path)
    assert len(alone.all("tr", "total")) == 0
    assert "–" in alone.text  # no inertia of what does not vary


def test_the_band_has_the_segments_where_they_are() -> None:
    parts = [Segment("neutral", 0.0, 0.5, 2.0, 0.9, 0.8, 20), Segment("fear", 2.0, 3.0, 4.0, 0.9, 0.8, 20)]
    band = segment_band(parts, FER8, 0.0, 8.0)
    assert 'class="band k0" x="0" width="500"' in band
    assert f'class="band k{FER8.index("fear")}" x="500" width="500"' in band
    assert segment_band([], FER8, 0.0, 0.0).count("<rect") == 0


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return write(tmp_path_factory.mktemp("report") / "r.html", clip("film.mp4", 90), still("one.jpg"))


def test_a_report_has_both_for_each_video(page: Page) -> None:
    assert page.text.count("Emotional stability") == 1
    assert "Lower band: segments, after smoothing." in " ".join(page.text.split())
    assert len(page.all("svg", "ribbon")) == 2 * len(page.all("svg", "area")) == 4
