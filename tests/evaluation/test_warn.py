from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from mien.datasets import SplitOrigin
from mien.evaluation.run import evaluate, judge
from tests.evaluation.parts import FirstPixel, people, with_validation


@dataclass(frozen=True)
class Card:
    selection: str = "validation"
    origin: SplitOrigin = field(default_factory=SplitOrigin)
    recipe: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Carded(FirstPixel):
    card: Card = field(default_factory=Card)


def test_honest_figures_have_no_warning() -> None:
    assert evaluate(Carded(), people(), "test").warnings == ()


def test_the_leak_of_a_protocol_is_told() -> None:
    leaky = replace(people(), origin=SplitOrigin("random", sha256="ab" * 32, leaks="Subjects stand on both sides."))
    assert evaluate(FirstPixel(), leaky, "test").warnings == ("The protocol random leaks: Subjects stand on both sides.",)


def test_a_split_that_the_model_was_picked_on_is_told() -> None:
    data = with_validation(people())
    (found,) = evaluate(Carded(), data, "validation").warnings
    assert "selected on validation" in found
    (found,) = evaluate(Carded(card=Card("test (figures on test are not held out)")), data, "test").warnings
    assert "selected on test (figures" in found


def test_a_model_of_another_protocol_is_told() -> None:
    origin = SplitOrigin("subject_folds", "2 of 5", "ab" * 32)
    divided = replace(people(), origin=origin)
    (found,) = evaluate(Carded(), divided, "test").warnings
    assert "trained under the protocol official, and this split is of subject_folds 2 of 5 (abababababab)" in found
    assert evaluate(Carded(card=Card(origin=origin)), divided, "test").warnings == ()


def test_a_model_of_other_data_is_not_suspected() -> None:
    data = with_validation(replace(people(), origin=SplitOrigin("subject_folds", "2 of 5", "ab" * 32)))
    elsewhere, here = (Card(recipe={"targets": {"fer7": {"dataset": name}}}) for name in ("others", data.name))
    assert evaluate(Carded(card=elsewhere), data, "validation").warnings == ()
    assert len(evaluate(Carded(card=here), data, "validation").warnings) == 2


def test_ferplus_shows_the_pictures_of_fer2013() -> None:
    data = replace(people(), name="fer2013")
    card = Card(selection="validation and test", recipe={"targets": {"fer8": {"dataset": "ferplus"}}})
    (found,) = evaluate(Carded(card=card), data, "test").warnings
    assert "selected on validation and test" in found


def test_the_published_split_is_one_with_or_without_its_hash() -> None:
    card = Card(origin=SplitOrigin("official", sha256="cd" * 32))
    assert evaluate(Carded(card=card), people(), "test").warnings == ()


def test_training_rows_are_told() -> None:
    (found,) = evaluate(FirstPixel(), people(), "train").warnings
    assert "training rows" in found


def test_classes_without_an_image_are_told() -> None:
    data = people()
    (found,) = evaluate(FirstPixel(), replace(data, targets=np.where(data.targets > 4, -1, data.targets)), "test").warnings
    assert "No image shows disgust, fear" in found


def test_missing_answers_are_told() -> None:
    data = people()
    scores = FirstPixel().predict(data.subset("test").images)
    (found,) = judge(scores, data, "test", missing=np.arange(105) < 4).warnings
    assert "4 of 105 images got no answer" in found


def test_few_groups_and_unknown_ones_are_told() -> None:
    data = people()
    assert evaluate(FirstPixel(), data, "test", groups="subjects").warnings[0].startswith("Only 5 groups of images are independent")
    named = replace(data, subjects=np.where(np.arange(210) % 2 == 0, "", data.subjects))
    (found,) = evaluate(FirstPixel(), named, "test", groups="subjects").warnings
    assert found.startswith("52 of 105 images have no known group among the subjects")
