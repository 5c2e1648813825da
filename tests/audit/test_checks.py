"""A planted leak of each kind is found, by its own test; a clean split has none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.audit import KINDS, Audit, Finding, audit
from mien.core.errors import OptionError
from mien.datasets import Dataset, SplitOrigin, load_dataset
from tests.audit import faces


@pytest.fixture(scope="module")
def clean() -> Dataset:
    return faces.clean()


def only_leak(found: Audit, kind: str) -> Finding:
    leak, *more = (finding for finding in found.leaks if finding.kind != "seen_pictures")
    assert (leak.kind, more) == (kind, [])
    assert not found.clean
    return leak


def pair(data: Dataset) -> tuple[int, int]:
    return int(faces.rows(data, "train")[3]), int(faces.rows(data, "test")[10])


def test_a_clean_split_has_no_leak_and_no_fault(clean: Dataset) -> None:
    found = audit(clean)
    assert found.clean
    assert [finding.summary for finding in found.findings] == ["Every class has 14 rows."]
    assert found.split_counts == {"train": 56, "validation": 14, "test": 28}
    assert found.checks == tuple(KINDS)


def test_exact_twins_across_splits(clean: Dataset) -> None:
    source, row = pair(clean)
    found = audit(faces.planted(clean, row, clean.images[source], int(clean.targets[source])), near=False)
    leak = only_leak(found, "twins_across_splits")
    assert [group.tolist() for group in leak.groups] == [[source, row]]
    assert {key: leak.detail[key] for key in ("first", "second", "rows_first", "rows_second", "same_label", "groups")} == {
        "first": "train", "second": "test", "rows_first": 1, "rows_second": 1, "same_label": 1, "groups": 1,
    }  # fmt: skip
    assert leak.summary == "test: 1 row (3.6%) with an exact twin in train, 1 of them with the same label."
    assert found.of("exact_twins")[0].detail == {"distinct": 97, "groups": 1, "rows": 2, "spanning": 1}
    assert not found.faults
    assert "near_twins" not in found.checks


def test_one_split_alone_can_not_be_said_to_leak(clean: Dataset) -> None:
    found = audit(clean.take(faces.rows(clean, "train")), near=False)
    missed = set(KINDS) - set(found.checks)
    assert {"seen_pictures", "twins_across_splits", "subjects_across_splits", "oversampled"} <= missed
    assert not {"conflicting_labels", "exact_twins", "constant", "protocol"} & missed


def test_classes_without_rows_are_told_once(clean: Dataset) -> None:
    noted = replace(clean, notes=("No row shows anger.", "2 rows could not be read.", "a.png was not read."))
    (note,) = audit(noted, near=False).of("unreadable")
    assert note.summary == "2 rows could not be read. And 1 more."
    assert not audit(replace(clean, notes=("No row shows anger.",)), near=False).of("unreadable")


def test_one_picture_under_two_labels_is_a_fault(clean: Dataset) -> None:
    a, b = faces.rows(clean, "train")[[0, 8]]
    found = audit(faces.planted(clean, b, clean.images[a]), near=False)
    (fault,) = found.faults
    assert (fault.kind, fault.detail["among"], fault.rows.tolist()) == ("conflicting_labels", "exact", [a, b])
    assert fault.detail["labels"] == {"neutral / happiness": 1}
    assert not found.leaks


def test_near_twins_across_splits(clean: Dataset) -> None:
    source, row = pair(clean)
    noise = np.random.default_rng(0).normal(0, 4, clean.images[0].shape)
    image = np.clip(clean.images[source] * 0.8 + 20 + noise, 0, 255).astype(np.uint8)
    found = audit(faces.planted(clean, row, image, int(clean.targets[source])))
    leak = only_leak(found, "near_twins")
    assert leak.rows.tolist() == [source, row]
    assert 0.95 <= leak.scores[0] < 1
    assert [finding.severity for finding in found.of("near_twins")] == ["leak", "note"]
    assert found.of("seen_pictures")[0].detail["rows_second"] == 1


@pytest.mark.slow
def test_near_twins_under_two_labels(clean: Dataset) -> None:
    a, b = faces.rows(clean, "train")[[0, 8]]
    unlike = faces.planted(clean, b, clean.images[a] // 2)
    (fault,) = audit(unlike).faults
    assert (fault.kind, fault.detail["among"], fault.rows.tolist()) == ("conflicting_labels", "near", [a, b])
    one_person = replace(unlike, subjects=np.where(np.arange(98) == b, unlike.subjects[a], unlike.subjects))
    assert audit(one_person).clean
    assert not audit(replace(unlike, sequences=np.full(98, "001"))).clean  # each person has one of that name


def test_mirrored_twins_across_splits(clean: Dataset) -> None:
    source, row = pair(clean)
    found = audit(faces.planted(clean, row, clean.images[source][:, ::-1], int(clean.targets[source])))
    assert only_leak(found, "mirrored_twins").rows.tolist() == [source, row]


@pytest.mark.parametrize(
    ("degrees", "x", "y", "scale", "flip"),
    [(8, 0, 0, 1, False), (0, 0.08, -0.06, 1, False), (0, 0, 0, 1.12, False), (-10, 0.05, 0.05, 0.92, True)],
    ids=["turned", "shifted", "scaled", "all and mirrored"],
)
def test_augmented_copies_across_splits(clean: Dataset, degrees: float, x: float, y: float, scale: float, flip: bool) -> None:
    source, row = pair(clean)
    image = np.clip(faces.moved(clean.images[source], degrees, x, y, scale) * 0.85 + 10.0, 0, 255).astype(np.uint8)
    found = audit(faces.planted(clean, row, image[:, ::-1] if flip else image))
    assert only_leak(found, "augmented_copies").rows.tolist() == [source, row]


def test_an_original_in_test_and_its_altered_copies_in_training(clean: Dataset) -> None:
    row, *copies = (int(faces.rows(clean, split)[k]) for split, k in (("test", 4), ("train", 0), ("train", 30)))
    data = faces.planted(clean, copies[0], faces.moved(clean.images[row], 9))
    data = faces.planted(data, copies[1], faces.moved(clean.images[row], -7, 0.04)[:, ::-1])
    leak = only_leak(audit(data), "augmented_copies")
    assert leak.rows.tolist() == sorted([row, *copies])
    assert (leak.detail["rows_first"], leak.detail["rows_second"]) == (2, 1)


def test_one_identity_in_two_splits(clean: Dataset) -> None:
    ids = clean.ids.copy()
    ids[pair(clean)[1]] = ids[pair(clean)[0]]
    leak = only_leak(audit(replace(clean, ids=ids), near=False), "copies_across_splits")
    assert leak.rows.tolist() == list(pair(clean))
    assert leak.detail["values"] == [3]


def test_one_subject_in_two_splits(clean: Dataset) -> None:
    subjects = clean.subjects.copy()
    subjects[faces.rows(clean, "test")[:7]] = subjects[0]
    leak = only_leak(audit(replace(clean, subjects=subjects), near=False), "subjects_across_splits")
    assert len(leak.rows) == 14
    assert leak.summary == "test: 7 rows (25.0%) of 1 subjects that are also in train."
    assert [len(group) for group in leak.groups] == [14]


def test_an_unknown_subject_is_nobody(clean: Dataset) -> None:
    assert audit(replace(clean, subjects=np.full(98, "")), near=False).clean


def test_one_sequence_in_two_splits(clean: Dataset) -> None:
    source, row = pair(clean)
    sequences = np.array([f"q{i}" for i in range(98)])
    sequences[row] = sequences[source]
    data = replace(clean, sequences=sequences, subjects=None)
    assert only_leak(audit(data, near=False), "sequences_across_splits").rows.tolist() == [source, row]
    assert audit(replace(data, subjects=clean.subjects), near=False).clean


def test_constant_pictures(clean: Dataset) -> None:
    data = faces.planted(clean, 5, np.full((48, 48), 128, np.uint8))
    data = faces.planted(data, 90, np.random.default_rng(0).integers(126, 132, (48, 48), np.uint8))
    (fault,) = audit(data).faults
    assert (fault.kind, fault.rows.tolist()) == ("constant", [5, 90])


def test_rows_without_a_label_and_classes_without_rows(clean: Dataset) -> None:
    targets = np.where(clean.targets == 5, -1, clean.targets)
    found = audit(replace(clean, targets=targets), near=False)
    assert [(f.severity, f.detail["split"], f.detail["classes"]) for f in found.of("empty_class")] == [
        ("fault", "train", ["disgust"]),
        ("note", "validation", ["disgust"]),
        ("note", "test", ["disgust"]),
    ]
    assert found.of("missing_labels")[0].detail == {"splits": {"train": 8, "validation": 2, "test": 4}}
    balance = found.of("class_balance")[0]
    assert (balance.summary, balance.detail["ratio"]) == ("neutral has the most rows (14), disgust the fewest (0).", None)


def test_what_the_loader_left_out_is_told(clean: Dataset) -> None:
    found = audit(replace(clean, notes=("a.png can't be decoded.", "b.png can't be decoded.")), near=False)
    assert found.of("unreadable")[0].summary == "a.png can't be decoded. And 1 more."


def test_a_protocol_that_says_that_it_leaks(clean: Dataset) -> None:
    leak = only_leak(audit(replace(clean, origin=SplitOrigin("as published", leaks="Copies lie in test.")), near=False), "protocol")
    assert leak.summary == "The protocol as published leaks: Copies lie in test."


@pytest.mark.parametrize("same_ids", [True, False])
def test_copies_made_before_the_split_are_named(clean: Dataset, same_ids: bool) -> None:
    rng = np.random.default_rng(0)
    rare = np.flatnonzero(clean.targets == 5)[:4]
    chosen = np.concatenate([np.flatnonzero(clean.targets != 5), np.tile(rare, 5)])
    data = replace(clean, subjects=None).take(chosen)
    split = np.array(["train", "validation", "test"])[rng.choice(3, len(chosen), p=(0.8, 0.1, 0.1))]
    split[-20:] = np.repeat(["train", "validation", "test"], (12, 4, 4))
    data = replace(data, split=split, ids=data.ids if same_ids else np.arange(len(chosen)))
    (finding,) = audit(data, near=False).of("oversampled")
    assert finding.detail["copied"] == ["disgust"]
    assert finding.detail["classes"]["disgust"] == {"rows": 20, "pictures": 4, "copies": 5.0, "seen_share": 1.0}
    assert "disgust shows 4 pictures in 20 rows, and 100% of its rows outside training" in finding.summary


def test_copies_of_training_rows_alone_are_no_leak(clean: Dataset) -> None:
    rare = faces.rows(clean, "train")[clean.targets[faces.rows(clean, "train")] == 5]
    data = clean.take(np.concatenate([np.arange(len(clean)), np.tile(rare, 3)]))
    found = audit(data)
    assert found.clean
    assert len(found.of("exact_twins")[0].groups) == len(rare)


def test_color_and_other_sizes(clean: Dataset) -> None:
    big = np.stack([faces.face(i, 64) for i in range(40)])
    data = replace(clean.take(np.arange(28, 68)), images=np.stack([big, big[:, ::-1] // 2, big // 3], axis=3))
    assert audit(data).clean
    source, row = 0, int(faces.rows(data, "test")[5])
    images = data.images.copy()
    images[row] = np.stack([faces.moved(channel, 6, 0.03) for channel in np.moveaxis(images[source], 2, 0)], axis=2)
    assert data.split[source] != data.split[row]
    assert only_leak(audit(replace(data, images=images)), "augmented_copies").rows.tolist() == [source, row]


@pytest.mark.parametrize("n", [0, 1, 2])
def test_hardly_any_rows(clean: Dataset, n: int) -> None:
    found = audit(clean.take(np.arange(n)))
    assert (found.n, found.leaks) == (n, ())
    json.dumps(found.to_dict())


def test_a_threshold_that_means_nothing_is_refused(clean: Dataset) -> None:
    for wrong in (0.5, 1.2):
        with pytest.raises(OptionError, match=r"from 0\.8 to 1"):
            audit(clean, threshold=wrong)


def test_progress_goes_from_stage_to_stage(clean: Dataset) -> None:
    told: list[tuple[str, float, float]] = []
    audit(clean, progress=lambda stage, done, whole: told.append((stage, done, whole)))
    assert list(dict.fromkeys(stage for stage, _, _ in told)) == ["equal pixels", "near twins", "altered copies"]
    assert all(0 <= done <= whole for _, done, whole in told)
    assert told[-1][1] == told[-1][2]


@pytest.mark.slow
def test_what_is_known_of_the_published_set(data_dir: Path) -> None:
    found = audit(load_dataset("fer2013", data_dir), near=False)
    leaks = {(f.detail["first"], f.detail["second"]): f.detail for f in found.of("twins_across_splits")}
    assert {pair: (d["rows_second"], d["same_label"]) for pair, d in leaks.items() if pair[0] == "train"} == {
        ("train", "validation"): (279, 272),
        ("train", "test"): (288, 280),
    }
    assert leaks["validation", "test"]["rows_second"] == 44
    assert found.of("exact_twins")[0].detail == {"distinct": 34_036, "groups": 1_520, "rows": 3_371, "spanning": 556}
    assert [len(f.groups) for f in found.of("conflicting_labels")] == [56]
    assert len(found.of("constant")[0].rows) == 2
    assert {f.kind for f in found.leaks} == {"twins_across_splits"}


@pytest.mark.slow
@pytest.mark.long
def test_near_twins_of_the_published_set(data_dir: Path) -> None:
    data = load_dataset("fer2013", data_dir)
    found = audit(data)
    share = {(f.kind, f.detail["first"], f.detail["second"]): f.detail["rows_second"] for f in found.leaks}
    assert share["near_twins", "train", "test"] == 136
    assert share["augmented_copies", "train", "test"] > 500
    assert not found.of("oversampled")
