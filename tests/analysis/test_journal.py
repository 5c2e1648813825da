"""Runs that are broken off and go on: the same results to the bit, whatever was written when."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import av
import numpy as np
import pytest
from av import VideoFrame
from PIL import Image

from mien.analysis.analyzer import Analyzer
from mien.analysis.journal import Journal, fingerprint
from mien.analysis.run import run
from mien.analysis.sinks import Collect
from mien.core.errors import InputError, OutputError
from mien.core.types import RGB
from mien.faces.look import views
from mien.report.values import source_dict
from mien.sources import resolve
from mien.sources.video import VideoSource
from tests.analysis.parts import COLOURS, ArraySource, ColourModel, FixedDetector
from tests.sources.videos import write_video

MARKS = np.random.default_rng(0).uniform(160, 330, (5, 2)).astype(np.float32)


class Broken(Exception):
    """The machine went away."""


class Breaking(Collect):
    """Breaks off before the `after`-th frame."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after

    def frame(self, result: object, image: RGB) -> None:
        if self.after == 0:
            raise Broken
        self.after -= 1
        super().frame(result, image)  # type: ignore[arg-type]


def analyzer(every: int = 1) -> Analyzer:
    return Analyzer(ColourModel(), FixedDetector((150.0, 120.0, 350.0, 340.0), landmarks=MARKS), detect_every=every)


@pytest.fixture(scope="module")
def images(portrait: RGB) -> list[RGB]:
    return [np.roll(portrait, (2 * n, 3 * n), (0, 1)) for n in range(9)]


def sources(images: list[RGB]) -> list[ArraySource]:
    return [
        ArraySource("v", images, "video"),
        ArraySource("gone", images, error=InputError("It is gone.")),
        ArraySource("w", images, "video"),
    ]


def told(sink: Collect) -> list[object]:
    return [source_dict(source) for source in sink.sources]


@pytest.mark.parametrize("every", [1, 4])
@pytest.mark.parametrize("after", [0, 1, 5, 9, 10, 17])
def test_a_run_goes_on_where_it_was_broken_off(after: int, every: int, images: list[RGB], tmp_path: Path) -> None:
    whole = Collect()
    run(analyzer(every), sources(images), [whole])
    path = tmp_path / "journal"
    with pytest.raises(Broken):
        run(analyzer(every), sources(images), [Breaking(after)], journal=Journal(path, "a", COLOURS))
    assert path.is_file()
    again, kept, later = Collect(), sources(images), analyzer(every)
    journal = Journal(path, "a", COLOURS)
    taken = sum(begun.frames for begun in journal.begun)
    assert taken >= after - every
    run(later, kept, [again], journal=journal)
    assert told(again) == told(whole)
    assert not path.exists()
    assert later.model.batches.__len__() == 18 - taken  # type: ignore[attr-defined]
    if after > 9:
        assert kept[0].read == 0  # what was finished is not opened again


