"""Colours that can be told apart, and figures that are read from numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.color import deltaE_ciede2000, rgb2lab

from mien.core.errors import OutputError
from mien.explain import Explanation, WarpedView, average
from mien.report.explain_colours import AGAINST, FOR, colour_bar, enlarged, overlay, scale_ends, tinted
from mien.report.explain_figures import (
    SMALL,
    FigureFolder,
    averages_figure,
    class_figure,
    enlarged_whole,
    face_figure,
    said_of,
    theta_words,
)
from mien.report.explain_values import ExplainedClass, ExplainedFace
from tests.report.parts import face
from tests.report.test_palette import SIGHTS, encoded, linear

THETA = np.array([[1, -0.5, 0.25], [0, 1, -1]], np.float32)


def explained(label: str = "anger", method: str = "occlusion", seed: int = 0, side: int = 24) -> Explanation:
    rng = np.random.default_rng(seed)
    heat = rng.normal(size=(side, side)).astype(np.float32)
    return Explanation(rng.integers(0, 256, (side, side), np.uint8), heat, label, 0.625, method)


def one_face(*maps: Explanation, views: int = 0, result: bool = False) -> ExplainedFace:
    shown = (WarpedView(np.full((24, 24), 80, np.uint8), THETA),) * views
    return ExplainedFace("face 1", np.full((60, 60, 3), 120, np.uint8), maps, shown, face(label="happiness") if result else None)


def one_class(label: str, n: int = 3, views: int = 0) -> ExplainedClass:
    maps, seen = [explained(label, seed=i) for i in range(n)], one_face(views=views).views
    examples = tuple(ExplainedFace(f"row {i}", np.zeros((24, 24, 3), np.uint8), (one,), seen) for i, one in enumerate(maps))
    return ExplainedClass(label, np.arange(n), 40, (average(maps)[label],), examples, seen)


@pytest.mark.parametrize("sight", SIGHTS)
def test_for_and_against_are_told_apart_and_from_gray(sight: str) -> None:
    gray = ["#2D2D2D", "#808080", "#E1E1E1"]
    seen = [rgb2lab(encoded(np.array(SIGHTS[sight]) @ linear(colour))) for colour in (FOR, AGAINST, *gray)]
    assert deltaE_ciede2000(seen[0], seen[1]) >= 40
    assert min(deltaE_ciede2000(colour, other) for colour in seen[:2] for other in seen[2:]) >= 17


def test_nothing_is_the_face_and_more_is_more_colour() -> None:
    gray = np.full((1, 5), 150.0)
    bar = tinted(gray, np.array([[-1, 0, 0.5, 1, 9]]), 1.0)[0].astype(int)
    assert bar[1].tolist() == [150, 150, 150]
    assert bar[0, 2] > bar[0, 0]
    assert bar[3, 0] > bar[2, 0] > bar[2, 2] > bar[3, 2]
    assert bar[3].tolist() == bar[4].tolist()
    assert (tinted(gray, np.ones((1, 5)), 0.0) == 150).all()


def test_a_face_is_gray_under_its_map() -> None:
    image = np.zeros((12, 12, 3), np.uint8)
    image[..., 0] = 255
    drawn = overlay(image, np.zeros((12, 12), np.float32), 1.0, 36)
    assert drawn.shape == (36, 36, 3)
    assert (drawn == drawn[..., :1]).all()


def test_the_scale_says_its_ends() -> None:
    assert scale_ends(0.3, True) == ("−0.3", "+0.3")
    assert scale_ends(0.00123, False) == ("0", "0.0012")
    signed, plain = colour_bar(True).astype(int), colour_bar(False).astype(int)
    assert signed[0, 0, 2] > signed[0, 0, 0]
    assert plain[0, 0].tolist() == [175] * 3
    assert signed[0, -1].tolist() == plain[0, -1].tolist()


def test_pictures_keep_their_shape() -> None:
    assert enlarged(np.zeros((8, 8), np.uint8), 20).shape == (20, 20, 3)
    wide = enlarged_whole(np.zeros((10, 20, 3), np.uint8), 40)
    assert wide.shape == (40, 40, 3)
    assert wide[20].max() == 0
    assert wide[0].min() == 255


def test_a_figure_grows_with_what_it_shows() -> None:
    alone = face_figure(one_face(explained()), "a.jpg, face 1")
    more = face_figure(one_face(explained(), explained(method="gradcam"), views=2), "a.jpg\n\x00, face 1" * 40)
    assert more.shape[1] > alone.shape[1]
    assert alone.dtype == np.uint8
    assert alone[0].min() == 255
    assert alone.min() < 60


def test_what_is_said_of_a_face() -> None:
    assert said_of(one_face(explained())) == "anger 62%"
    assert said_of(one_face(explained("happiness"), result=True)) == "happiness 90%"
    assert said_of(one_face(explained(), result=True)) == "happiness 90%; shown for anger, 62%"
    assert theta_words(THETA) == "+1.00x −0.50y +0.25\n+0.00x +1.00y −1.00"
    assert theta_words(np.full((2, 3), -0.001, np.float32)) == "+0.00x +0.00y +0.00\n+0.00x +0.00y +0.00"


def test_the_means_stand_side_by_side_and_an_empty_class_is_left_out() -> None:
    two = averages_figure([one_class("anger"), one_class("fear")], "m on d, test", side=200)
    three = averages_figure(
        [one_class("anger"), one_class("fear"), one_class("disgust"), ExplainedClass("x", np.arange(0), 0)], "m", side=200
    )
    assert three.shape[1] > two.shape[1]
    assert three.shape[0] == two.shape[0]
    assert averages_figure([ExplainedClass("x", np.arange(0), 0)], "none").shape[2] == 3
    assert class_figure(one_class("anger", 12), most=4).shape[1] < class_figure(one_class("anger", 12)).shape[1]


def test_each_spatial_transformer_has_a_row_of_views() -> None:
    for n in (0, 1, 2):
        shown = one_class("anger", views=n)
        for figure, faces in ((class_figure(shown), 3), (averages_figure([shown], "m"), 1)):
            of_views = int((figure == 80).all(axis=2).sum())  # the gray of a view, which is rare elsewhere
            assert n * faces * SMALL**2 <= of_views < (n * faces + 0.5) * SMALL**2


def test_a_second_run_replaces_the_first_ones_figures_and_nobody_elses(tmp_path: Path) -> None:
    figure = np.zeros((9, 9, 3), np.uint8)
    Image.fromarray(figure).save(tmp_path / "b-face1.png")
    (tmp_path / "c.npz").write_bytes(b"mine")
    for _ in range(2):
        folder = FigureFolder(tmp_path)
        first = [folder.save(name, figure).name for name in ("a", "a", "b-face1", "c", "x/y")]
        assert first == ["a.png", "a-2.png", "b-face1-2.png", "c-2.png", "x_y.png"]
        arrays = folder.save_arrays(folder.written[0], {"image": figure})
        assert arrays.name == "a.npz"
    with np.load(arrays) as held:
        assert held["image"].shape == (9, 9, 3)
    assert (tmp_path / "c.npz").read_bytes() == b"mine"


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="folder that you may write"):
        FigureFolder(tmp_path / "file" / "out")
