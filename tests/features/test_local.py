from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import make_moons
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import check_estimator

from mien.core.errors import OptionError
from mien.features.local import LocalSVM


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_takes_it_as_its_own() -> None:
    check_estimator(LocalSVM(neighbours=20))


def test_local_lines_follow_a_curve_that_one_line_cannot() -> None:
    (x, y), (held, truth) = (make_moons(400, noise=0.1, random_state=seed) for seed in (0, 1))
    local = LocalSVM(30).fit(x, y).score(held, truth)
    assert local > 0.98
    assert local > LinearSVC().fit(x, y).score(held, truth) + 0.08


def test_a_class_without_a_neighbour_stands_last() -> None:
    x = np.array([[0.0], [0.1], [1.0], [1.1], [9.0], [9.1]])
    scores = LocalSVM(4).fit(x, [0, 0, 1, 1, 2, 2]).decision_function([[0.05], [9.05]])
    assert scores.argmax(axis=1).tolist() == [0, 2]
    assert scores[0].argmin() == 2
    alone = LocalSVM(2).fit(x, [0, 0, 1, 1, 2, 2]).decision_function([[0.05]])[0]
    assert alone.tolist() == [1, -1, -1]


def test_parameters_out_of_range_are_told() -> None:
    with pytest.raises(OptionError, match="neighbours is 2 or more; received 1"):
        LocalSVM(1).fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(OptionError, match="C is above 0"):
        LocalSVM(C=0).fit([[0.0], [1.0]], [0, 1])
