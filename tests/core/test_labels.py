"""Label sets keep their order, and scores are carried between them as documented."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core.errors import LabelError, UnknownNameError
from mien.core.labels import CKPLUS7, FER6, FER7, FER8, LABEL_SETS, VALENCE3, LabelSet, label_set

SCORES = np.array([0.1, 0.2, 0.05, 0.15, 0.1, 0.1, 0.1, 0.2], np.float32)


def test_the_order_is_that_of_fer_plus() -> None:
    assert tuple(FER8) == ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
    assert FER7.names == FER8.names[:7]
    assert FER6.names == ("neutral", "happiness", "surprise", "sadness", "anger", "fear")
    assert VALENCE3.names == ("negative", "neutral", "positive")
    assert CKPLUS7.names == FER8.names[1:]


def test_columns() -> None:
    assert [FER8.index(name) for name in FER8] == list(range(len(FER8)))
    assert FER8[3] == "sadness"
    with pytest.raises(UnknownNameError, match="Did you mean happiness"):
        FER8.index("hapiness")


@pytest.mark.parametrize("names", [(), ("a", "a")])
def test_names_are_distinct(names: tuple[str, ...]) -> None:
    with pytest.raises(LabelError, match="needs distinct names"):
        LabelSet("bad", names)


def test_projections() -> None:
    np.testing.assert_allclose(FER8.project(SCORES, FER7), SCORES[:7] / 0.8, rtol=1e-6)
    # Surprise and contempt have no place among the three: anger + disgust + fear + sadness, neutral, happiness.
    np.testing.assert_allclose(FER8.project(SCORES, VALENCE3), np.array([0.45, 0.1, 0.2]) / 0.75, rtol=1e-6)
    assert FER8.project(SCORES.astype(np.float64), FER8).dtype == np.float32


def test_projection_keeps_the_shape_and_sums_to_one() -> None:
    scores = np.random.default_rng(0).dirichlet(np.ones(8), (3, 5))
    out = FER8.project(scores, FER6)
    assert out.shape == (3, 5, 6)
    np.testing.assert_allclose(out.sum(-1), 1, rtol=1e-5)


def test_a_row_of_dropped_names_becomes_uniform() -> None:
    contempt = np.eye(8, dtype=np.float32)[7]
    np.testing.assert_allclose(FER8.project(contempt, FER7), np.full(7, 1 / 7), rtol=1e-6)


def test_what_nothing_stands_for() -> None:
    with pytest.raises(LabelError, match="nothing stands for contempt"):
        FER7.projection(FER8)


def test_by_name() -> None:
    assert all(label_set(name) is known for name, known in LABEL_SETS.items())
    assert label_set(FER7) is FER7
    assert label_set(list(FER7.names)) is FER7
    assert label_set(["yes", "no"]) == LabelSet("custom", ("yes", "no"))
    with pytest.raises(UnknownNameError, match=r"Did you mean .*fer8"):
        label_set("fer9")
