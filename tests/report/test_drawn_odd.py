"""Odd videos, drawn: each picture at its own time, upright, and the sound in step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from mien.analysis.analyzer import Analyzer
from mien.analysis.run import run
from mien.report.annotated import AnnotatedFolder
from mien.sources import resolve
from mien.sources.video import VideoSource
from tests.analysis.parts import ColourModel, FixedDetector
from tests.report.parts import click_at, click_of, picture_times, sound_of, write_video
from tests.sources.videos import STEADY, write_sizes

CLICK = click_at(1.2, 2.0, 44_100)
UNEVEN = [0.0, 0.04, 0.3, 0.31, 0.9, 1.0, 1.1, 1.9]


def turned(path: Path) -> Path:
    """As a phone held upright writes it: lying pictures, and a note of how to turn them."""
    source = write_video(path.with_name("lying.mp4"), STEADY, sound=CLICK)
    with av.open(str(source)) as read, av.open(str(path), "w") as container:
        streams = [container.add_stream_from_template(stream) for stream in read.streams]
        streams[0].set_display_rotation(90)
        for packet in read.demux():
            if packet.size:
                packet.stream = streams[packet.stream.index]
                container.mux(packet)
    return path


def joined(path: Path) -> Path:
    path.write_bytes(2 * write_video(path, STEADY, sound=CLICK).read_bytes())
    return path


# What is written; the size of what is drawn; when the click is heard and when the sound ends, from the first picture on.
Case = tuple[Callable[[Path], Path], tuple[int, int], float, float]
ODD: dict[str, Case] = {
    "variable.mp4": (lambda path: write_video(path, UNEVEN, sound=CLICK), (64, 48), 1.2, 2.0),
    "variable.mkv": (lambda path: write_video(path, UNEVEN, sound=CLICK), (64, 48), 1.2, 2.0),
    "late.mp4": (lambda path: write_video(path, [0.5 + t for t in STEADY], sound=CLICK), (64, 48), 0.7, 1.5),
    "late.mkv": (lambda path: write_video(path, [0.5 + t for t in STEADY], sound=CLICK), (64, 48), 0.7, 1.5),
    "late.ts": (lambda path: write_video(path, [0.5 + t for t in STEADY], sound=CLICK), (64, 48), 0.7, 1.5),
    "turned.mp4": (turned, (48, 64), 1.2, 2.0),
    "joined.ts": (joined, (64, 48), 1.2, 4.0),
}


def drawn(path: Path, folder: Path) -> Path:
    sink = AnnotatedFolder(folder)
    run(Analyzer(ColourModel(), FixedDetector()), resolve(path), [sink])
    return sink.written[0]


@pytest.mark.parametrize("name", ODD)
def test_pictures_and_sound_keep_their_times(name: str, tmp_path: Path) -> None:
    write, size, click_s, end_s = ODD[name]
    source = write(tmp_path / name)
    out = drawn(source, tmp_path / "drawn")
    with VideoSource(source) as video:
        times = np.array([frame.time_s for frame in video])
    seen = np.array(picture_times(out))
    assert seen.shape == times.shape
    assert (np.abs(seen - times) < np.diff(times).min() / 2).all()
    assert click_of(out) == pytest.approx(click_s, abs=0.03)
    assert sound_of(out)[1] == pytest.approx(end_s, abs=0.12)
    with av.open(str(out)) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == size


@pytest.mark.slow
def test_both_clicks_of_joined_recordings_are_heard(tmp_path: Path) -> None:
    loudness, _ = sound_of(drawn(joined(tmp_path / "a.ts"), tmp_path / "drawn"))
    loud = np.flatnonzero(loudness > loudness.max() / 2)
    assert (loud[0] / 1000, loud[-1] / 1000) == pytest.approx((1.2, 3.2), abs=0.1)


def test_pictures_of_another_size_are_not_squeezed(tmp_path: Path) -> None:
    """An upright one lies in the middle of a lying one, between black borders."""
    picture = np.full((120, 160, 3), 200, np.uint8)
    out = drawn(write_sizes(tmp_path / "a.mkv", [(160, 120), (60, 120)], "mjpeg", "yuvj420p", picture), tmp_path / "drawn")
    with av.open(str(out)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert (len(frames), frames[0].shape, frames[-1].shape) == (20, (120, 160, 3), (120, 160, 3))
    assert frames[0][110, 10].mean() == pytest.approx(200, abs=12)
    assert frames[-1][110, 10].mean() == pytest.approx(0, abs=12)
    assert frames[-1][110, 80].mean() == pytest.approx(200, abs=12)
