"""Drawn faces as a data set: what is drawn, for whom, and that it is always the same."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from pathlib import Path
from threading import Event
from typing import Any

import cv2
import numpy as np
import pytest

from mien.core.errors import LabelError, OptionError, UnknownNameError
from mien.core.labels import FER8, LABEL_SETS
from mien.datasets import Dataset, load_dataset
from mien.datasets.avatars.crew import draw_all
from mien.datasets.avatars.people import NAMED, cast
from mien.datasets.avatars.rows import ROLES, VISIBLE, Plan
from mien.faces import make_detector

NOWHERE = Path("nowhere")


def drawn(n: int = 48, **options: object) -> Dataset:
    return load_dataset("avatars", NOWHERE, n=n, workers=1, **options)


@pytest.fixture(scope="module")
def stills() -> Dataset:
    return drawn(64, labels="fer8")


@pytest.fixture(scope="module")
def sequences() -> Dataset:
    return drawn(8, labels="fer8", kind="sequences", length=16, size=32)


def test_stills_are_balanced_and_whole(stills: Dataset) -> None:
    assert stills.images.shape == (64, 48, 48)
    assert stills.images.dtype == np.uint8
    assert np.bincount(stills.targets, minlength=8).tolist() == [8] * 8
    assert stills.subjects is not None
    assert len(set(stills.ids.tolist())) == 64
    assert [FER8[t] for t in stills.targets] == stills.metadata["expression"].tolist()
    assert stills.sequences is None
    assert stills.notes == ()


def test_metadata_says_what_is_drawn(stills: Dataset) -> None:
    about = stills.metadata
    neutral = about["expression"] == "neutral"
    assert (about["intensity"][neutral] == 0).all()
    assert (about["intensity"][~neutral] >= 0.6).all()
    assert set(about["phase"][~neutral]) == {"apex"}
    assert np.abs(about["yaw"]).max() <= 28
    assert {"pitch", "roll", "light", "tone", "glasses", "noise", "units"} <= set(about)
    assert all("12" in units.split("+") for units in about["units"][about["expression"] == "happiness"])


def test_no_character_is_on_two_sides(stills: Dataset) -> None:
    sides = {split: set(stills.subset(split).subjects) for split in ("train", "validation", "test")}  # type: ignore[arg-type]
    assert all(sides.values())
    assert not sides["train"] & sides["validation"]
    assert not (sides["train"] | sides["validation"]) & sides["test"]
    assert stills.split[np.flatnonzero(stills.subjects == NAMED[5].name)].tolist() == [ROLES[5]] * 8


def test_no_two_stills_are_alike(stills: Dataset) -> None:
    flat = stills.images.reshape(len(stills), -1).astype(float)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    assert np.triu(flat @ flat.T, 1).max() < 0.95


@pytest.mark.parametrize("labels", [*LABEL_SETS, ("happiness", "sadness")], ids=str)
def test_every_label_set_can_be_drawn(labels: str | tuple[str, ...]) -> None:
    dataset = drawn(10, labels=labels, size=16)
    assert (dataset.targets >= 0).all()
    assert set(dataset.targets.tolist()) == set(range(len(dataset.labels)))


def test_a_class_of_several_expressions_shows_them_all() -> None:
    dataset = drawn(36, labels="valence3", size=16)
    negative = dataset.metadata["expression"][dataset.targets == dataset.labels.index("negative")]
    assert set(negative) == {"anger", "disgust", "fear", "sadness"}


def test_a_picture_depends_on_seed_and_number_alone(stills: Dataset) -> None:
    fewer = drawn(10, labels="fer8")
    assert (fewer.images == stills.images[:10]).all()
    assert not (drawn(10, labels="fer8", seed=1).images == fewer.images).all()
    plan = Plan(FER8, cast(30, 0), 0, 48, True, "crop", (0.6, 1.0))
    assert (np.stack([one.image for one in draw_all(plan, 10, 3)]) == fewer.images).all()


def test_another_process_draws_the_same_bits(stills: Dataset) -> None:
    code = (
        "import hashlib; from mien.datasets import load_dataset; import cv2; cv2.setNumThreads(3); "
        "print(hashlib.sha256(load_dataset('avatars', '.', n=6, labels='fer8', workers=1).images.tobytes()).hexdigest())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == hashlib.sha256(stills.images[:6].tobytes()).hexdigest()


def test_work_of_a_helper_that_fails_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan(FER8, cast(3, 0), 0, 16, True, "crop", (0.6, 1.0))
    for interpreter in ("/nowhere/python", "false"):
        monkeypatch.setattr(sys, "executable", interpreter)
        assert [one.row["id"] for one in draw_all(plan, 4, 2)] == [f"still-0-{i:06d}" for i in range(4)]


@pytest.mark.parametrize("starting", [False, True])
def test_an_interrupt_does_not_wait_for_the_helpers(starting: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a helper is at work already, or is being started as the interrupt comes."""
    slow, started, stopped = tmp_path / "slow", tmp_path / "started", Event()
    slow.write_text(f"#!/bin/sh\n: > '{started}'\nexec sleep 60\n", encoding="utf-8")
    slow.chmod(0o755)
    popen = subprocess.Popen

    def started_late(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        helper = popen(*arguments, **options)
        stopped.wait(30)
        time.sleep(0.2)  # in which those that run are ended
        return helper

    def interrupted(plan: Plan, share: range) -> None:
        while not started.exists():
            time.sleep(0.01)
        stopped.set()
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "executable", str(slow))
    monkeypatch.setattr("mien.datasets.avatars.crew._draw", interrupted)
    if starting:
        monkeypatch.setattr(subprocess, "Popen", started_late)
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        draw_all(Plan(FER8, cast(3, 0), 0, 16, True, "crop", (0.6, 1.0)), 4, 2)
    assert time.monotonic() - begun < 30


