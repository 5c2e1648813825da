"""What of a video a model of sequences is given."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.analysis.recent import Recent


def recent(longest: int, rate_hz: float | None) -> Recent:
    model: Any = SimpleNamespace(card=SimpleNamespace(sequence={"longest": longest, "rate_hz": rate_hz}))
    return Recent(model)


def crop(number: int) -> NDArray[np.uint8]:
    return np.full((2, 2), number, np.uint8)


def numbers(sequence: list[NDArray[np.uint8]]) -> list[int]:
    return [int(one[0, 0]) for one in sequence]


def played(kept: Recent, times_s: list[float]) -> list[list[int]]:
    """The sequences of one face, seen at those times."""
    return [numbers(kept.add(time_s, [7], [crop(i)])[0]) for i, time_s in enumerate(times_s)]


def test_at_the_rate_it_learnt_from_every_frame_counts() -> None:
    assert played(recent(3, 25.0), [0.0, 0.04, 0.08, 0.12]) == [[0], [0, 1], [0, 1, 2], [1, 2, 3]]


def test_a_faster_video_is_thinned() -> None:
    assert played(recent(3, 25.0), [i / 50 for i in range(7)])[-1] == [2, 4, 6]


def test_a_slower_video_repeats_what_was_seen() -> None:
    assert played(recent(5, 25.0), [0.0, 0.08, 0.16]) == [[0], [0, 0, 1], [0, 0, 1, 1, 2]]


def test_uneven_times_take_the_latest_that_had_come() -> None:
    assert played(recent(4, 10.0), [0.0, 0.11, 0.19, 0.31])[-1] == [0, 1, 2, 3]


def test_without_a_rate_the_last_frames_count() -> None:
    assert played(recent(2, None), [0.0, 0.5, 0.6]) == [[0], [0, 1], [1, 2]]


def test_a_face_that_was_away_begins_anew() -> None:
    assert played(recent(9, 25.0), [0.0, 0.04, 1.2, 1.24]) == [[0], [0, 1], [2], [2, 3]]


def test_rare_frames_are_no_absence() -> None:
    assert played(recent(3, None), [0.0, 2.0, 4.0, 9.5]) == [[0], [0, 1], [0, 1, 2], [3]]


def test_faces_are_kept_apart_and_one_without_a_track_stands_alone() -> None:
    kept = recent(4, 25.0)
    kept.add(0.0, [1, 2, None], [crop(1), crop(2), crop(3)])
    found = kept.add(0.04, [2, 1, None], [crop(20), crop(10), crop(30)])
    assert [numbers(one) for one in found] == [[2, 20], [1, 10], [30]]


def test_memory_is_bounded() -> None:
    kept = recent(5, 25.0)
    for i in range(1100):
        kept.add(i / 100, [i // 300], [crop(i % 256)])
    assert len(kept._kept) == 1
    assert len(kept._kept[3]) <= 5 * 4 + 1


@pytest.mark.slow
def test_a_video_is_read_by_a_model_of_sequences(tmp_path: Path) -> None:
    import mien
    from mien.datasets.avatars import scene
    from mien.training.recipe import load_recipe
    from mien.training.run import train
    from tests.training.test_sequences import SHORT, TURNS, write_turns

    train(load_recipe("turns_gru", TURNS | SHORT), write_turns(tmp_path / "turns"), tmp_path / "run")
    clip = scene(tmp_path / "clip.mp4", seconds=1.2, faces=1, occluders=0, size=(320, 240))
    results = mien.analyze(str(clip.path), model=tmp_path / "run" / "model.onnx")
    table = results.to_df()
    assert set(table["label"].dropna()) <= {"happiness comes", "happiness goes", "surprise comes", "surprise goes"}
    assert table["label"].notna().mean() > 0.8
    model = mien.load_model(tmp_path / "run" / "model.onnx")
    alone = mien.Analyzer(model)  # the first frame of a track is a sequence of one
    first = results.frames[0].faces[0].prediction.scores
    frame = next(iter(alone.stream(str(clip.path))))
    np.testing.assert_allclose(frame.faces[0].prediction.scores, first, atol=1e-5)
