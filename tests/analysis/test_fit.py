"""Pictures that change their size in mid-stream: faces are told where they lie in the source's size, and judged as they came."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.analysis.analyzer import Analyzer
from mien.analysis.fit import Fit, in_size
from mien.analysis.stream import Analysed, pump
from mien.core.types import RGB, Face, SourceInfo
from mien.sources import resolve
from tests.analysis.parts import ColourModel, plain
from tests.sources.videos import write_sizes

INFO = SourceInfo("a.mkv", "video", 60, 40)
MARKS = np.array([[10, 20]] * 5, np.float32)


@pytest.mark.parametrize(
    ("size", "box", "mark"),
    [
        ((120, 80), (5, 10, 15, 20), (5, 10)),  # twice as large
        ((40, 80), (5 + 20, 10, 15 + 20, 20), (5 + 20, 10)),  # upright: in the middle
        ((30, 10), (20, 40 + 10, 60, 80 + 10), (20, 40 + 10)),  # flat, and smaller
    ],
)
def test_where_a_face_lies(size: tuple[int, int], box: tuple[float, ...], mark: tuple[float, ...]) -> None:
    image = plain(9, 200, 9, size[1], size[0])
    fit = Fit.of(image, INFO)
    assert fit is not None
    face = fit.face(Face((10, 20, 30, 40), 0.5, MARKS))
    assert (face.box_xyxy, face.score) == (box, 0.5)
    assert face.landmarks is not None
    np.testing.assert_allclose(face.landmarks, [mark] * 5)
    shown = in_size(image, INFO)
    assert shown.shape == (40, 60, 3)
    assert shown[20, 30].tolist() == [9, 200, 9]
    share = min(60 / size[0], 40 / size[1]) ** 2 * size[0] * size[1] / (60 * 40)
    assert (shown[..., 1] > 0).mean() == pytest.approx(share)


def test_a_picture_of_the_right_size_stays_itself() -> None:
    image = plain(1, 2, 3)
    assert Fit.of(image, INFO) is None
    assert in_size(image, INFO) is image
    assert in_size(image, SourceInfo("camera:0", "camera")) is image


class MiddleDetector:
    """Finds a face in the middle half of any picture."""

    name = "middle"
    box_framing = (0.0, 0.0, 1.0, 1.0)

    def detect(self, image: RGB, *, moving: bool = False) -> list[Face]:
        high, wide = image.shape[:2]
        return [Face((wide / 2 - high / 4, high / 4, wide / 2 + high / 4, high * 3 / 4), 0.9)]


def test_one_person_stays_one_and_pictures_are_drawn_alike(tmp_path: Path) -> None:
    path = write_sizes(tmp_path / "a.mkv", [(64, 48), (128, 96), (48, 64)], "mjpeg", "yuvj420p")
    analyzer = Analyzer(ColourModel(), MiddleDetector())
    events = [event for event in pump(analyzer, resolve(path)) if isinstance(event, Analysed)]
    assert {event.image.shape for event in events} == {(48, 64, 3)}
    assert {face.track_id for event in events for face in event.result.faces} == {1}
    for event, width in ((events[0], 24), (events[15], 24), (events[25], 24)):
        x1, y1, x2, y2 = event.result.faces[0].face.box_xyxy
        assert ((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1) == pytest.approx((32, 24, width))
    results = analyzer.analyze(path)
    drawn = results.pictures(0, 25)  # type: ignore[misc]
    assert drawn.shape == (48, 64, 3)