@pytest.mark.slow
def test_sequences_come_and_go(sequences: Dataset) -> None:
    assert len(sequences) == 128
    assert sequences.frames is not None
    assert sequences.sequences is not None
    for name in set(sequences.sequences):
        rows = np.flatnonzero(sequences.sequences == name)
        assert sequences.frames[rows].tolist() == list(range(16))
        phases, strength = sequences.metadata["phase"][rows].tolist(), sequences.metadata["intensity"][rows]
        order = [phase for i, phase in enumerate(phases) if not i or phase != phases[i - 1]]
        assert order == ["neutral", "onset", "apex", "offset", "neutral"]
        assert (np.diff(strength[[phase == "onset" for phase in phases]]) > 0).all()
        assert strength[0] == strength[-1] == 0
        shown = [sequences.labels[t] for t in sequences.targets[rows]]
        expected = [name if s >= VISIBLE else "neutral" for name, s in zip(sequences.metadata["expression"][rows], strength, strict=True)]
        assert shown == expected
    assert set(sequences.metadata["expression"]) == set(FER8) - {"neutral"}
    assert sequences.metadata["time_s"][1] == pytest.approx(0.04)


def test_the_face_changes_with_the_intensity() -> None:
    """Between the frames of a sequence the face moves most while the expression comes and goes."""
    plan = Plan(FER8, cast(("ada",), 0), 3, 48, True, "crop", (1.0, 1.0), (30, 30))
    rows = plan.drawn(1)
    first = rows[0].image.astype(float)
    apex = next(one for one in rows if one.row["phase"] == "apex").image.astype(float)
    assert np.abs(apex - first)[30:].mean() > 4  # mouth


def test_frames_of_a_set_without_neutral_are_counted() -> None:
    dataset = drawn(2, labels="ckplus7", kind="sequences", length=12, size=16)
    bare = int((dataset.targets < 0).sum())
    assert bare > 0
    assert dataset.notes[0].startswith(f"{bare} neutral frames have no label")


def test_characters_by_name_and_in_colour() -> None:
    dataset = drawn(8, labels="fer7", characters=("chidi", "hana"), channels=3, size=24)
    assert dataset.images.shape == (8, 24, 24, 3)
    assert set(dataset.subjects) == {"chidi", "hana"}  # type: ignore[arg-type]


def test_a_character_stays_the_same_however_many_there_are() -> None:
    assert cast(12, 4) == cast(40, 4)[:12]
    assert cast(12, 4)[8:] != cast(12, 5)[8:]
    assert len({one.name for one in cast(200, 0)}) == 200


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"n": 0}, OptionError, "n is a whole number"),
        ({"n": 2.5}, OptionError, "received 2.5"),
        ({"size": 8}, OptionError, "size is a whole number from 16"),
        ({"seed": -1}, OptionError, "seed is"),
        ({"channels": 2}, OptionError, "channels is 1"),
        ({"intensity": (0.9, 0.2)}, OptionError, "0 ≤ low ≤ high"),
        ({"intensity": 0.5}, OptionError, "2 values"),
        ({"intensity": ("a", "b")}, OptionError, "2 values"),
        ({"kind": "sequences", "length": 3}, OptionError, "length is"),
        ({"n": 1_000_000, "size": 512}, OptionError, "more than 8 GiB"),
        ({"kind": "still"}, UnknownNameError, "stills"),
        ({"framing": "wide"}, UnknownNameError, "portrait"),
        ({"characters": 0}, OptionError, "from 1 to 10,000"),
        ({"characters": ("ada", "ada")}, OptionError, "each once"),
        ({"characters": ("adda",)}, UnknownNameError, "ada"),
        ({"labels": ("happiness", "boredom")}, LabelError, "boredom"),
        ({"colour": True}, UnknownNameError, "channels"),
    ],
    ids=str,
)
def test_bad_options_are_told(options: dict[str, object], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        load_dataset("avatars", NOWHERE, **{"n": 4, **options})


@pytest.mark.slow
def test_the_default_detector_sees_faces() -> None:
    dataset = drawn(240, labels="fer8", framing="portrait", size=288, channels=3, seed=11)
    detector = make_detector("centerface")
    found = 0
    for image in dataset.images:
        faces = detector.detect(np.ascontiguousarray(image))
        found += any(abs(sum(face.box_xyxy[::2]) / 2 - 144) < 60 and 60 < face.size < 160 for face in faces)
    assert found / len(dataset) >= 0.95


@pytest.mark.slow
def test_expressions_are_learnt_from_other_characters() -> None:
    from skimage.feature import hog
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    dataset = load_dataset("avatars", NOWHERE, n=1400, characters=48, seed=5)
    features = np.stack([hog(cv2.resize(i, (48, 48)), pixels_per_cell=(6, 6), cells_per_block=(2, 2)) for i in dataset.images])
    train, test = dataset.split == "train", dataset.split == "test"
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.002, max_iter=300)).fit(features[train], dataset.targets[train])
    assert model.score(features[test], dataset.targets[test]) > 0.5
