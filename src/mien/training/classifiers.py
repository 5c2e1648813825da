"""The one registry of classical models: scikit-learn's classifiers under the names that the papers give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

from sklearn.base import ClassifierMixin
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from mien.core.errors import OptionError, RecipeError, UnknownNameError
from mien.datasets.options import check_options
from mien.features.local import LocalSVM

Weights = Literal["balanced"] | None
_Maker = TypeVar("_Maker", bound=Callable[..., ClassifierMixin])
CLASSIFIERS: dict[str, Callable[..., ClassifierMixin]] = {}
_CACHE_MB = 1000
_MOST_STEPS = 10_000_000
"""Steps of the solver for one pair of classes, as LIBSVM itself has it; scikit-learn's copy has no end, and a cubic kernel may need one."""
_UNWEIGHTED = ("knn", "local_svm")


def build(name: str, options: Mapping[str, Any], seed: int, balanced: bool, spread: float = 1.0) -> ClassifierMixin:
    """A new classifier of that name, a key of CLASSIFIERS; `balanced` weights class i by N / (n_i · c).

    `spread`: the variances of the training vectors' numbers, summed, which the widths of kernels follow; P for P standardised ones.

    Raises UnknownNameError for a classifier or an option that does not exist, OptionError for a value of another type or out of range,
    RecipeError for weights of a classifier that takes none.
    """
    if name not in CLASSIFIERS:
        raise UnknownNameError("classifier", name, CLASSIFIERS)
    if balanced and name in _UNWEIGHTED:
        raise RecipeError(f'The classifier {name} takes no weights of classes. Set class_weights = "none", or protocol.oversample = true.')
    check_options(name, CLASSIFIERS[name], options)
    made = CLASSIFIERS[name]("balanced" if balanced else None, seed, spread, **options)
    try:
        made._validate_params()  # which fitting does too, after all else is done
    except ValueError as error:
        raise OptionError(f"The classifier {name} refuses {dict(options)}: {error}") from error
    return made


def _register(maker: _Maker) -> _Maker:
    CLASSIFIERS[maker.__name__] = maker
    return maker


@_register
def linear_svm(weights: Weights, seed: int, spread: float, *, C: float = 1.0, max_iter: int = 1000) -> ClassifierMixin:
    """A linear support vector machine, one against the rest, squared hinge loss (liblinear)."""
    return LinearSVC(C=C, class_weight=weights, random_state=seed, max_iter=max_iter, dual="auto")


@_register
def quadratic_svm(weights: Weights, seed: int, spread: float, *, C: float = 1.0) -> ClassifierMixin:
    """A support vector machine with the kernel (γ x·y + 1)²; γ = 1 / `spread`, as in those below."""
    return _svm(weights, C, kernel="poly", degree=2, coef0=1.0, gamma=1 / spread)


@_register
def cubic_svm(weights: Weights, seed: int, spread: float, *, C: float = 1.0) -> ClassifierMixin:
    """A support vector machine with the kernel (γ x·y + 1)³."""
    return _svm(weights, C, kernel="poly", degree=3, coef0=1.0, gamma=1 / spread)


@_register
def medium_gaussian_svm(weights: Weights, seed: int, spread: float, *, C: float = 1.0) -> ClassifierMixin:
    """A support vector machine with the kernel exp(−γ |x − y|²): for P standardised numbers, of the scale √P."""
    return _svm(weights, C, kernel="rbf", gamma=1 / spread)


@_register
def fine_gaussian_svm(weights: Weights, seed: int, spread: float, *, C: float = 1.0) -> ClassifierMixin:
    """The same with the scale √P / 4, that is 16 times its γ."""
    return _svm(weights, C, kernel="rbf", gamma=16 / spread)


@_register
def knn(weights: Weights, seed: int, spread: float, *, neighbours: int = 10) -> ClassifierMixin:
    """The vote of the nearest training rows, in Euclidean distance."""
    return KNeighborsClassifier(neighbours)


@_register
def bagged_trees(weights: Weights, seed: int, spread: float, *, trees: int = 30, leaf: int = 1) -> ClassifierMixin:
    """Decision trees, each on a bootstrap sample of the rows (Breiman, 1996). `leaf`: the least rows in one."""
    return BaggingClassifier(DecisionTreeClassifier(min_samples_leaf=leaf, class_weight=weights), trees, random_state=seed)


@_register
def random_forest(weights: Weights, seed: int, spread: float, *, trees: int = 200, leaf: int = 1) -> ClassifierMixin:
    """The same, each split looking at √P of the P numbers (Breiman, 2001)."""
    return RandomForestClassifier(trees, min_samples_leaf=leaf, class_weight=weights, random_state=seed)


@_register
def logistic_regression(weights: Weights, seed: int, spread: float, *, C: float = 1.0, max_iter: int = 1000) -> ClassifierMixin:
    """Multinomial logistic regression, L2 by 1/C."""
    return LogisticRegression(C=C, class_weight=weights, random_state=seed, max_iter=max_iter)


@_register
def local_svm(weights: Weights, seed: int, spread: float, *, neighbours: int = 200, C: float = 1.0) -> ClassifierMixin:
    """For each row a linear support vector machine on its nearest training rows (`mien.features.local`)."""
    return LocalSVM(neighbours, C)


def _svm(weights: Weights, C: float, **kernel: Any) -> ClassifierMixin:
    return SVC(C=C, class_weight=weights, cache_size=_CACHE_MB, max_iter=_MOST_STEPS, break_ties=True, **kernel)
