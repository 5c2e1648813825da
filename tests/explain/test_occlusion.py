from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.artifact import load_model
from mien.core.errors import OptionError
from mien.explain import explain
from tests.explain.parts import QUARTER, SIDE, Foreign, faces, noise, planted


def test_the_heat_is_where_the_evidence_is(tmp_path: Path) -> None:
    model = planted(tmp_path)
    one = explain(model, np.full((1, SIDE, SIDE), 200, np.uint8), window=2, stride=2, fill=0)[0]
    assert (one.label, one.method, one.n) == ("neutral", "occlusion", 1)
    assert (one.heat[QUARTER] > 0.001).all()
    assert (one.heat[~QUARTER] == 0).all()
    against = explain(model, noise(1), label="happiness", window=2, stride=2, fill=0)[0]
    assert (against.heat[QUARTER] < 0).all()  # without the quarter, happiness would score higher


def test_the_heat_is_the_mean_over_the_squares_that_cover_a_pixel(tmp_path: Path) -> None:
    model, image = planted(tmp_path), noise(1)
    found = explain(model, image, label="neutral", window=5, stride=4, fill=128)[0].heat
    drops, covers = np.zeros((SIDE, SIDE)), np.zeros((SIDE, SIDE))
    for y in (0, 4, 7):
        for x in (0, 4, 7):  # the last square is pushed back to the border
            covered = image.copy()
            covered[:, y : y + 5, x : x + 5] = 128
            drops[y : y + 5, x : x + 5] += (model.predict(image) - model.predict(covered))[0, 0]
            covers[y : y + 5, x : x + 5] += 1
    np.testing.assert_allclose(found, drops / covers, atol=1e-6)


def test_the_mean_of_a_plain_picture_hides_nothing(tmp_path: Path) -> None:
    assert not explain(planted(tmp_path, channels=3), np.full((1, SIDE, SIDE, 3), 90, np.uint8))[0].heat.any()


def test_one_pixel_at_a_time_and_the_whole_at_once(tmp_path: Path) -> None:
    model = planted(tmp_path)
    single = explain(model, noise(1), label="neutral", window=1, fill=0)[0].heat  # 144 squares: more than one batch
    np.testing.assert_array_equal(single != 0, QUARTER)
    whole = explain(model, noise(1), label="neutral", window=SIDE, fill=0)[0]
    np.testing.assert_allclose(whole.heat, whole.score - 1 / 8, atol=1e-6)  # of a black picture all labels are alike


def test_any_model_can_be_asked() -> None:
    picture = np.zeros((20, 30, 3), np.uint8)
    picture[:, :15, 0] = picture[:, 15:, 2] = 200
    left = explain(Foreign(), [picture], label="red", window=6, stride=6, fill=0)[0]
    assert (left.image.shape, left.heat.shape) == ((30, 30, 3), (30, 30))
    assert left.heat[:, :12].min() > 0 > left.heat[:, 18:].max()
    assert [one.label for one in explain(Foreign(), [picture[:, :15], picture[:, 15:]], fill=0)] == ["red", "blue"]
    assert explain(Foreign(), []) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"window": 0}, "1–12 pixels here; received 0"),
        ({"window": 13}, "1–12 pixels here; received 13"),
        ({"window": 4, "stride": 5}, "1–4 pixels, the window"),
        ({"stride": 0}, "1–2 pixels"),
        ({"fill": 256}, "'mean' or a gray value 0–255; received 256"),
        ({"fill": "black"}, "'mean' or a gray value 0–255; received 'black'"),
        ({"window": "4"}, "takes a whole number or null"),
    ],
)
def test_options_out_of_range(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        explain(planted(tmp_path), noise(1), **options)


def test_the_default_model_on_avatars() -> None:
    model = load_model(threads=1)
    found = explain(model, faces()[:3])
    scores = model.predict(faces()[:3])
    assert [one.label for one in found] == [model.labels[i] for i in scores.argmax(axis=1)]
    assert [one.score for one in found] == pytest.approx(scores.max(axis=1).tolist())
    assert all(one.image.shape == one.heat.shape == (48, 48) and one.heat.max() > 0.01 for one in found)
