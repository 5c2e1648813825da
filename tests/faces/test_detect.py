"""The registry, its options, and the contract that every detector by name keeps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.core.errors import InputError, OptionError, UnknownNameError
from mien.faces import DETECTORS, make_detector

ALONE = sorted(set(DETECTORS) - {"yunet"})  # yunet's weights are not inside


def test_an_unknown_detector_names_the_near_ones() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean centerface"):
        make_detector("centreface")


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_an_unknown_option_names_the_allowed(name: str) -> None:
    with pytest.raises(UnknownNameError, match=f"option of the detector {name} 'colour'.*Known: "):
        make_detector(name, colour="red")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("centerface", {"threshold": 0.0}),
        ("centerface", {"threshold": 1.5}),
        ("centerface", {"input_size": 300}),
        ("centerface", {"input_size": 32}),
        ("centerface", {"input_size": 320.0}),
        ("yunet", {"threshold": -1}),
        ("yunet", {"input_size": 5000}),
        ("cascade", {"min_face": 0.0}),
    ],
)
def test_an_option_out_of_range_is_refused(name: str, options: dict[str, Any]) -> None:
    option = next(iter(options))
    with pytest.raises(OptionError, match=f"^{option} is .*received"):
        make_detector(name, **options)


@pytest.mark.parametrize("name", ALONE)
def test_a_detector_says_who_it_is_and_where_its_box_lies(name: str) -> None:
    detector = make_detector(name)
    left, top, right, bottom = detector.box_framing
    assert detector.name == name
    assert left < right
    assert top < bottom


@pytest.mark.parametrize("name", ALONE)
@pytest.mark.parametrize("moving", [False, True])
def test_one_face_in_the_portrait(name: str, moving: bool, portrait: NDArray[np.uint8]) -> None:
    faces = make_detector(name).detect(portrait, moving=moving)
    assert len(faces) == 1
    assert 0.0 < faces[0].score <= 1.0


@pytest.mark.parametrize("name", ALONE)
@pytest.mark.parametrize(
    "image",
    [
        np.zeros((40, 40), np.uint8),
        np.zeros((40, 40, 4), np.uint8),
        np.zeros((40, 40, 3), np.float32),
        np.zeros((0, 40, 3), np.uint8),
    ],
    ids=["gray", "alpha", "float", "empty"],
)
def test_another_kind_of_array_is_refused(name: str, image: NDArray[Any]) -> None:
    with pytest.raises(InputError, match="uint8 array of shape"):
        make_detector(name).detect(image)


@pytest.mark.parametrize("name", ["centerface", "cascade"])
@pytest.mark.parametrize("shape", [(1, 1), (5, 4000), (4000, 5), (16, 16), (720, 1280)])
@pytest.mark.parametrize("moving", [False, True])
def test_no_face_in_an_empty_picture(name: str, shape: tuple[int, int], moving: bool) -> None:
    assert make_detector(name).detect(np.full((*shape, 3), 90, np.uint8), moving=moving) == []
