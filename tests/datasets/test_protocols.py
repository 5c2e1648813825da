from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.core.errors import DatasetError, OptionError, UnknownNameError
from mien.datasets import Dataset, SplitOrigin, load_dataset
from mien.datasets.protocols import PROTOCOLS, Fold, make_split
from mien.datasets.roster import joined, sequence_names
from mien.datasets.twins import exact_twins
from tests.datasets.people import FERG, anonymous, people

DEALT = ("stratified", "stratified_folds", "subject_split", "subject_folds", "leave_one_subject_out")


def sides_of(values: np.ndarray, data: Dataset, fold: Fold) -> list[set[str]]:
    """The sides on which each value stands."""
    return [set(fold.split[np.isin(fold.rows, np.flatnonzero(values == value))].tolist()) for value in np.unique(values)]


def test_stratified_keeps_the_shares_of_each_class() -> None:
    data = anonymous()
    plan = make_split(data, "stratified", fractions=(0.6, 0.2, 0.2))
    divided = plan.apply(data)
    for one in range(7):
        share = np.mean(divided.split[divided.targets == one] == "train")
        assert share == pytest.approx(0.6, abs=1.01 / (data.targets == one).sum())
    assert divided.origin.protocol == "stratified"
    assert divided.origin.sha256 == plan.folds[0].sha256
    assert divided.origin.leaks == ""
    assert divided.ids.tolist() == data.ids.tolist()


@pytest.mark.parametrize("protocol", DEALT)
def test_exact_twins_stand_on_one_side(protocol: str) -> None:
    data = people(twins=40)
    groups = exact_twins(data.images)
    plan = make_split(data, protocol, **({"folds": 3} if protocol == "subject_folds" else {}))
    for fold in plan.folds:
        split = dict(zip(fold.rows.tolist(), fold.split.tolist(), strict=True))
        for group in np.unique(groups):
            there = {split[row] for row in np.flatnonzero(groups == group).tolist() if row in split}
            assert len(there) <= 1 or there == {"train", "validation"}
            assert "test" not in there or there == {"test"}
        assert "twin" not in fold.leaks


def test_twins_may_be_ignored_and_are_counted_then() -> None:
    data = anonymous(400, twins=100)
    fold = make_split(data, "stratified", twins="ignore").folds[0]
    trained = set(exact_twins(data.images)[fold.side("train")].tolist())
    leaked = sum(group in trained for group in exact_twins(data.images)[fold.side("test")].tolist())
    assert leaked > 0
    assert fold.leaks == f"Of 40 test rows, {leaked} have an exact twin in train."


def test_frames_of_a_sequence_stay_together_and_shared_subjects_are_told() -> None:
    data = people(sequences=True)
    fold = make_split(data, "stratified").folds[0]
    assert all(len(there) == 1 for there in sides_of(data.sequences, data, fold))
    assert fold.leaks.endswith("show a subject that is also in train.")


def test_sequences_may_be_numbered_anew_for_each_person() -> None:
    data = people()
    data = replace(data, sequences=np.array([f"{i % 7}" for i in range(len(data))]))
    fold = make_split(data, "subject_folds", folds=3).folds[0]
    assert fold.leaks == ""
    assert len(np.unique(data.subjects[fold.side("test")])) == 2
    whole = sequence_names(data.subjects, data.sequences)
    assert all(len(there) == 1 for there in sides_of(whole, data, make_split(data, "stratified").folds[0]))


def test_every_row_is_tested_once() -> None:
    for protocol, data in (("stratified_folds", anonymous()), ("subject_folds", people()), ("leave_one_subject_out", people())):
        folds = make_split(data, protocol).folds
        tested = np.concatenate([fold.side("test") for fold in folds])
        assert sorted(tested.tolist()) == list(range(len(data)))


def test_subjects_stand_on_one_side() -> None:
    data = people(tuple("abcdefghij"))
    for protocol, count in (("subject_split", 1), ("subject_folds", 5), ("leave_one_subject_out", 10)):
        plan = make_split(data, protocol)
        assert len(plan.folds) == count
        for fold in plan.folds:
            assert all(len(there) == 1 for there in sides_of(data.subjects, data, fold))
            assert (fold.split == "validation").any()
            assert fold.leaks == ""


def test_one_fold_of_many() -> None:
    data = people()
    plan = make_split(data, "subject_folds", folds=3)
    assert [fold.name for fold in plan.folds] == ["1 of 3", "2 of 3", "3 of 3"]
    second = make_split(data, "subject_folds", folds=3, fold=2)
    assert [fold.name for fold in second.folds] == ["2 of 3"]
    assert second.folds[0].sha256 == plan.folds[1].sha256
    assert plan.apply(data, 1).origin.fold == "2 of 3"
    assert make_split(data, "leave_one_character_out", fold="mery").folds[0].name == "mery"
    assert make_split(data, "leave_one_character_out", fold=2).folds[0].name == "bonnie"
    with pytest.raises(UnknownNameError, match=r"fold of leave_one_subject_out 'merry'.*Did you mean mery"):
        make_split(data, "leave_one_subject_out", fold="merry")
    with pytest.raises(UnknownNameError, match="one fold only"):
        make_split(data, "stratified", fold=2)


