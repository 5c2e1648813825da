"""Drawn faces: inside the picture, legible on any ground, small faces by name alone, crowds without hidden faces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.labels import FER8
from mien.core.types import RGB, FaceResult
from mien.report.draw import annotate, percent
from mien.report.layout import Layout, Rect, around, beside
from mien.report.palette import colours, rgb
from mien.report.thumbs import face_crop, scene
from tests.report.parts import face, gray


def changed(before: RGB, after: RGB) -> Rect:
    """Left, top, right, bottom of what differs."""
    ys, xs = np.nonzero((before != after).any(axis=2))
    return int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1


def has(image: RGB, colour: tuple[int, int, int]) -> bool:
    return bool(np.logical_and.reduce([image[..., i] == colour[i] for i in range(3)]).any())


def test_it_copies_and_keeps_the_size(portrait: RGB) -> None:
    before = portrait.copy()
    drawn = annotate(portrait, [face((170, 70, 290, 225))])
    assert drawn.shape == portrait.shape
    assert drawn.dtype == np.uint8
    assert drawn.flags.writeable
    assert (portrait == before).all()
    assert (annotate(portrait, []) == portrait).all()


@pytest.mark.parametrize("level", [0, 128, 255])
def test_box_and_text_stand_out_on_any_ground(level: int) -> None:
    ground = gray(300, 400, level)
    drawn = annotate(ground, [face((120, 90, 220, 210), label="happiness")])
    assert has(drawn, rgb(colours(FER8)["happiness"]))
    plate = drawn[78:88, 125:170]
    assert plate.max() >= 230
    assert np.median(plate) <= 80


def test_the_colour_is_that_of_the_label() -> None:
    for name, colour in colours(FER8).items():
        assert has(annotate(gray(), [face(label=name)]), rgb(colour))


def test_a_small_face_has_its_name_alone() -> None:
    ground = gray(400, 400)
    left, top, right, bottom = changed(ground, annotate(ground, [face((200, 200, 240, 250))]))
    assert (left, bottom) == (200, 250)
    assert top >= 200 - 20
    assert right <= 240 + 60


def test_a_large_face_has_a_bar_for_every_score() -> None:
    ground = gray(400, 500)
    found = face((100, 100, 220, 260))
    drawn = annotate(ground, [found])
    shares = dict(zip(FER8, found.prediction.scores.tolist(), strict=True))
    assert all(has(drawn[100:260, 226:], rgb(colours(FER8)[name])) for name, share in shares.items() if share > 0.05)
    assert sum(share > 0.05 for share in shares.values()) >= 5
    assert (annotate(ground, [found], words=False)[:, 226:] == ground[:, 226:]).all()


def test_a_face_that_fills_the_picture_still_has_its_chart() -> None:
    ground = gray(350, 350)
    drawn = annotate(ground, [face((5, 5, 345, 345), label="sadness", share=0.5)])
    assert has(drawn[20:-20, 20:-20], rgb(colours(FER8)["sadness"]))


def test_abstaining_and_tracks_change_the_words() -> None:
    pictures = [annotate(gray(), [f]) for f in (face(), face(abstained=True), face(track=3), face(track=4))]
    assert len({picture.tobytes() for picture in pictures}) == 4


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (20, 20), (64, 64), (8, 900), (900, 8)])
def test_any_size_of_picture(size: tuple[int, int]) -> None:
    height, width = size
    drawn = annotate(gray(height, width), [face((-5, -5, width + 5, height + 5)), face((0, 0, 1, 1))])
    assert drawn.shape == (height, width, 3)


@pytest.mark.parametrize(
    "box", [(-50, -50, 20, 20), (150, 100, 300, 300), (500, 500, 600, 600), (-90, -90, -10, -10), (3.2, 3.2, 3.4, 3.4)]
)
def test_boxes_over_or_beyond_the_border(box: tuple[float, float, float, float]) -> None:
    assert annotate(gray(), [face(box)]).shape == (120, 160, 3)


def crowd(count: int = 50) -> list[FaceResult]:
    spots = np.random.default_rng(3)
    found = []
    for number in range(count):
        size = float(spots.integers(60, 100))
        x, y = 20 + number % 10 * 188 + spots.integers(0, 40), 40 + number // 10 * 205 + spots.integers(0, 40)
        found.append(face((x, y, x + size, y + size * 1.2), number, label=FER8[number % 8]))
    return found


def test_fifty_faces_do_not_hide_each_other() -> None:
    ground = gray(1080, 1920)
    drawn = annotate(ground, crowd())
    covered = []
    for found in crowd():
        x1, y1, x2, y2 = (round(v) for v in found.face.box_xyxy)
        inside = (slice(y1 + 6, y2 - 6), slice(x1 + 6, x2 - 6))
        covered.append(float((drawn[inside] != ground[inside]).any(axis=2).mean()))
    assert max(covered) <= 0.05
    assert all(has(drawn, rgb(colour)) for colour in colours(FER8).values())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 200), st.integers(1, 200), st.integers(1, 200)), min_size=1, max_size=8))
def test_plates_stay_inside_the_picture(boxes: list[tuple[int, int, int, int]]) -> None:
    faces = [(x, y, min(x + w, 320), min(y + h, 240)) for x, y, w, h in boxes if x < 320 and y < 240]
    layout = Layout((320, 240), faces)
    for number, box in enumerate(faces):
        for choices in (around(box, (80, 16), 0), beside(box, (90, 100), 3)):
            found = layout.best(number, choices)
            assert found is not None
            left, top, right, bottom = found[1]
            assert 0 <= left < right <= 320
            assert 0 <= top < bottom <= 240
            layout.plates.append(found[1])


def test_what_does_not_fit_has_no_place() -> None:
    assert Layout((50, 50), [(0, 0, 10, 10)]).best(0, around((0, 0, 10, 10), (51, 10), 0)) is None


@pytest.mark.parametrize(
    ("share", "words"), [(0, "0%"), (0.001, "<1%"), (0.005, "0%"), (0.5, "50%"), (0.994, "99%"), (0.996, ">99%"), (1, ">99%")]
)
def test_percent_never_claims_certainty(share: float, words: str) -> None:
    assert percent(share) == words


def test_a_scene_is_small_and_a_crop_is_square_inside(portrait: RGB) -> None:
    drawn = scene(portrait, [face((170, 70, 290, 225))], 128)
    assert drawn.shape == (128, 128, 3)
    crop = face_crop(portrait, face((170, 70, 290, 225)).face, 64)
    assert crop.shape == (64, 64, 3)
    for box in [(-100, -100, -50, -50), (600, 600, 700, 700), (0, 0, 1, 1), (500, 0, 520, 30)]:
        cut = face_crop(portrait, face(box).face, 64)
        assert 0 < min(cut.shape[:2]) <= max(cut.shape[:2]) <= 64
