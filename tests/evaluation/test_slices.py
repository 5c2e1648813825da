from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame
from sklearn.metrics import accuracy_score, f1_score

from mien.core.errors import InputError, LabelError, OptionError, UnknownNameError
from mien.evaluation.bootstrap import wilson_interval
from mien.evaluation.run import evaluate, judge
from mien.evaluation.slices import slice_by, slice_scores
from tests.evaluation.parts import FirstPixel, people


def answers(n: int = 600) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    targets, values = rng.integers(0, 7, n), rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1])
    return np.where(rng.random(n) < 0.4 + 0.4 * (values == "a"), targets, rng.integers(0, 7, n)), targets, values


def macro(truth: np.ndarray, answer: np.ndarray) -> float:
    return float(f1_score(truth, answer, labels=np.unique(truth), average="macro", zero_division=0))


def test_figures_and_gaps_are_those_of_fairlearn() -> None:
    predicted, targets, values = answers()
    found = slice_scores(predicted, targets, values, column="camera", classes=7)
    frame = MetricFrame(
        metrics={"accuracy": accuracy_score, "macro_f1": macro}, y_true=targets, y_pred=predicted, sensitive_features=values
    )
    for row in found.slices:
        assert row.n == (values == row.value).sum()
        assert row.accuracy == pytest.approx(frame.by_group.loc[row.value, "accuracy"], abs=1e-9)
        assert row.macro_f1 == pytest.approx(frame.by_group.loc[row.value, "macro_f1"], abs=1e-9)
        assert row.accuracy_interval.low < row.accuracy < row.accuracy_interval.high
        assert row.macro_f1_interval.low < row.macro_f1 < row.macro_f1_interval.high
    for figure in ("accuracy", "macro_f1"):
        assert found.gap(figure) == pytest.approx(frame.difference(method="between_groups")[figure], abs=1e-9)
        assert found.ratio(figure) == pytest.approx(frame.ratio(method="between_groups")[figure], abs=1e-9)


def test_small_slices_are_shown_but_no_gap_is_taken_from_them() -> None:
    values = np.array(["most"] * 60 + ["more"] * 35 + ["few"] * 5)
    targets = np.arange(100) % 7
    predicted = np.where(values == "few", (targets + 1) % 7, targets)
    found = slice_scores(predicted, targets, values, column="where", classes=7)
    assert {row.value: row.n for row in found.slices} == {"few": 5, "more": 35, "most": 60}
    assert (found.gap(), found.ratio()) == (0, 1)
    assert slice_scores(predicted, targets, values, column="where", classes=7, minimum=5).gap() == 1
    alone = slice_scores(predicted, targets, values, column="where", classes=7, minimum=50)
    assert (alone.gap(), alone.ratio()) == (None, None)
    assert json.loads(json.dumps(alone.to_dict(), allow_nan=False))["accuracy_gap"] is None


def test_a_single_group_has_no_resampled_interval() -> None:
    predicted, targets, values = answers()
    found = slice_scores(predicted, targets, values, column="camera", classes=7, groups=values)
    assert [row.groups for row in found.slices] == [1, 1, 1]
    assert [row.macro_f1_interval for row in found.slices] == [None] * 3
    assert json.loads(json.dumps(found.to_dict()))["slices"][0]["macro_f1_interval"] is None


def test_a_slice_that_is_always_right_still_has_an_interval() -> None:
    targets = np.zeros(12, np.int64)
    (row,) = slice_scores(targets, targets, np.full(12, "x"), column="x", classes=7).slices
    expected = wilson_interval(12, 12)
    assert (row.accuracy_interval.low, row.accuracy_interval.high) == pytest.approx((expected.low, expected.high))
    copies = slice_scores(targets, targets, np.full(12, "x"), column="x", classes=7, groups=np.repeat([0, 1, 2], 4)).slices[0]
    assert (copies.groups, copies.accuracy_interval.low) == (3, pytest.approx(wilson_interval(3, 3).low))


def test_missing_answers_are_wrong() -> None:
    predicted, targets, values = answers()
    predicted = np.where(np.arange(600) < 100, -1, predicted)
    found = slice_scores(predicted, targets, values, column="camera", classes=7)
    for row in found.slices:
        rows = values == row.value
        assert row.accuracy == pytest.approx((predicted == targets)[rows].mean())
        assert row.macro_f1 == pytest.approx(macro(targets[rows], np.where(predicted < 0, 7, predicted)[rows]))


