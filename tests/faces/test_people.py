"""People known again by their looks, on painted figures whose colours are known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mien.core.types import RGB, Face
from mien.faces.look import View, views
from mien.faces.people import RECALL_S
from mien.faces.track import MEMORY_S, Tracker

STEP_S = 1 / 25
WALL = (120, 130, 140)
ANN, BEN, CEM = ((90, 60, 40), (230, 200, 180), (160, 40, 40)), ((20, 20, 20), (150, 105, 80), (40, 60, 160)), ((200, 170, 110),) * 3
Person = tuple[tuple[int, int, int], ...]


def painted(*people: tuple[Person, float, float]) -> tuple[RGB, list[Face]]:
    """People at x, with faces of that size, the later the nearer: the picture, and their faces in the same order."""
    image = np.full((360, 640, 3), WALL, np.uint8)
    faces = []
    for (hair, skin, shirt), x, size in people:
        left, top, right, bottom = x - 0.4 * size, 150 - size / 2, x + 0.4 * size, 150 + size / 2
        cv2.rectangle(image, (int(x - size), int(bottom)), (int(x + size), 359), shirt, -1)
        cv2.rectangle(image, (int(left), int(top - 0.3 * size)), (int(right), int(bottom)), hair, -1)
        cv2.rectangle(image, (int(left + 4), int(top + 4)), (int(right - 4), int(bottom)), skin, -1)
        faces.append(Face((left, top, right, bottom), 0.9))
    noise = np.random.default_rng(len(people)).normal(0, 2, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8), faces


class Show:
    """Pictures one after another before a tracker."""

    def __init__(self, step_s: float = STEP_S) -> None:
        self.tracker, self.time_s, self.step_s = Tracker(), 0.0, step_s

    def __call__(self, *people: tuple[Person, float, float], frames: int = 1) -> list[int]:
        image, faces = painted(*people)
        for _ in range(frames):
            self.time_s += self.step_s
            ids = self.tracker.update(faces, self.time_s, views(image, faces))
        return ids


@pytest.mark.parametrize("away_s", [1.5 * MEMORY_S, 5.0])
def test_who_comes_back_elsewhere_has_the_old_id(away_s: float) -> None:
    show = Show()
    assert show((ANN, 100, 60), (BEN, 400, 60), frames=20) == [1, 2]
    assert show((BEN, 400, 60), frames=round(away_s / STEP_S)) == [2]
    assert show((BEN, 400, 60), (ANN, 550, 60)) == [2, 1]


def test_a_stranger_has_a_new_id() -> None:
    show = Show()
    show((ANN, 100, 60), (BEN, 400, 60), frames=20)
    show((BEN, 400, 60), frames=40)
    assert show((BEN, 400, 60), (CEM, 100, 60), frames=10) == [2, 3]


def test_who_was_away_for_too_long_is_forgotten() -> None:
    show = Show()
    show((ANN, 100, 60), frames=20)
    show(frames=round((RECALL_S + MEMORY_S) / STEP_S) + 2)
    assert show((ANN, 100, 60), frames=10) == [2]


def test_who_was_exchanged_is_put_right() -> None:
    """Both are gone for a moment, and come out with each other's places."""
    show = Show()
    assert show((ANN, 250, 60), (BEN, 340, 60), frames=20) == [1, 2]
    show(frames=10)
    assert show((BEN, 250, 60), (ANN, 340, 60), frames=3) == [2, 1]


def test_people_who_look_alike_keep_their_places() -> None:
    show = Show()
    assert show((ANN, 100, 60), (ANN, 300, 60), (ANN, 500, 60), frames=20) == [1, 2, 3]
    show((ANN, 100, 60), (ANN, 500, 60), frames=10)
    assert show((ANN, 100, 60), (ANN, 300, 60), (ANN, 500, 60), frames=10) == [1, 2, 3]


def test_between_two_who_look_alike_nobody_is_recalled() -> None:
    show = Show()
    assert show((ANN, 100, 60), (ANN, 500, 60), frames=20) == [1, 2]
    show(frames=40)
    assert show((ANN, 300, 60), frames=10) == [3]


def test_one_who_takes_anothers_place_after_a_gap_is_new() -> None:
    show = Show()
    assert show((ANN, 300, 60), frames=20) == [1]
    show(frames=10)
    assert show((CEM, 300, 60), frames=20) == [2]


@pytest.mark.parametrize("step_s", [STEP_S, 0.2, 1.0])
def test_a_look_that_changes_before_the_eyes_keeps_its_id(step_s: float) -> None:
    """The light goes on."""
    show = Show(step_s)
    assert show((ANN, 300, 60), frames=20) == [1]
    assert show((CEM, 300, 60), frames=60) == [1]


def test_what_a_nearer_one_hides_does_not_tell() -> None:
    image, faces = painted((ANN, 300, 50), (BEN, 345, 90))
    back, front = views(image, faces)
    assert front.free.all()
    assert not back.free[2]
    assert not views(image, [Face((300.0, 340.0, 340.0, 380.0), 0.9)])[0].free[2]  # clothes below the border


def test_a_view_is_kept_as_text_without_loss() -> None:
    for view in views(*painted((ANN, 300, 50), (BEN, 345, 90))):
        again = View.of(view.text)
        np.testing.assert_array_equal(again.look, view.look)
        np.testing.assert_array_equal(again.free, view.free)
        np.testing.assert_allclose(np.linalg.norm(view.look, axis=1), 1, atol=1e-3)
