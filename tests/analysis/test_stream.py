"""The pump: order, overlap, bounded memory, and threads that end whatever happens."""

from __future__ import annotations

import threading
from collections.abc import Generator

import numpy as np
import pytest

from mien.analysis.analyzer import Analyzer
from mien.analysis.stream import Analysed, Began, Ended, ahead, pump
from mien.core.errors import DecodeError, InputError, OptionError
from mien.core.types import RGB
from tests.analysis.parts import ArraySource, ColourModel, FixedDetector, plain


@pytest.fixture
def analyzer() -> Analyzer:
    return Analyzer(ColourModel(), FixedDetector())


def threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("mien-ahead")]


def test_ahead_keeps_order_and_is_bounded() -> None:
    made: list[int] = []

    def count() -> Generator[int, None, None]:
        for n in range(50):
            made.append(n)
            yield n

    seen = []
    for n in ahead(count(), 3):
        seen.append(n)
        assert len(made) <= n + 1 + 3
    assert seen == list(range(50))
    assert not threads()


def test_ahead_raises_in_place() -> None:
    def broken() -> Generator[int, None, None]:
        yield 1
        raise DecodeError("cut short")

    items = ahead(broken(), 4)
    assert next(items) == 1
    with pytest.raises(DecodeError, match="cut short"):
        next(items)
    assert not threads()


def test_ahead_closes_what_it_reads() -> None:
    closed = threading.Event()

    def endless() -> Generator[int, None, None]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    items = ahead(endless(), 2)
    next(items)
    items.close()
    assert closed.is_set()
    assert not threads()


def test_events_in_order(analyzer: Analyzer) -> None:
    events = list(pump(analyzer, [ArraySource("a", [plain(9, 1, 1)]), ArraySource("b", [plain(1, 9, 1)] * 3, "video")]))
    kinds = [type(e).__name__ for e in events]
    assert kinds == ["Began", "Analysed", "Ended", "Began", "Analysed", "Analysed", "Analysed", "Ended"]
    assert [e.result.time_s for e in events if isinstance(e, Analysed)] == [None, 0.0, 1 / 25, 2 / 25]
    assert events[3].info.source == "b"
    assert events[3].expected_frames == 3


def test_no_sources(analyzer: Analyzer) -> None:
    assert list(pump(analyzer, [])) == []


def test_source_that_does_not_open_is_told_and_the_next_follows(analyzer: Analyzer) -> None:
    sources = [ArraySource("gone", [], error=InputError("no such file")), ArraySource("b", [plain(1, 9, 1)])]
    began, ended, *rest = pump(analyzer, sources)
    assert isinstance(began, Began)
    assert (began.info.source, began.info.kind, began.info.width) == ("gone", "image", None)
    assert isinstance(ended, Ended)
    assert str(ended.error) == "no such file"
    assert [type(e) for e in rest] == [Began, Analysed, Ended]


def test_source_that_breaks_off_keeps_its_frames(analyzer: Analyzer) -> None:
    source = ArraySource("cut", [plain(9, 1, 1)] * 5, "video", DecodeError("cut short"), breaks_at=3)
    events = list(pump(analyzer, [source]))
    assert [type(e) for e in events] == [Began, Analysed, Analysed, Analysed, Ended]
    assert isinstance(events[-1].error, DecodeError)
    assert not source.is_open


def test_os_error_is_an_error_of_the_source(analyzer: Analyzer) -> None:
    events = list(pump(analyzer, [ArraySource("disk", [plain(9, 1, 1)], error=OSError("I/O error"))]))
    assert str(events[-1].error) == "I/O error"


def test_a_fault_of_the_program_is_no_bad_input(analyzer: Analyzer) -> None:
    source = ArraySource("x", [plain(9, 1, 1)] * 3, error=ZeroDivisionError("fault"), breaks_at=1)
    with pytest.raises(ZeroDivisionError):
        list(pump(analyzer, [source]))
    assert not source.is_open
    assert not threads()


def test_memory_is_bounded(analyzer: Analyzer) -> None:
    source = ArraySource("long", [plain(9, 1, 1)] * 200, "video")
    events = pump(analyzer, [source])
    next(events)
    for n in range(100):
        next(events)
        assert source.read <= n + 8
    events.close()
    assert not source.is_open
    assert not threads()


def test_videos_are_tracked_and_stills_are_not(analyzer: Analyzer) -> None:
    images = [plain(9, 1, 1)] * 8
    sources = [ArraySource("v", images, "video"), ArraySource("s", images), ArraySource("w", images, "video")]
    results: dict[str, list[int | None]] = {}
    for event in pump(analyzer, sources):
        if isinstance(event, Began):
            ids = results.setdefault(event.info.source, [])
        elif isinstance(event, Analysed):
            ids.append(event.result.faces[0].track_id)
    assert results["s"] == [None] * 8
    assert len({i for i in results["v"] if i is not None}) == 1
    assert results["v"] == results["w"], "each video counts its tracks from the start"


def test_tracking_can_be_off(analyzer: Analyzer) -> None:
    events = pump(analyzer, [ArraySource("v", [plain(9, 1, 1)] * 4, "video")], track=False)
    assert {f.track_id for e in events if isinstance(e, Analysed) for f in e.result.faces} == {None}


def test_faces_are_followed_between_detections_in_videos_alone(portrait: RGB) -> None:
    detector = FixedDetector((150.0, 120.0, 350.0, 340.0))
    analyzer = Analyzer(ColourModel(), detector, detect_every=3)
    images = [np.roll(portrait, (2 * n, 3 * n), (0, 1)) for n in range(7)]
    boxes: dict[str, list[float]] = {}
    for source in (ArraySource("v", images, "video"), ArraySource("w", images[:2], "video"), ArraySource("s", images)):
        found = [event.result.faces[0] for event in pump(analyzer, [source]) if isinstance(event, Analysed)]
        boxes[source.name] = [face.face.box_xyxy[0] for face in found]
    assert detector.asked == 3 + 1 + 7
    assert boxes["v"] == pytest.approx([150, 153, 156] * 2 + [150], abs=0.5)
    assert boxes["s"] == [150] * 7
    with pytest.raises(OptionError, match="detect_every is 1 or more; received 0"):
        Analyzer(ColourModel(), detector, detect_every=0)
