"""The compact memory of a video: bins, tracks, shots, times."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core.labels import FER8
from mien.core.types import FaceResult, FrameResult
from mien.report import timeline as module
from mien.report.charts import Bands, clock, ticks, when
from mien.report.timeline import BINS, STRIP, TRACKS, Timeline
from tests.report.parts import face, gray


def run(frames: list[tuple[float | None, tuple[FaceResult, ...]]], image: bool = False) -> Timeline:
    line = Timeline(FER8)
    for number, (time_s, faces) in enumerate(frames):
        line.add(FrameResult(number, time_s, faces), gray() if image else None)
    line.finish()
    return line


def test_seconds_follow_an_uneven_frame_rate() -> None:
    happy, sad = face(track=1, label="happiness"), face(track=1, label="sadness")
    line = run([(0.0, (happy,)), (0.5, (happy,)), (0.6, (sad,)), (2.6, ()), (3.0, (happy,))])
    seconds = dict(zip(FER8, line.tracks[1].sums.seconds.tolist(), strict=True))
    assert seconds["happiness"] == pytest.approx(0.6 + 0.4)
    assert seconds["sadness"] == pytest.approx(2.0)
    assert line.duration_s == pytest.approx(3.4)
    assert line.sums.faces == line.faces == 4
    assert sum(line.tracks[1].sums.shares) == pytest.approx(1)


@pytest.mark.parametrize("frames", [1, 7, BINS, BINS + 1, 5 * BINS + 3])
def test_bins_never_exceed_their_number_and_keep_every_face(frames: int) -> None:
    shown = face(track=1, label="fear", share=0.7)
    line = run([(number / 30, (shown,) if number % 10 < 5 else ()) for number in range(frames)])
    assert len(line.edges) - 1 <= BINS
    held = np.sum(list(line.tracks[1].bins.values()), axis=0)
    assert held[-1] == line.faces
    np.testing.assert_allclose(held[:-1] / held[-1], shown.prediction.scores, rtol=1e-3)
    assert (np.diff(line.edges) > 0).all() or frames == 1


def test_a_gap_is_where_no_face_was() -> None:
    line = run([(float(n), () if 3 <= n < 6 else (face(track=2),)) for n in range(10)])
    bands = Bands(line, line.tracks[2])
    assert list(bands.runs()) == [(0, 3), (6, 10)]
    assert bands.xs[[0, 3, 6, 10]].tolist() == [0, 6000, 12000, 20000]
    assert bands.area().count("M") % 2 == 0
    np.testing.assert_allclose(np.nansum(bands.means, axis=1), [1, 1, 1, 0, 0, 0, 1, 1, 1, 1], atol=1e-5)


def test_what_is_short_is_kept_as_a_peak_however_long_the_video() -> None:
    calm, flash = face(track=1, label="neutral"), face(track=1, label="anger", share=0.96)
    line = run([(n / 25, (flash if n == 3 * BINS else calm,)) for n in range(8 * BINS)])
    bands = Bands(line, line.tracks[1])
    anger = FER8.index("anger")
    assert float(np.nanmax(bands.peaks[:, anger])) == pytest.approx(0.96)
    assert float(np.nanmax(bands.means[:, anger])) < 0.5
    assert bands.brief().count("<rect") == 1
    assert f'class="band k{anger}"' in bands.brief()
    assert f'class="band k{anger}"' not in bands.ribbon()


def test_the_end_of_a_longer_stretch_is_not_brief() -> None:
    calm, happy = face(track=1, label="neutral"), face(track=1, label="happiness")
    line = run([(n / 25, (happy if n >= 2 * BINS + 1 else calm,)) for n in range(4 * BINS)])
    assert "<rect" not in Bands(line, line.tracks[1]).brief()


def test_one_frame_without_duration_still_has_a_chart() -> None:
    line = run([(4.0, (face(track=1),))])
    assert Bands(line, line.tracks[1]).xs.tolist() == [0, 20000]


def test_frames_without_a_time_are_counted() -> None:
    assert run([(None, ()), (None, ()), (None, ())]).edges.tolist() == [0, 1, 2, 3]


def test_shots_are_the_clearest_moment_of_each_label() -> None:
    frames = [(n / 10, (face(track=1, label="anger" if n % 2 else "neutral", share=0.5 + n * 0.04),)) for n in range(10)]
    line = run(frames, image=True)
    shots = {FER8[label]: shot for label, shot in line.tracks[1].shots.items()}
    assert {name: round(shot.time_s, 1) for name, shot in shots.items()} == {"neutral": 0.8, "anger": 0.9}
    assert shots["anger"].data.startswith(b"\xff\xd8")


def test_the_strip_is_short_and_even() -> None:
    line = run([(float(n), ()) for n in range(100)], image=True)
    times = [shot.time_s for shot in line.strip]
    assert STRIP // 2 <= len(times) <= STRIP
    assert len(set(np.diff(times))) == 1


def test_too_many_tracks_are_folded_but_counted() -> None:
    frames = [(float(n), (face(track=n), face((0, 0, 9, 9), track=-1))) for n in range(TRACKS + 50)]
    line = run(frames)
    assert len(line.tracks) == TRACKS
    assert line.folded == 51
    assert -1 in line.tracks
    assert line.sums.faces == line.faces
    assert line.sums.seconds.sum() == pytest.approx(2 * (TRACKS + 50))


def test_a_clearer_shot_must_be_clearly_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a slowly rising score would cost a picture a frame."""
    made: list[int] = []
    monkeypatch.setattr(module, "jpeg", lambda *_: made.append(1) or b"")
    run([(n / 30, (face(track=1, label="anger", share=0.5 + n * 0.0005),)) for n in range(300)], image=True)
    assert len(made) < 80


@pytest.mark.parametrize(
    ("time_s", "words"), [(0, "0.0 s"), (7.25, "7.2 s"), (59.94, "59.9 s"), (59.96, "1:00"), (185, "3:05"), (3723, "1:02:03")]
)
def test_times_in_words(time_s: float, words: str) -> None:
    assert clock(time_s) == words


@pytest.mark.parametrize(
    ("time_s", "span_s", "words"), [(7, 30, "7.0 s"), (7, 90, "0:07"), (0, 3600, "0:00"), (59.96, 3600, "1:00"), (3723, 4000, "1:02:03")]
)
def test_times_of_one_video_are_written_alike(time_s: float, span_s: float, words: str) -> None:
    assert when(time_s, span_s) == words


@pytest.mark.parametrize("span", [(0, 0.4), (0, 3), (10, 15), (0, 600), (5, 7200), (0, 0), (0, 1e6)])
def test_ticks_are_few_and_inside(span: tuple[float, float]) -> None:
    marks = ticks(*span)
    assert 1 <= len(marks) <= 12
    assert all(-1e-6 <= place <= 100 + 1e-6 for place, _ in marks)
    assert len({words for _, words in marks}) == len(marks)
