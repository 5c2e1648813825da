from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mien.audit import audit
from mien.audit.findings import KINDS
from mien.audit.rules import RULES, remedies, select
from mien.core.errors import InputError, UnknownNameError
from mien.datasets.base import SPLITS, Dataset
from tests.audit import faces
from tests.audit.handmade import alone, audit_of, finding, rows


def kept(*rules: str, dataset=None, found=()) -> str:
    """The ids that stay."""
    dataset = rows() if dataset is None else dataset
    return "".join(dataset.ids[select(dataset, audit_of(dataset, *found), rules).keep])


@pytest.mark.parametrize(
    ("rule", "left"),
    [
        ("test-clean", "abceg" + "h"),  # d (validation) and f (test) lose to a (train)
        ("train-clean", "bcefgh"),  # a (train) and d (validation) lose to f (test)
        ("first", "bcefgh"),
        ("drop-conflicts", "abcdefgh"),
    ],
)
def test_who_loses_of_a_group_that_spans_the_splits(rule, left) -> None:
    assert kept(rule, found=[finding("exact_twins", [0, 3, 5])]) == left


@pytest.mark.parametrize(("rule", "left"), [("test-clean", "abcefgh"), ("train-clean", "abcefgh"), ("first", "abcefgh")])
def test_validation_loses_to_test_whoever_wins(rule, left) -> None:
    assert kept(rule, found=[finding("twins_across_splits", [3, 6])]) == left


def test_twins_within_a_split_stay_unless_only_the_first_is_kept() -> None:
    found = [finding("near_twins", [0, 1, 2], severity="note"), finding("mirrored_twins", [6, 7], severity="note")]
    assert kept("test-clean", "train-clean", found=found) == "abcdefgh"
    assert kept("first", found=found) == "adefg"


@pytest.mark.parametrize("kind", ["exact_twins", "near_twins", "mirrored_twins", "augmented_copies", "copies_across_splits"])
def test_every_kind_of_twin_counts(kind) -> None:
    assert kept("train-clean", found=[finding(kind, [2, 5])]) == "abdefgh"


def test_every_copy_of_a_conflict_goes_and_the_reason_names_the_other_label() -> None:
    dataset = rows()
    done = select(dataset, audit_of(dataset, finding("conflicting_labels", [0, 1, 5], severity="fault")), ["drop-conflicts"])
    assert "".join(dataset.ids[done.keep]) == "cdegh"
    assert done.reasons[0] == "drop-conflicts: same picture as b (train, happiness)"
    assert done.reasons[1] == "drop-conflicts: same picture as a (train, neutral)"
    assert done.reasons[2] == ""


def test_constant_pictures_and_rows_without_a_label_go() -> None:
    found = [alone("constant", 2), alone("missing_labels", 7)]
    assert kept("drop-constant", found=found) == "abdefgh"
    assert kept("drop-unlabelled", "drop-constant", found=found) == "abdefg"


@pytest.mark.parametrize("kind", ["subjects_across_splits", "sequences_across_splits"])
def test_people_and_sequences_leave_the_split_that_learns(kind) -> None:
    found = [finding(kind, [0, 1, 4, 7]), finding("exact_twins", [2, 6])]
    assert kept("subject-clean", found=found) == "cdfgh"


def test_each_rule_sees_what_those_before_it_left_in_whichever_order_they_are_given() -> None:
    found = [finding("exact_twins", [0, 5], [1, 6]), finding("conflicting_labels", [1, 6], severity="fault")]
    for rules in (["first", "drop-conflicts"], ["drop-conflicts", "first"]):
        dataset = rows()
        done = select(dataset, audit_of(dataset, *found), rules)
        assert done.rules == ("drop-conflicts", "first")
        assert "".join(dataset.ids[done.keep]) == "cdefh"
        assert done.reasons[6].startswith("drop-conflicts")


def test_test_clean_heeds_training_images_that_are_no_rows() -> None:
    dataset = rows(twin_in_train=np.array([True, False, False, True, False, False, True, False]))
    assert kept("test-clean", dataset=dataset) == "abcefh"
    assert kept("train-clean", dataset=dataset) == "abcdefgh"


def test_the_counts_say_what_each_rule_dropped() -> None:
    dataset = rows()
    done = select(dataset, audit_of(dataset, finding("exact_twins", [0, 3, 5]), alone("constant", 1)), ["train-clean", "drop-constant"])
    assert done.counts(dataset) == {
        "train": {"rows": 3, "kept": 1, "drop-constant": 1, "train-clean": 1},
        "validation": {"rows": 2, "kept": 1, "drop-constant": 0, "train-clean": 1},
        "test": {"rows": 3, "kept": 3, "drop-constant": 0, "train-clean": 0},
    }


@pytest.fixture(scope="module")
def leaky() -> Dataset:
    """Drawn faces with a leak or a fault of every kind that rules act on."""
    made = faces.clean(98)
    train, validation, test = (faces.rows(made, split) for split in SPLITS)
    picture = made.images[train]
    noise = np.random.default_rng(0).normal(0, 3, picture[1].shape)
    for row, image in (
        (test[0], picture[0]),
        (test[1], np.clip(picture[1] + noise, 0, 255).astype(np.uint8)),
        (test[2], picture[2][:, ::-1]),
        (validation[3], faces.moved(picture[3], degrees=6)),
        (validation[4], made.images[test[4]]),
        (train[20], np.full_like(picture[0], 90)),
    ):
        made = faces.planted(made, row, image)
    made = faces.planted(made, train[31], picture[30], int(made.targets[train[30]] + 1) % 7)
    subjects = made.subjects.copy()
    subjects[train[40]] = subjects[test[20]]
    return replace(made, subjects=subjects, ids=np.array([f"{i}.png" for i in made.ids]))


@pytest.mark.slow
def test_what_the_rules_leave_is_found_clean(leaky) -> None:
    found = audit(leaky)
    assert {"twins_across_splits", "near_twins", "mirrored_twins", "augmented_copies"} <= {one.kind for one in found.leaks}
    assert {"conflicting_labels", "constant"} == {one.kind for one in found.faults}
    for twins in ("test-clean", "train-clean", "first"):
        done = select(leaky, found, [twins, "subject-clean", "drop-conflicts", "drop-constant"])
        assert audit(leaky.take(done.keep)).clean, twins
        assert done.keep.sum() >= len(leaky) - 12


def test_every_rule_acts_on_kinds_that_exist_and_is_the_remedy_of_them() -> None:
    told = remedies(rows())
    assert set(told) <= set(KINDS)
    for name, rule in RULES.items():
        assert all(name in told[kind] for kind in rule.kinds)


def test_no_rule_is_offered_where_ids_are_shared() -> None:
    assert not remedies(rows(ids=np.array([0, 0, 1, 2, 3, 4, 5, 6])))


def test_a_rule_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="drop-conflicts"):
        kept("drop-conflict")


def test_no_rule_at_all_is_refused() -> None:
    with pytest.raises(InputError, match="at least one rule"):
        kept()


def test_the_audit_of_other_rows_is_refused() -> None:
    dataset = rows()
    with pytest.raises(InputError, match="Audit the same data set"):
        select(dataset.subset("train"), audit_of(dataset), ["first"])
