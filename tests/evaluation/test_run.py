from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import softmax

import mien
from mien.core.calibration import Calibration
from mien.core.errors import DatasetAbsentError, DatasetError, InputError, LabelError, OptionError, UnknownNameError
from mien.core.labels import FER6, FER7, FER8, label_set
from mien.datasets import Dataset, SplitOrigin
from mien.evaluation.calibration import expected_calibration_error
from mien.evaluation.run import evaluate, judge, predict_all
from tests.evaluation.parts import FirstPixel, people, with_validation


@dataclass(frozen=True)
class Tempered(FirstPixel):
    """A first pixel whose logits are divided by `temperature`."""

    temperature: float = 1.0

    def predict(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        return softmax(np.log(super().predict(crops)) / self.temperature, axis=1)


@dataclass(frozen=True)
class Telling(Tempered):
    """The same, and it can take its calibration back."""

    def uncalibrated(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        return Calibration(self.temperature).undone(scores)


@dataclass(frozen=True)
class Wide(FirstPixel):
    """Gives a column too many."""

    def predict(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.pad(super().predict(crops), ((0, 0), (0, 1)))


def data() -> Dataset:
    """Forty test images, of which every fourth is a twin of a training image; the model errs on odd ids that are no twins."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (80, 4, 4), np.uint8)
    images[40::4] = images[0:40:4]
    ids = np.arange(80)
    targets = images[:, 0, 0].astype(np.int64) % 7
    wrong = (ids % 2 == 1) & (ids >= 40)
    split = np.where(ids < 40, "train", "test")
    return Dataset("forty", FER7, images, np.where(wrong, (targets + 1) % 7, targets), split, ids)


def test_the_clean_figures_leave_out_what_training_has_seen() -> None:
    found = evaluate(FirstPixel(), data(), "private", batch=7)
    assert (found.dataset, found.split, found.overall.n) == ("forty", "test", 40)
    assert found.overall.accuracy == pytest.approx(0.5)
    assert found.clean is not None
    assert (found.clean.n, found.clean.accuracy) == (30, pytest.approx(1 / 3))
    plain = json.loads(json.dumps(found.to_dict()))
    assert (plain["dataset"], plain["split"], plain["overall"]["n"], plain["clean"]["n"]) == ("forty", "test", 40, 30)


def test_rows_without_a_label_are_left_out() -> None:
    whole = data()
    targets = whole.targets.copy()
    targets[40:50] = -1
    assert evaluate(FirstPixel(), replace(whole, targets=targets), "test").overall.n == 30


def test_twins_in_the_split_are_resampled_as_one() -> None:
    whole = data()
    images = whole.images.copy()
    images[41] = images[42] = images[43]
    assert evaluate(FirstPixel(), replace(whole, images=images), "test").overall.groups == 38


@pytest.mark.parametrize(
    ("split", "rows", "clean"), [("train", slice(None), True), ("test", slice(40, None), True), ("test", slice(None), False)]
)
def test_no_clean_figures_where_they_mean_nothing(split: str, rows: slice, clean: bool) -> None:
    part = data().take(np.arange(80)[rows])
    assert evaluate(FirstPixel(), part, split, clean=clean).clean is None


def test_progress_counts_images() -> None:
    seen: list[tuple[int, int]] = []
    evaluate(FirstPixel(), data(), "test", batch=16, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(16, 40), (32, 40), (40, 40)]


def test_label_sets_have_to_be_the_same() -> None:
    with pytest.raises(LabelError, match=r"Load the model with labels=dataset\.labels"):
        evaluate(FirstPixel(FER8), data(), "test")


def test_a_split_without_rows_is_named() -> None:
    with pytest.raises(DatasetAbsentError, match="'validation'; it has train 40, validation 0, test 40"):
        evaluate(FirstPixel(), data(), "public")
    with pytest.raises(UnknownNameError, match="split"):
        evaluate(FirstPixel(), data(), "dev")


def test_batches_hold_something() -> None:
    with pytest.raises(InputError, match="at least one"):
        predict_all(FirstPixel(), data().images, batch=0)
    assert predict_all(FirstPixel(), data().images[:0]).shape == (0, 7)


def test_scores_of_another_shape_are_refused() -> None:
    with pytest.raises(InputError, match=r"first pixel gave scores of shape \(40, 8\); 40 images and 7 labels need \(40, 7\)"):
        evaluate(Wide(), data(), "test")


def test_the_rows_that_were_judged_come_with_the_figures() -> None:
    whole = replace(data(), origin=SplitOrigin("random", "2 of 5", "ab" * 32))
    found = evaluate(FirstPixel(), whole, "test")
    assert (found.model, found.grouped_by, found.origin.fold) == ("first pixel", "twins", "2 of 5")
    assert found.rows.tolist() == list(range(40, 80))
    assert np.array_equal(found.scores, FirstPixel().predict(whole.images[40:]))
    assert np.array_equal(found.targets, whole.targets[40:])
    assert np.array_equal(found.predicted, found.scores.argmax(axis=1))
    assert found.confidence == pytest.approx(0.7)
    assert (~found.kept).nonzero()[0].tolist() == list(range(0, 40, 4))
    assert not found.missing.any()
    plain = json.loads(json.dumps([found.to_dict(), found.curves()], allow_nan=False))
    assert (plain[0]["origin"]["protocol"], plain[0]["model"]) == ("random", "first pixel")
    assert plain[1]["clean"]["risk_coverage"]["coverage"][-1] == 1


def test_scores_made_elsewhere_are_judged_alike() -> None:
    whole = data()
    scores = FirstPixel().predict(whole.images[40:])
    found = judge(scores, whole, "test", model="elsewhere")
    assert found.to_dict() == evaluate(FirstPixel(), whole, "test").to_dict() | {"model": "elsewhere"}
    missing = np.arange(40) % 8 == 0
    part = judge(scores, whole, "test", missing=missing)
    assert part.clean is not None
    assert (part.overall.missing.sum(), part.clean.missing.sum()) == (5, 0)
    assert (part.predicted == -1).nonzero()[0].tolist() == missing.nonzero()[0].tolist()
    assert (part.confidence == 0).sum() == 5
    with pytest.raises(InputError, match="has 40 labelled rows; received 39 rows of scores"):
        judge(scores[:39], whole, "test")
    with pytest.raises(InputError, match="and 3 of missing answers"):
        judge(scores, whole, "test", missing=np.zeros(3, bool))


def test_groups_are_chosen_by_name() -> None:
    whole = people()
    alone, grouped = (evaluate(FirstPixel(), whole, "test", groups=by) for by in ("twins", "subjects"))
    assert (alone.overall.groups, grouped.overall.groups, grouped.grouped_by) == (105, 5, "subjects")
    assert alone.overall.accuracy == grouped.overall.accuracy
    with pytest.raises(DatasetError, match="sequences"):
        evaluate(FirstPixel(), whole, "test", groups="sequences")


def test_the_data_set_is_read_under_other_labels() -> None:
    six = FirstPixel(FER6)
    found = evaluate(six, people(), "test", labels="fer6")
    assert (found.overall.labels, found.overall.n) == (FER6, 90)
    with pytest.raises(LabelError, match="nothing stands for contempt"):
        evaluate(six, people(), "test", labels=FER8)


def test_a_temperature_is_fitted_on_validation() -> None:
    """The model says 0.7 and is right in about four of five rows: it is not sure enough."""
    whole = with_validation(people(2100))
    found = evaluate(Tempered(), whole, "test", calibrate=True).recalibrated
    assert found is not None
    assert found.n == (whole.split == "validation").sum()
    assert found.temperature < 1
    assert found.ece_after < 0.05 < found.ece_before
    assert evaluate(Tempered(), whole, "test").recalibrated is None
    with pytest.raises(OptionError, match="judged on another one"):
        evaluate(Tempered(), whole, "val", calibrate=True)
    with pytest.raises(DatasetAbsentError, match="'validation'"):
        evaluate(Tempered(), people(), "test", calibrate=True)


def test_the_model_without_its_own_calibration() -> None:
    """Logits of ln 0.7 and ln 0.05, divided by 2: taken back, the confidence is 0.7 again."""
    cold, warm = evaluate(Tempered(), people(), "test"), evaluate(Telling(temperature=2.0), people(), "test")
    assert cold.uncalibrated_ece is None
    assert warm.overall.ece > 0.3
    assert warm.uncalibrated_ece == pytest.approx(cold.overall.ece, abs=1e-6)


def test_votes_are_judged_where_the_data_set_has_them() -> None:
    whole = data()
    votes = np.eye(7, dtype=np.float32)[whole.targets]
    found = evaluate(FirstPixel(), replace(whole, votes=votes), "test").overall
    assert found.kl_votes == pytest.approx(found.log_loss, abs=1e-6)


@pytest.mark.parametrize("labels", ["fer7", "fer6"])
def test_the_default_model_takes_its_calibration_back(labels: str) -> None:
    """Over its own head's labels, and over some of them if it is a temperature alone; where it sums scores, this can't be."""
    whole = replace(people(80), images=np.random.default_rng(0).integers(0, 256, (80, 48, 48), np.uint8)).with_labels(label_set(labels))
    model = mien.load_model("default", labels)
    found = evaluate(model, whole, "test")
    if labels == "fer6" and model.head.calibration.bends:
        assert found.uncalibrated_ece is None
        return
    head = FER7 if labels == "fer7" else FER8
    bare = head.project(softmax(model.logits(whole.images[found.rows]), axis=1), whole.labels)
    assert found.uncalibrated_ece == pytest.approx(expected_calibration_error(bare, found.targets), abs=1e-4)
    assert found.model == model.identity.name
    assert model.with_labels("valence3").uncalibrated(np.full((1, 3), 1 / 3, np.float32)) is None


def test_a_model_without_a_name_is_called_by_its_kind() -> None:
    class Nameless:
        labels = FER7
        predict = FirstPixel().predict

    assert evaluate(Nameless(), data(), "test").model == "Nameless"
