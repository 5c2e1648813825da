from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.core.errors import DatasetCorruptError, OptionError
from mien.core.labels import CKPLUS7, FER8, VALENCE3
from mien.datasets.base import Dataset, load_dataset
from mien.datasets.protocols import make_split
from mien.datasets.sequences import as_sequences, resample

ROWS = [  # sequence, place, expression, person
    ("b", 1, "happiness", "ada"),
    ("b", 0, "neutral", "ada"),
    ("a", 2, "surprise", "bo"),
    ("", -1, "anger", "cy"),
    ("a", 0, "neutral", "bo"),
    ("a", 1, "neutral", "bo"),
    ("c", 0, "neutral", "cy"),
]


def frames(**changes: Any) -> Dataset:
    names, places, shown, people = zip(*ROWS, strict=True)
    values: dict[str, Any] = {
        "name": "frames",
        "labels": FER8,
        "images": np.arange(len(ROWS), dtype=np.uint8).repeat(4).reshape(-1, 2, 2),
        "targets": np.array([FER8.index(one) for one in shown]),
        "split": np.array(["train"] * len(ROWS)),
        "ids": np.arange(len(ROWS)),
        "subjects": np.array(people),
        "sequences": np.array(names),
        "frames": np.array(places),
        "metadata": {"time_s": np.array(places) / 25},
    }
    return Dataset(**(values | changes))


def test_rows_are_sequences_in_the_order_in_which_they_begin() -> None:
    found = as_sequences(frames())
    assert found.ids.tolist() == ["b", "a", "c"]
    assert [found.frames_of(row).tolist() for row in range(3)] == [[1, 0], [4, 5, 2], [6]]
    assert [found.pictures[found.frames_of(row)][:, 0, 0].tolist() for row in range(3)] == [[1, 0], [4, 5, 2], [6]]
    assert [found.labels[target] for target in found.targets] == ["happiness", "surprise", "neutral"]
    assert found.images[:, 0, 0].tolist() == [0, 5, 6]  # the middle
    assert found.subjects is not None
    assert found.subjects.tolist() == ["ada", "bo", "cy"]
    assert found.rate_hz == 25
    assert found.notes == ("1 pictures are frames of no sequence.",)


def test_people_may_number_their_sequences_alike() -> None:
    dataset = replace(frames(), sequences=np.array(["1", "1", "1", "", "1", "1", "1"]))
    found = as_sequences(dataset)
    assert found.ids.tolist() == ["ada/1", "bo/1", "cy/1"]
    assert [found.frames_of(row).tolist() for row in range(3)] == [[1, 0], [4, 5, 2], [6]]
    with pytest.raises(DatasetCorruptError, match="the sequence bo/1 of frames have the same place"):
        as_sequences(replace(dataset, frames=np.array([1, 0, 0, -1, 0, 1, 0])))


def test_labels_are_mapped_by_the_sequence() -> None:
    found = as_sequences(frames())
    assert found.with_labels(VALENCE3).targets.tolist() == [VALENCE3.index("positive"), -1, VALENCE3.index("neutral")]
    assert found.with_labels(CKPLUS7).targets.tolist() == [CKPLUS7.index("happiness"), CKPLUS7.index("surprise"), -1]


def test_rows_that_are_taken_keep_their_frames() -> None:
    found = as_sequences(frames()).take(np.array([2, 0]))
    assert found.frames_of(0).tolist() == [6]  # type: ignore[attr-defined]
    assert found.frames_of(1).tolist() == [1, 0]  # type: ignore[attr-defined]


def test_a_protocol_divides_sequences_and_people(tmp_path: Path) -> None:
    drawn = load_dataset("avatars", tmp_path, kind="sequences", labels=["happiness", "anger"], n=20, length=5, size=16, characters=10)
    found = as_sequences(drawn)
    divided = make_split(found, "subject_split").apply(found)
    assert len(divided) == 20
    assert sorted(set(divided.split.tolist())) == ["test", "train", "validation"]
    assert divided.subjects is not None
    sides = {(who, side) for who, side in zip(divided.subjects.tolist(), divided.split.tolist(), strict=True)}
    assert len(sides) == 10


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"sequences": None}, "holds no sequences"),
        ({"frames": None}, "holds no sequences"),
        ({"sequences": np.array([""] * len(ROWS))}, "holds no sequences"),
        ({"frames": np.zeros(len(ROWS), np.int64)}, "have the same place"),
        ({"split": np.array(["test", *["train"] * 6])}, "has frames in test and train"),
    ],
)
def test_what_holds_no_sequences_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(DatasetCorruptError, match=told):
        as_sequences(replace(frames(), **changes))


@pytest.mark.parametrize(
    ("length", "frames", "expected"),
    [
        (1, 3, [0, 0, 0]),
        (3, 3, [0, 1, 2]),
        (2, 5, [0, 0, 0, 1, 1]),  # each ⌈5 / 2⌉ = 3 times, cut
        (3, 4, [0, 0, 1, 1]),  # and the last one lost
        (7, 3, [0, 3, 6]),  # every ⌈7 / 3⌉ = 3rd
        (5, 4, [0, 2, 4, 4]),  # every 2nd, filled
        (80, 40, list(range(0, 80, 2))),
    ],
)
def test_algorithm_1(length: int, frames: int, expected: list[int]) -> None:
    assert resample(length, frames).tolist() == expected


def test_turns_differ_in_the_order_of_their_frames_alone(tmp_path: Path) -> None:
    drawn = load_dataset(
        "avatars", tmp_path, kind="turns", labels=["neutral", "happiness", "anger"], n=12, length=[6, 12], size=16, workers=1
    )
    found = as_sequences(drawn)
    assert found.labels.name == "turns"
    assert list(found.labels) == ["happiness comes", "happiness goes", "anger comes", "anger goes"]
    assert np.bincount(found.targets).tolist() == [3, 3, 3, 3]
    lengths = [len(found.frames_of(row)) for row in range(len(found))]
    assert len(set(lengths)) > 3
    assert (min(lengths) >= 6, max(lengths) <= 12) == (True, True)
    for row, target in enumerate(found.targets):
        strength, phases = (drawn.metadata[key][found.frames_of(row)] for key in ("intensity", "phase"))
        rises = target % 2 == 0
        assert (np.diff(strength) >= 0).all() if rises else (np.diff(strength) <= 0).all()
        assert set(phases) <= {"neutral", "onset" if rises else "offset", "apex"}
        assert (strength[-1] if rises else strength[0]) >= 0.6


def test_turns_of_classes_that_hold_several_expressions(tmp_path: Path) -> None:
    drawn = load_dataset("avatars", tmp_path, kind="turns", labels="valence3", n=8, length=5, size=16, workers=1)
    assert list(drawn.labels) == ["negative comes", "negative goes", "positive comes", "positive goes"]
    assert (drawn.targets >= 0).all()


@pytest.mark.parametrize("length", [[12, 6], [3, 9], [5, 6, 7]])
def test_a_range_of_lengths_is_checked(tmp_path: Path, length: list[int]) -> None:
    with pytest.raises(OptionError, match="length"):
        load_dataset("avatars", tmp_path, kind="turns", n=4, length=length, size=16)