def test_named_characters_are_the_test() -> None:
    data = people(twins=7)  # the last rows are of ray, and have the pixels of aia's first ones
    fold = make_split(data, "characters", test="mery, ray", validation=["jules"]).folds[0]
    assert set(data.subjects[fold.side("test")]) == {"mery", "ray"}
    assert set(data.subjects[fold.side("validation")]) == {"jules"}
    assert len(fold.side("train")) == 3 * 35 - 7
    assert "7 rows with an exact twin on the test side are left out." in fold.notes
    assert "twin" in make_split(data, "characters", test="mery,ray", twins="ignore").folds[0].leaks
    with pytest.raises(UnknownNameError, match="Did you mean mery or ray"):
        make_split(data, "characters", test="roy")
    with pytest.raises(OptionError, match="received none of: aia, bonnie"):
        make_split(data, "characters")


def test_a_subject_may_be_called_a_number() -> None:
    data = people()
    numbered = replace(data, subjects=np.unique(data.subjects, return_inverse=True)[1].astype(np.str_))
    for test in (2, [2], "2"):
        fold = make_split(numbered, "characters", test=test).folds[0]
        assert set(numbered.subjects[fold.side("test")]) == {"2"}


def test_the_official_sides_are_left_alone_and_what_leaks_is_counted() -> None:
    data = anonymous(100, twins=15)
    divided = make_split(data, "official").apply(data)
    assert divided.split.tolist() == data.split.tolist()
    assert divided.images is data.images
    assert "have an exact twin in train" in divided.origin.leaks


def test_seeds_decide_and_the_order_of_the_rows_does_not() -> None:
    data = people()
    shuffled = data.take(np.random.default_rng(1).permutation(len(data)))
    for protocol, options in ((p, {"test": "ray"} if p == "characters" else {}) for p in (*DEALT, "characters")):
        first, again = make_split(data, protocol, **options), make_split(shuffled, protocol, **options)
        assert first.sha256 == make_split(data, protocol, **options).sha256 == again.sha256
        assert len({make_split(data, protocol, seed=seed, **options).sha256 for seed in range(4)}) > 1
        by_id = dict(zip(data.ids[first.folds[0].rows], first.folds[0].split, strict=True))
        assert by_id == dict(zip(shuffled.ids[again.folds[0].rows], again.folds[0].split, strict=True))


@pytest.mark.parametrize("protocol", ["deepfer_balanced", "deepfer_balanced_as_published"])
def test_the_order_of_the_rows_decides_on_no_drawn_subset(protocol: str) -> None:
    data = anonymous(700, twins=60)
    shuffled = data.take(np.random.default_rng(1).permutation(len(data)))
    plans = [make_split(one, protocol, per_class=(8, 2, 2)) for one in (data, shuffled)]
    assert plans[0].sha256 == plans[1].sha256


def test_sides_that_were_divided_before_keep_their_origin() -> None:
    origin = SplitOrigin("rows", "clean.csv", "ab" * 32, "Much.")
    data = replace(anonymous(100), origin=origin)
    assert make_split(data, "official").apply(data).origin == origin
    assert make_split(data, "stratified").apply(data).origin.leaks == ""
    leaky = make_split(anonymous(), "sdl_as_published").apply(anonymous())
    assert make_split(leaky, "official").apply(leaky).origin == leaky.origin


def test_a_plan_is_for_its_own_rows() -> None:
    data = people()
    plan = make_split(data, "stratified")
    relabelled = plan.apply(replace(data, name="other", targets=np.zeros(len(data), np.int64)))
    assert relabelled.split.tolist() == plan.apply(data).split.tolist()
    with pytest.raises(DatasetError, match="Call make_split on these"):
        plan.apply(data.take(np.arange(10)))
    with pytest.raises(DatasetError, match="has 1 folds"):
        plan.apply(data, 1)


def test_copies_are_refused_by_whatever_would_part_them() -> None:
    data = people()
    copied = data.take(np.r_[np.arange(len(data)), np.arange(10)])
    for protocol in DEALT:
        with pytest.raises(DatasetError, match=r"10 of 220 rows of people are copies.*oversample the train side"):
            make_split(copied, protocol)
    assert "copies of training rows" in make_split(copied, "sdl_as_published").folds[0].leaks
    assert make_split(copied, "official").folds[0].split.tolist() == copied.split.tolist()


@pytest.mark.parametrize("protocol", ["subject_split", "subject_folds", "leave_one_subject_out", "characters", "deepfer_jaffe"])
def test_subjects_are_needed_where_they_are_kept_apart(protocol: str) -> None:
    for data in (anonymous(), replace(people(), subjects=np.full(210, ""))):
        with pytest.raises(DatasetError, match=r"tells none\. Use stratified"):
            make_split(data, protocol)


