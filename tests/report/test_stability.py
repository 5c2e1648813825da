"""What a report says of a video after smoothing."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from mien.core.labels import FER8
from mien.dynamics.segments import Segment
from mien.dynamics.tracks import Dynamics, Settings, dynamics
from mien.report.stability import extremes, segment_band, stability_panel, stability_table
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
    assert 'class="band k0" x="0" width="5000"' in band
    assert f'class="band k{FER8.index("fear")}" x="5000" width="5000"' in band
    assert segment_band([], FER8, 0.0, 0.0).count("<rect") == 0


def test_a_band_of_many_segments_stays_small_and_true() -> None:
    flicker = [Segment(FER8[n % 2], n / 10, n / 10, (n + 1) / 10, 0.9, 0.8, 2) for n in range(10_000)]
    fear = Segment("fear", 1500.0, 1600.0, 2000.0, 0.9, 0.8, 20)
    band = segment_band([*flicker, fear], FER8, 0.0, 2000.0)
    assert 2 <= band.count("<rect") <= 1500
    assert f'class="band k{FER8.index("fear")}" x="15000" width="5000"' in band
    assert not re.search(r'x="1[0-4]\d{3}"', band), "from 1000 s to 1500 s there was no face"


def test_the_course_of_each_face_goes_over_the_windows(tmp_path: Path) -> None:
    settings = Settings("none", window_s=2.0, step_s=1.0)
    gone = list(range(60)) + list(range(120, 180))  # away for six seconds
    seen = {1: (np.arange(180), series([k / 10 for k in range(180)], [1] * 90 + [4] * 90, "fer8"))}
    seen[2] = (np.array(gone), series([k / 10 for k in gone], [0] * 120, "fer8"))
    panel = stability_panel(dynamics("v", seen, settings), 0.0, 18.0)
    page = parsed(panel, tmp_path)
    assert len(page.all("svg", "course")) == 2
    first, *others = (attrs["points"] or "" for attrs in page.all("polyline"))
    ys = [int(point.split(",")[1]) for point in first.split()]
    assert (ys[0] < 60, ys[-1] > 140) == (True, True)
    assert len(others) == 2, "the line has a gap where the face was away"
    short = stability_panel(found(t1=("neutral",)), 0.0, 1.0)
    assert "polyline" not in short


@pytest.mark.parametrize("count", [0, 5, 1600, 100_000])
def test_fewer_values_keep_the_extremes(count: int) -> None:
    values = np.random.default_rng(0).normal(size=count)
    kept = extremes(values)
    assert len(kept) <= 1600
    assert (np.diff(kept) > 0).all()
    if count:
        assert {int(values.argmin()), int(values.argmax())} <= set(kept.tolist())


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return write(tmp_path_factory.mktemp("report") / "r.html", clip("film.mp4", 90), still("one.jpg"))


def test_a_report_has_both_for_each_video(page: Page) -> None:
    assert page.text.count("Emotional stability") == 1
    assert "Lower band: segments, after smoothing." in " ".join(page.text.split())
    lanes, charts, segments = 2, 2, 2
    assert len(page.all("svg", "area")) == charts
    assert len(page.all("svg", "ribbon")) == lanes + charts + segments