def test_numbers_are_cut_into_bins_of_equal_size() -> None:
    predicted, targets, _ = answers()
    values = np.random.default_rng(1).normal(0, 20, 600)
    values[:7] = np.nan
    found = slice_scores(predicted, targets, values, column="yaw", classes=7, bins=4)
    assert (len(found.slices), found.unknown, sum(row.n for row in found.slices)) == (4, 7, 593)
    assert {row.n for row in found.slices} <= {148, 149}
    assert found.slices[0].value.startswith("[")
    assert [row.value[-1] for row in found.slices] == [")", ")", ")", "]"]
    whole = slice_scores(predicted, targets, np.arange(600), column="frame", classes=7, bins=2)
    assert [row.value for row in whole.slices] == ["[0, 299.5)", "[299.5, 599]"]


def test_few_distinct_numbers_are_values() -> None:
    predicted, targets, _ = answers()
    found = slice_scores(predicted, targets, np.arange(600) % 3 / 2, column="light", classes=7)
    assert [row.value for row in found.slices] == ["0", "0.5", "1"]
    flags = slice_scores(predicted, targets, np.arange(600) % 2 == 0, column="glasses", classes=7)
    assert [row.value for row in flags.slices] == ["False", "True"]


def test_close_bins_have_names_of_their_own() -> None:
    predicted, targets, _ = answers()
    found = slice_scores(predicted, targets, 1e6 + np.arange(600) / 100, column="time", classes=7)
    assert len({row.value for row in found.slices}) == 4


def test_a_picture_that_is_no_frame_is_in_no_slice() -> None:
    dataset = replace(people(), frames=np.arange(210) % 3 - 1, metadata={"landmarks": np.zeros((210, 68, 2))})
    result = evaluate(FirstPixel(), dataset, "test")
    found = slice_by(result, dataset, "frame")
    assert ([row.value for row in found.slices], found.unknown) == (["0", "1"], 35)
    with pytest.raises(UnknownNameError, match="Known: frame, label, subject"):
        slice_by(result, dataset, "landmarks")


def test_columns_of_a_data_set() -> None:
    dataset = people()
    result = evaluate(FirstPixel(), dataset, "test", groups="subjects")
    by_subject = slice_by(result, dataset, "subject", minimum=20)
    assert [row.value for row in by_subject.slices] == ["p05", "p06", "p07", "p08", "p09"]
    assert {row.groups for row in by_subject.slices} == {1}
    assert slice_by(result, dataset, "camera").slices[0].groups == 5
    assert len(slice_by(result, dataset, "yaw", bins=3).slices) == 3
    labels = slice_by(result, dataset, "label", minimum=10)
    assert {row.value: row.accuracy for row in labels.slices} == pytest.approx({row.label: row.recall for row in result.overall.per_class})
    assert sum(row.n for row in slice_by(result, dataset, "take").slices) == result.overall.n
    with pytest.raises(UnknownNameError, match=r"column of people 'yew'.*Did you mean yaw.*camera, label, subject, take, yaw"):
        slice_by(result, dataset, "yew")


def test_slices_of_what_was_found() -> None:
    dataset = people()
    rows = dataset.split == "test"
    scores, missing = FirstPixel().predict(dataset.images[rows]), np.arange(rows.sum()) % 5 == 0
    found = slice_by(judge(scores, dataset, "test", missing=missing), dataset, "camera")
    right = ~missing & (scores.argmax(axis=1) == dataset.targets[rows])
    for row in found.slices:
        assert row.accuracy == pytest.approx(right[dataset.metadata["camera"][rows] == row.value].mean())


def test_what_can_not_be_sliced() -> None:
    predicted, targets, values = answers()
    with pytest.raises(InputError, match="599 values"):
        slice_scores(predicted, targets, values[:599], column="x", classes=7)
    with pytest.raises(InputError, match="No row has a known value in the column 'x'"):
        slice_scores(predicted, targets, np.full(600, ""), column="x", classes=7)
    with pytest.raises(LabelError, match="Targets reach from 0 to 6"):
        slice_scores(predicted, targets, values, column="x", classes=5)
    for bad in ({"minimum": 0}, {"bins": 1}):
        with pytest.raises(OptionError, match="minimum of 1 row or more"):
            slice_scores(predicted, targets, values, column="x", classes=7, **bad)
    with pytest.raises(UnknownNameError, match="figure of a slice"):
        slice_scores(predicted, targets, values, column="x", classes=7).gap("ece")


def test_unknown_subjects_are_counted() -> None:
    dataset = people()
    named = replace(dataset, subjects=np.where(np.arange(len(dataset)) == 150, "", dataset.subjects))
    assert slice_by(evaluate(FirstPixel(), named, "test"), named, "subject").unknown == 1
