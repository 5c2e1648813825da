from __future__ import annotations

import numpy as np
import pytest

from mien.core.errors import InputError
from mien.explain import Explanation, average


def one(gray: int, heat: list[list[float]], label: str = "anger", score: float = 0.5, method: str = "occlusion", n: int = 1) -> Explanation:
    side = len(heat)
    return Explanation(np.full((side, side), gray, np.uint8), np.array(heat, np.float32), label, score, method, n)


@pytest.mark.parametrize(
    ("image", "heat"),
    [
        (np.zeros((4, 4)), np.zeros((4, 4), np.float32)),
        (np.zeros((4, 4), np.uint8), np.zeros((4, 4))),
        (np.zeros((4, 4), np.uint8), np.zeros((5, 5), np.float32)),
        (np.zeros((4, 5), np.uint8), np.zeros((4, 5), np.float32)),
        (np.zeros((4, 4, 2), np.uint8), np.zeros((4, 4), np.float32)),
    ],
)
def test_an_explanation_is_a_square_picture_and_its_heat(image: np.ndarray, heat: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"image uint8 \(S, S\) or \(S, S, 3\)"):
        Explanation(image, heat, "anger", 0.5, "occlusion")


def test_a_heat_is_finite() -> None:
    with pytest.raises(InputError, match="received 1 pixels that are not"):
        one(0, [[0, np.nan], [0, 0]])


def test_nothing_has_no_average() -> None:
    assert average([]) == {}


def test_no_face_outweighs_the_others() -> None:
    means = average([one(10, [[4, 0], [0, -2]], score=0.4), one(21, [[0, 0], [0, 0.1]], score=0.8), one(0, [[0, 0], [0, 0]], "fear")])
    assert list(means) == ["anger", "fear"]
    anger = means["anger"]
    np.testing.assert_allclose(anger.heat, [[0.5, 0], [0, 0.25]])
    assert (anger.image[0, 0], anger.n, anger.method) == (16, 2, "occlusion")
    assert anger.score == pytest.approx(0.6)
    assert (means["fear"].heat == 0).all()


def test_averages_of_averages_count_their_faces() -> None:
    first = average([one(0, [[1]]), one(30, [[1]])])["anger"]
    assert average([first, one(60, [[-1]])])["anger"].heat == pytest.approx(1 / 3)
    assert average([first, one(60, [[-1]])])["anger"].n == 3


@pytest.mark.parametrize("other", [one(0, [[1]], method="saliency"), one(0, [[1, 0], [0, 0]])])
def test_a_mean_is_over_one_method_and_one_size(other: Explanation) -> None:
    with pytest.raises(InputError, match="Average them apart"):
        average([one(0, [[1]]), other])