def test_rows_without_a_subject_are_refused_or_left_out() -> None:
    data = people()
    some = replace(data, subjects=np.where(np.arange(len(data)) % 10 == 0, "", data.subjects))
    with pytest.raises(DatasetError, match=r'21 of 210 rows of people have no subject.*unknown="drop"'):
        make_split(some, "subject_folds")
    fold = make_split(some, "subject_folds", unknown="drop").folds[0]
    assert len(fold) == 189
    assert "21 of 210 rows stand on no side." in fold.notes


def test_a_class_that_training_lacks_is_an_error_and_one_that_the_test_lacks_a_note() -> None:
    data = people()
    rare = replace(data, targets=np.where(data.subjects == "ray", 5, data.targets % 5))
    with pytest.raises(DatasetError, match="no training row of disgust"):
        make_split(rare, "characters", test="ray", validation=0.0)
    fold = make_split(rare, "characters", test="aia", validation="bonnie").folds[0]
    assert "No test row shows disgust." in fold.notes
    assert "No validation row shows disgust." in fold.notes
    with pytest.raises(DatasetError, match="leaves no train rows"):
        make_split(data, "characters", test=FERG)


@pytest.mark.parametrize(
    ("protocol", "options", "error", "words"),
    [
        ("stratifed", {}, UnknownNameError, "Did you mean stratified"),
        ("stratified", {"fraction": (1, 0, 0)}, UnknownNameError, "Did you mean fractions"),
        ("official", {"folds": 5}, UnknownNameError, "option of the protocol official 'folds'"),
        ("stratified", {"seed": -1}, OptionError, "whole number from 0"),
        ("stratified", {"fractions": (0.8, 0.1)}, OptionError, "sum to 1"),
        ("stratified", {"fractions": (0.9, 0.2, -0.1)}, OptionError, "sum to 1"),
        ("stratified", {"fractions": "0.8"}, OptionError, "sum to 1"),
        ("stratified", {"fractions": (0.0, 0.5, 0.5)}, OptionError, "Only validation may be 0"),
        ("stratified", {"twins": "maybe"}, OptionError, '"together" or "ignore"'),
        ("subject_folds", {"folds": 1}, OptionError, "from 2 to the 6 units"),
        ("subject_folds", {"folds": 7}, OptionError, "from 2 to the 6 units"),
        ("subject_folds", {"validation": 1.0}, OptionError, "0 to under 1"),
        ("subject_folds", {"validation": 0.9}, OptionError, "Lower validation"),
        ("subject_folds", {"unknown": "guess"}, OptionError, '"refuse" or "drop"'),
        ("deepfer_balanced", {"per_class": (4, 1)}, OptionError, "whole numbers"),
        ("deepfer_balanced", {"per_class": None}, OptionError, "whole numbers"),
        ("characters", {"test": None}, OptionError, "test is names of subjects"),
        ("characters", {"test": "ray", "validation": None}, OptionError, "validation is names of subjects"),
        ("deepfer_balanced_as_published", {}, DatasetError, "Set per_class lower"),
    ],
)
def test_what_can_not_be_is_named(protocol: str, options: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make_split(people(), protocol, **options)


def test_an_empty_data_set_has_no_sides() -> None:
    nothing = people().take(np.zeros(0, np.int64))
    assert len(make_split(nothing, "official").folds[0]) == 0
    with pytest.raises(DatasetError, match="leaves no train rows"):
        make_split(nothing, "stratified")


def test_every_protocol_is_described() -> None:
    for name, protocol in PROTOCOLS.items():
        assert protocol.about.endswith(".")
        assert name.endswith("_as_published") == bool(protocol.leaks)
        assert bool(protocol.leaks) == bool(protocol.honest)
        if protocol.honest:
            assert not PROTOCOLS[protocol.honest].leaks


def test_groups_join_through_chains() -> None:
    assert joined(6, np.array([0, 0, 1, 1, 2, 3]), np.array([0, 1, 1, 2, 3, 4])).tolist() == [0, 0, 0, 0, 4, 5]


@pytest.mark.slow
def test_real_data(data_dir: Path) -> None:
    data = load_dataset("fer2013", data_dir)
    assert make_split(data, "official").folds[0].leaks == "Of 3,589 test rows, 288 have an exact twin in train."
    fold = make_split(data, "stratified").folds[0]
    assert [len(fold.side(split)) for split in ("train", "validation", "test")] == [28_709, 3_589, 3_589]
    assert fold.leaks == ""
    balanced = make_split(data, "deepfer_balanced_as_published").apply(data)
    assert [int((balanced.split == s).sum()) for s in ("train", "validation", "test")] == [2800, 210, 700]


def test_the_document_lists_every_protocol_with_its_options_and_its_leak() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "protocols.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `") and line.count("|") == 5]
    told = {
        name: (
            ", ".join(f"`{option}`" for option in one.options) or "–",
            one.about,
            f"{one.leaks} Honest: `{one.honest}`" if one.leaks else "–",
        )
        for name, one in PROTOCOLS.items()
    }
    assert rows == [f"| `{name}` | {options} | {about} | {leaks} |" for name, (options, about, leaks) in told.items()]
