"""Where the evidence lies: regions that hold what they are called after."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from mien.core.errors import UnknownNameError
from mien.explain import METHODS, Explanation
from mien.faces.align import FER2013_LANDMARKS
from mien.preprocess import FRAMINGS
from mien.report.explain_values import FAINT, REGIONS, WAYS, captions, flat_shares, limit_of, mass, strongest


def spot(x: float, y: float, side: int = 48) -> np.ndarray:
    """A heat of one pixel at that place of the crop."""
    heat = np.zeros((side, side), np.float32)
    heat[int(y * side), int(x * side)] = 2
    return heat


def explanation(heat: np.ndarray, method: str = "occlusion", label: str = "anger") -> Explanation:
    return Explanation(np.full(heat.shape, 90, np.uint8), heat.astype(np.float32), label, 0.5, method)


def test_every_method_has_words() -> None:
    assert set(WAYS) == set(METHODS)
    signed = {name for name, method in METHODS.items() if "≥ 0" not in inspect.getdoc(method.function).splitlines()[0]}
    assert {name for name, way in WAYS.items() if way.signed} == signed - {"stn"}


@pytest.mark.parametrize(
    ("place", "region"),
    [
        *((tuple(eye), "brows and eyes") for eye in FER2013_LANDMARKS[:2].tolist()),
        (tuple(FER2013_LANDMARKS[2].tolist()), "nose and cheeks"),
        *((tuple(corner), "mouth and chin") for corner in FER2013_LANDMARKS[3:].tolist()),
        ((0.5, 0.25), "brows and eyes"),
        ((0.5, 0.95), "mouth and chin"),
        ((0.03, 0.03), "around the face"),
        ((0.97, 0.9), "around the face"),
    ],
)
def test_the_landmarks_lie_in_their_regions(place: tuple[float, float], region: str) -> None:
    found = mass(spot(*place))
    assert found.regions is not None
    assert found.regions[region] == 1
    assert strongest(found, 48) == region


@pytest.mark.parametrize(
    ("place", "region"), [((0.25, 0.34), "brows and eyes"), ((0.75, 0.34), "brows and eyes"), ((0.5, 0.65), "mouth and chin")]
)
def test_the_geometric_framing_has_its_own_places(place: tuple[float, float], region: str) -> None:
    assert mass(spot(*place), "geometric").regions[region] == 1  # type: ignore[index]


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("side", [1, 12, 48, 224])
def test_regions_share_out_the_whole(framing: str, side: int) -> None:
    assert sum(flat_shares(side, framing).values()) == pytest.approx(1)
    found = mass(np.ones((side, side), np.float32), framing)
    assert found.regions == pytest.approx(flat_shares(side, framing))
    assert found.centre_xy == pytest.approx((0.5, 0.5))


def test_only_what_speaks_for_the_label_is_placed() -> None:
    found = mass(spot(0.5, 0.9) - 3 * spot(0.3, 0.3))
    assert found.speaks_for == pytest.approx(0.25)
    assert found.regions == {**dict.fromkeys(REGIONS, 0.0), "mouth and chin": 1.0}
    assert found.to_dict()["regions"]["mouth_and_chin"] == 1
    assert found.to_dict()["centre"] == pytest.approx([0.510417, 0.90625], abs=1e-5)


def test_nothing_for_it_has_no_place() -> None:
    for heat in (np.zeros((9, 9), np.float32), -np.ones((9, 9), np.float32)):
        found = mass(heat)
        assert found.to_dict() == {"speaks_for": 0.0, "centre": None, "regions": None}
        assert strongest(found, 9) == "–"


def test_what_is_alike_everywhere_is_on_no_part_most() -> None:
    heat = np.ones((48, 48), np.float32)
    assert strongest(mass(heat), 48) == "–"
    heat[36:] += 0.1
    assert strongest(mass(heat), 48) == "mouth and chin"


def test_an_unknown_framing_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="geometric"):
        mass(np.ones((9, 9), np.float32), "geometrical")


def test_one_pixel_does_not_set_the_scale_and_the_only_one_does() -> None:
    heat = np.full((48, 48), 0.5, np.float32)
    heat[0, 0] = 80
    assert limit_of([heat]) == pytest.approx(0.5)
    assert limit_of([spot(0.5, 0.5)]) == 2
    assert limit_of([np.zeros((9, 9), np.float32)]) == 0


def test_a_map_says_when_nothing_in_it_counts() -> None:
    assert captions(explanation(spot(0.5, 0.5))) == ("for anger, 50%",)
    weak = captions(explanation(spot(0.5, 0.5) * FAINT / 4))
    assert weak[1] == "no place changes the score by a point"
    assert len(captions(explanation(spot(0.5, 0.5) * FAINT / 4, "saliency"))) == 1
    assert captions(explanation(spot(0.5, 0.5), "stn")) == ("the same for every label",)
