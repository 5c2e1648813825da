from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as reference

from mien.core.errors import InputError, LabelError
from mien.core.labels import LabelSet
from mien.evaluation import metrics

Sample = tuple[np.ndarray, np.ndarray, np.ndarray]


@pytest.fixture(params=[(300, 8), (40, 3), (12, 8)])
def sample(request: pytest.FixtureRequest) -> Sample:
    """Targets, predictions and scores; the last class is absent from the truth, and in the smallest sample others are too."""
    n, classes = request.param
    rng = np.random.default_rng(n)
    scores = rng.dirichlet(np.full(classes, 0.5), n)
    targets = np.where(rng.random(n) < 0.5, scores.argmax(axis=1), rng.integers(0, classes, n)) % (classes - 1)
    return targets, scores.argmax(axis=1), scores


def test_confusion_has_the_truth_in_its_rows(sample: Sample) -> None:
    targets, predicted, scores = sample
    found = metrics.confusion_matrix(targets, predicted, scores.shape[1])
    assert np.array_equal(found, reference.confusion_matrix(targets, predicted, labels=range(scores.shape[1])))
    assert metrics.confusion_matrix(np.array([0]), np.array([2]), 3).tolist() == [[0, 0, 1], [0, 0, 0], [0, 0, 0]]


def test_means_are_over_the_classes_present(sample: Sample) -> None:
    targets, predicted, scores = sample
    confusion = metrics.confusion_matrix(targets, predicted, scores.shape[1])
    present = np.unique(targets)
    macro = reference.f1_score(targets, predicted, labels=present, average="macro", zero_division=0)
    balanced = reference.recall_score(targets, predicted, labels=present, average="macro", zero_division=0)
    assert metrics.accuracy(confusion) == pytest.approx(reference.accuracy_score(targets, predicted), abs=1e-9)
    assert metrics.macro_f1(confusion) == pytest.approx(macro, abs=1e-9)
    assert metrics.balanced_accuracy(confusion) == pytest.approx(balanced, abs=1e-9)


def test_figures_of_each_class(sample: Sample) -> None:
    targets, predicted, scores = sample
    classes = scores.shape[1]
    rows = metrics.per_class(metrics.confusion_matrix(targets, predicted, classes), LabelSet("letters", tuple("abcdefgh"[:classes])))
    expected = reference.precision_recall_fscore_support(targets, predicted, labels=range(classes), zero_division=0)
    found = np.array([(r.precision, r.recall, r.f1, r.support) for r in rows]).T
    assert np.abs(found - np.array(expected)).max() <= 1e-9
    assert [r.label for r in rows] == list("abcdefgh"[:classes])


def test_losses(sample: Sample) -> None:
    targets, _, scores = sample
    one_hot = np.eye(scores.shape[1])[targets]
    assert metrics.log_loss(scores, targets) == pytest.approx(reference.log_loss(targets, scores, labels=range(scores.shape[1])), abs=1e-9)
    assert metrics.brier(scores, targets) == pytest.approx(((scores - one_hot) ** 2).sum(axis=1).mean(), abs=1e-9)


def test_a_score_of_zero_for_the_truth_costs_a_finite_loss() -> None:
    scores = np.array([[1.0, 0.0]], np.float32)
    assert metrics.log_loss(scores, np.array([1])) == pytest.approx(-np.log(np.finfo(np.float32).eps))
    assert metrics.brier(scores, np.array([1])) == 2


def test_stacks_of_matrices_give_a_row_of_figures(sample: Sample) -> None:
    targets, predicted, scores = sample
    confusion = metrics.confusion_matrix(targets, predicted, scores.shape[1])
    for figure in (metrics.accuracy, metrics.macro_f1, metrics.balanced_accuracy):
        assert np.allclose(figure(np.stack([confusion, confusion])), figure(confusion))


def test_bad_columns_are_refused() -> None:
    with pytest.raises(InputError, match="one length"):
        metrics.confusion_matrix(np.zeros(3, int), np.zeros(2, int), 2)
    with pytest.raises(LabelError, match="Predictions reach from 0 to 2"):
        metrics.confusion_matrix(np.zeros(2, int), np.array([0, 2]), 2)
    with pytest.raises(LabelError, match="Targets reach from -1"):
        metrics.confusion_matrix(np.array([-1, 0]), np.zeros(2, int), 2)


def test_losses_are_those_of_scikit_learn(sample: Sample) -> None:
    targets, _, scores = sample
    expected = reference.brier_score_loss(targets, scores, labels=range(scores.shape[1]), scale_by_half=False)
    assert metrics.brier(scores, targets) == pytest.approx(expected, abs=1e-9)


def test_divergence_from_votes_is_that_of_scipy(sample: Sample) -> None:
    _, _, scores = sample
    votes = np.random.default_rng(0).multinomial(10, np.full(scores.shape[1], 1 / scores.shape[1]), len(scores)) / 10
    scores = 0.9 * scores + 0.1 / scores.shape[1]
    assert metrics.kl_divergence(votes, scores) == pytest.approx(stats.entropy(votes, scores, axis=1).mean(), abs=1e-9)
    assert metrics.kl_divergence(scores, scores) == 0
    assert metrics.kl_divergence(np.array([[0.0, 1.0]]), np.array([[1.0, 0.0]])) == pytest.approx(-np.log(np.finfo(float).eps))


def test_a_further_column_counts_images_without_an_answer(sample: Sample) -> None:
    """They are as wrong as if they had been called a class of their own that no image has."""
    targets, predicted, scores = sample
    classes = scores.shape[1]
    answers = np.where(np.arange(len(targets)) % 4 == 0, classes, predicted)
    confusion = metrics.confusion_matrix(targets, answers, classes + 1)[:classes]
    expected = reference.precision_recall_fscore_support(targets, answers, labels=range(classes), zero_division=0)
    for figure, values in zip((metrics.precision, metrics.recall, metrics.f1), expected, strict=False):
        assert np.abs(figure(confusion) - values).max() <= 1e-9
    assert metrics.accuracy(confusion) == pytest.approx(reference.accuracy_score(targets, answers), abs=1e-9)
