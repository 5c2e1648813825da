"""Clips of drawn people: real files, exact times, and a truth that fits the pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from mien.core.errors import OptionError, OutputError, UnknownNameError
from mien.datasets.avatars import Clip, scene
from mien.datasets.avatars.actions import RECIPES
from mien.faces import make_detector
from mien.sources.video import VideoSource

SMALL = {"seconds": 0.4, "size": (192, 108), "faces": 2}


def decoded(path: Path) -> tuple[list[float], list[np.ndarray]]:
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return [float(frame.time) for frame in frames], [frame.to_ndarray(format="rgb24") for frame in frames]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return scene(tmp_path_factory.mktemp("clip") / "a.mp4", seed=3, seconds=2.0, size=(256, 144), rate=10, faces=3, occluders=2)


@pytest.mark.parametrize("rate", [25, Fraction(24_000, 1001), Fraction(30_000, 1001), "variable"], ids=str)
def test_a_clip_keeps_its_times(rate: int | Fraction | str, tmp_path: Path) -> None:
    written = scene(tmp_path / "clip.mp4", rate=rate, **SMALL)  # type: ignore[arg-type]
    times_s, images = decoded(written.path)
    assert times_s == pytest.approx(written.times_s.tolist(), abs=1e-9)
    assert images[0].shape == (108, 192, 3)
    if rate == "variable":
        assert np.ptp(np.diff(times_s)) > 0.01
    else:
        assert np.diff(times_s) == pytest.approx(np.full(len(times_s) - 1, float(1 / Fraction(rate))))


def test_the_truth_has_a_row_for_each_face_that_is_there(clip: Clip) -> None:
    table = clip.to_df()
    assert set(table["identity"]).__len__() == 3
    assert not table.duplicated(["frame", "identity"]).any()
    assert table["frame"].is_monotonic_increasing
    assert (table["time_s"] == clip.times_s[table["frame"]]).all()
    assert table["visible"].between(0, 1).all()
    assert table["visible"].min() < 0.5 < table["visible"].max()
    assert set(table["phase"]) <= {"neutral", "onset", "apex", "offset"}
    assert set(table["expression"]) <= set(RECIPES)
    assert ((table["intensity"] == 0) | (table["phase"] != "neutral")).all()
    assert ((table["x2"] > 0) & (table["y2"] > 0) & (table["x1"] < 256) & (table["y1"] < 144)).all()


def test_faces_move_and_pass_each_other(clip: Clip) -> None:
    table = clip.to_df()
    travelled = table.groupby("identity")["x1"].agg(np.ptp)
    assert (travelled > 10).all()


def test_the_same_seed_gives_the_same_clip(tmp_path: Path) -> None:
    first, second, other = (scene(tmp_path / f"{name}.mp4", seed=seed, **SMALL) for name, seed in (("a", 1), ("b", 1), ("c", 2)))  # type: ignore[arg-type]
    assert first.to_df().equals(second.to_df())
    assert first.path.read_bytes() == second.path.read_bytes()
    assert not first.to_df().equals(other.to_df())


def test_mien_reads_what_was_written(tmp_path: Path) -> None:
    written = scene(tmp_path / "clip.mkv", **SMALL)  # type: ignore[arg-type]
    with VideoSource(written.path) as source:
        assert [frame.time_s for frame in source] == pytest.approx(written.times_s.tolist(), abs=1e-3)


@pytest.mark.parametrize(
    ("path", "options", "error"),
    [
        ("a.gif", {}, UnknownNameError),
        ("a.mp4", {"rate": "slow"}, UnknownNameError),
        ("a.mp4", {"rate": 0}, OptionError),
        ("a.mp4", {"size": (101, 100)}, OptionError),
        ("a.mp4", {"faces": 0}, OptionError),
        ("a.mp4", {"seconds": 0}, OptionError),
        ("a.mp4", {"seed": -1}, OptionError),
        ("file/a.mp4", {}, OutputError),
    ],
    ids=str,
)
def test_bad_clips_are_told(path: str, options: dict[str, object], error: type[Exception], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(error):
        scene(tmp_path / path, **{**SMALL, **options})  # type: ignore[arg-type]
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


@pytest.mark.slow
def test_the_default_detector_finds_the_faces_that_can_be_seen(tmp_path: Path) -> None:
    written = scene(tmp_path / "clip.mp4", seed=2, seconds=4, rate=5, size=(640, 360), faces=3)
    table, detector = written.to_df(), make_detector("centerface")
    found = []
    for number, image in enumerate(decoded(written.path)[1]):
        boxes = np.array([face.box_xyxy for face in detector.detect(image)]).reshape(-1, 4)
        clear = table[(table["frame"] == number) & (table["visible"] > 0.95)]
        found += [overlap(boxes, np.array(row)) for row in clear[["x1", "y1", "x2", "y2"]].to_numpy()]
    assert len(found) > 20
    assert np.mean(np.array(found) > 0.5) >= 0.9


def overlap(boxes: np.ndarray, box: np.ndarray) -> float:
    """Intersection over union with the best of the boxes (N, 4)."""
    if not len(boxes):
        return 0.0
    sides = np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2])
    common = np.prod(np.maximum(sides, 0), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) + np.prod(box[2:] - box[:2])
    return float((common / (areas - common)).max())