def test_how_people_looked_is_taken_up(images: list[RGB], tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with pytest.raises(Broken):
        run(analyzer(), sources(images), [Breaking(7)], journal=Journal(path, "a", COLOURS))
    journal = Journal(path, "a", COLOURS)
    taken = list(journal.past(0))
    journal.close(ok=False)
    assert len(taken) == 7
    assert all(result.faces for result, _ in taken)
    for (result, seen), image in zip(taken, images, strict=False):
        expected = views(image, [one.face for one in result.faces])
        assert len(seen) == len(expected)
        for one, other in zip(seen, expected, strict=True):
            np.testing.assert_array_equal(one.look, other.look)
            np.testing.assert_array_equal(one.free, other.free)


@pytest.mark.slow
def test_whatever_bytes_were_written_last_are_no_harm(images: list[RGB], tmp_path: Path) -> None:
    whole, path = Collect(), tmp_path / "journal"
    run(analyzer(3), sources(images), [whole])
    with pytest.raises(Broken):
        run(analyzer(3), sources(images), [Breaking(14)], journal=Journal(path, "a", COLOURS))
    written = path.read_bytes()
    first = written.index(b"\n") + 1
    for end in random.Random(0).sample(range(first, len(written)), 12):
        path.write_bytes(written[:end])
        again = Collect()
        run(analyzer(3), sources(images), [again], journal=Journal(path, "a", COLOURS))
        assert told(again) == told(whole)


def test_a_file_that_has_changed_is_refused(portrait_path: Path, tmp_path: Path) -> None:
    photos = [tmp_path / name for name in ("a.jpg", "b.jpg", "c.jpg")]
    for photo in photos:
        shutil.copy(portrait_path, photo)
    path = tmp_path / "journal"
    with pytest.raises(Broken):
        run(analyzer(), resolve(tmp_path), [Breaking(2)], journal=Journal(path, "a", COLOURS))
    Image.new("RGB", (64, 64)).save(photos[0])
    with pytest.raises(InputError, match=r"a\.jpg has changed since the journal was begun"):
        run(analyzer(), resolve(tmp_path), [Collect()], journal=Journal(path, "a", COLOURS))


def test_a_journal_of_another_run_is_refused_and_kept(images: list[RGB], tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with pytest.raises(Broken):
        run(analyzer(), sources(images), [Breaking(3)], journal=Journal(path, "a", COLOURS))
    before = path.read_bytes()
    with pytest.raises(InputError, match="no journal of this run"):
        Journal(path, "b", COLOURS)
    assert path.read_bytes() == before
    with pytest.raises(InputError, match="The journal holds v in place of other"):
        run(analyzer(), [ArraySource("other", images, "video")], [Collect()], journal=Journal(path, "a", COLOURS))
    (tmp_path / "text").write_text("my notes\n", encoding="utf-8")
    with pytest.raises(InputError, match="no journal of this run"):
        Journal(tmp_path / "text", "a", COLOURS)
    with pytest.raises(OutputError, match="Can't keep a journal in"):
        Journal(tmp_path / "text" / "journal", "a", COLOURS)


def test_a_journal_stays_where_a_result_can_not_be_written(images: list[RGB], tmp_path: Path) -> None:
    class Full(Collect):
        def close(self, ok: bool) -> None:
            raise OutputError("The disk is full.")

    path = tmp_path / "journal"
    with pytest.raises(OutputError, match="full"):
        run(analyzer(), sources(images), [Full()], journal=Journal(path, "a", COLOURS))
    again = Collect()
    run(analyzer(), sources(images), [again], journal=Journal(path, "a", COLOURS))
    assert len(told(again)) == 3


def test_a_file_is_known_by_its_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"a")
    before = fingerprint(str(path))
    path.write_bytes(b"ab")
    assert fingerprint(str(path)) != before
    assert fingerprint("no such*") == ["no such*"]


@pytest.mark.slow
@pytest.mark.parametrize("every", [1, 4])
def test_of_a_video_little_is_decoded_again(every: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = write_video(tmp_path / "a.mkv", [i / 25 for i in range(90)], noisy=True)
    path, whole, again = tmp_path / "journal", Collect(), Collect()
    run(analyzer(every), resolve(video), [whole])
    with pytest.raises(Broken):
        run(analyzer(every), resolve(video), [Breaking(77)], journal=Journal(path, "a", COLOURS))
    converted = []
    convert = VideoSource._image

    def count(self: VideoSource, frame: VideoFrame) -> RGB:
        converted.append(frame.pts)
        return convert(self, frame)

    monkeypatch.setattr(VideoSource, "_image", count)
    journal = Journal(path, "a", COLOURS)
    assert journal.begun[0].frames >= 77 - every
    run(analyzer(every), resolve(video), [again], journal=journal)
    assert told(again) == told(whole)
    assert len(converted) == 90 - journal.begun[0].frames + 1  # the last one that was kept, to see that it is the same


def test_a_video_that_was_damaged_is_read_from_its_beginning(tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.avi", [i / 25 for i in range(40)], codec="mjpeg", pix_fmt="yuvj420p", noisy=True)
    with av.open(str(video)) as container:
        at, size = [(packet.pos, packet.size) for packet in container.demux()][5]
    data = bytearray(video.read_bytes())
    assert at is not None
    data[at + 4 : at + size] = bytes(size - 4)
    video.write_bytes(data)
    path, whole, again = tmp_path / "journal", Collect(), Collect()
    run(analyzer(), resolve(video), [whole])
    with pytest.raises(Broken):
        run(analyzer(), resolve(video), [Breaking(30)], journal=Journal(path, "a", COLOURS))
    journal = Journal(path, "a", COLOURS)
    last = journal.begun[0].last
    assert last is not None
    assert last.damaged
    run(analyzer(), resolve(video), [again], journal=journal)
    assert told(again) == told(whole)
    assert again.sources[0].error is not None
    assert "1 of its frames could not be decoded, from 0.2 s on" in again.sources[0].error
