"""A video file by PyAV: its good frames with their true times and indices, and what was wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np

from mien.sources.container import INDEXED, open_container, video_stream
from mien.sources.numbering import Numbering
from mien.sources.onward import Onward
from mien.sources.seen import Seen

# Containers whose header holds a duration from when the file was finished. Others have theirs from what is left of the file.
_PROMISING = ("matroska,webm", "avi", "flv")
_TOLERANCE_S = 0.5
# In others the clock may be set back.
_INDEXED = (INDEXED, "matroska,webm")


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded frame, not yet RGB: its true `index` in the file, and its time in seconds since the video's start."""

    index: int
    time_s: Fraction
    frame: av.VideoFrame


class VideoReader:
    """An open video file. `pictures` gives its good frames; `fault`, once they are exhausted, says what was not good.

    Parameters
    ----------
    data
        A path, or the bytes of a file.
    name
        What messages call it.

    Raises
    ------
    InputError
        What `open_container` and `video_stream` raise.
    """

    def __init__(self, data: str | Path | bytes, name: str) -> None:
        self.name, self._data = name, data
        self._connect()

    @property
    def damaged(self) -> bool:
        """Whether something of what was read could not be decoded."""
        return bool(self._seen.lost_at_s)

    @property
    def rate(self) -> Fraction | None:
        """Frames a second: the regular rate where there is one, else about the mean."""
        return self.stream.guessed_rate or self.stream.average_rate

    @property
    def duration_s(self) -> float | None:
        """How long the header says the video is, in seconds."""
        if self._format == "avi":
            # FFmpeg bends the container's duration to what it finds of the file.
            return float(self.stream.frames * self._tick_s) or None
        duration_s = Fraction(self.container.duration or 0, av.time_base)
        if self._last_indexed_dts is not None:
            duration_s = max(duration_s, self._last_indexed_dts * self._tick_s - self._zero_s)
        return float(duration_s) or None

    @property
    def frame_count(self) -> float | None:
        """How many frames there are by the index, or about how many by duration and rate."""
        if self._last_indexed_dts is not None:
            return len(self.stream.index_entries)
        return None if self.duration_s is None or self.rate is None else self.duration_s * float(self.rate)

    def pictures(self, start_s: float = 0) -> Iterator[Picture]:
        """The good frames in their order, from the last key frame at or before `start_s` on. What can't be decoded is left out."""
        frames = self._jump(start_s) if start_s > 0 else self._frames()
        before_s: Fraction | None = None
        for frame in frames:
            index = self._numbering.number(frame.pts)
            if index == 0 and self._format == "avi" and frame.pts is not None:
                # Reordered pictures come late in an AVI, all of them by as much.
                self._zero_s = frame.pts * self._tick_s
            time_s = self._time_s(frame, before_s)
            if frame.pts is not None:
                time_s = self._onward.of(time_s, frame.duration * self._tick_s or self._step_s)
            if before_s is not None:
                self._seen.gap_s = max(self._seen.gap_s, time_s - before_s)
            before_s = time_s
            self._seen.reached_s = max(self._seen.reached_s, time_s + frame.duration * self._tick_s)
            yield Picture(index, time_s, frame)

    def fault(self) -> str | None:
        """What was wrong with the video, after `pictures` came to its end; None for nothing."""
        promised_s, seen = self.duration_s, self._seen
        if promised_s is not None and self._is_cut(promised_s):
            return (
                f"{self.name} is cut short: it ends at {float(seen.reached_s):.1f} s of the {promised_s:.1f} s that its header promises. "
                "The frames before that were read; get the file again for the rest."
            )
        if seen.lost_at_s:
            return (
                f"{self.name} is damaged or cut short: {len(seen.lost_at_s)} of its frames could not be decoded, "
                f"from {float(seen.lost_at_s[0]):.1f} s on. The others were read; get the file again for the rest."
            )
        return None

    def close(self) -> None:
        """Close the file."""
        self.container.close()

    def _connect(self) -> None:
        self.container = open_container(self._data, self.name)
        try:
            self.stream = video_stream(self.container, self.name)
        except BaseException:
            self.container.close()
            raise
        self._numbering, self._onward = Numbering(), Onward()
        self._seen = Seen()
        self._format = self.container.format.name
        self._zero_s = (self.stream.start_time or 0) * self._tick_s
        entries = self.stream.index_entries
        self._last_indexed_dts = entries[-1].timestamp if self._format == INDEXED and len(entries) else None

    @property
    def _tick_s(self) -> Fraction:
        return self.stream.time_base or Fraction(1, av.time_base)

    @property
    def _step_s(self) -> Fraction:
        return 1 / (self.rate or Fraction(25))

    def _time_s(self, frame: av.VideoFrame, before_s: Fraction | None) -> Fraction:
        if frame.pts is not None:
            return frame.pts * self._tick_s - self._zero_s
        # A bare stream of pictures has no times: its rate makes them.
        return Fraction(0) if before_s is None else before_s + self._step_s

    def _frames(self) -> Iterator[av.VideoFrame]:
        for packet in self._packets():
            try:
                frames = self.stream.decode(packet)
            except av.FFmpegError:
                self._lose()
                continue
            for frame in frames:
                if frame.is_corrupt:
                    self._lose()
                else:
                    self._seen.any_good = True
                    yield frame

    def _packets(self) -> Iterator[av.Packet[Any] | None]:
        """The whole packets of the video stream, then None, which drains the decoder. Keeps watch over all streams on the way."""
        packets = self.container.demux()
        try:
            for packet in packets:
                ours = packet.stream.index == self.stream.index
                if ours and packet.pts is not None:
                    self._numbering.expect(packet.pts)
                if ours and self._is_broken(packet):
                    self._lose()
                elif packet.size and not self._is_broken(packet):
                    self._seen.packet(packet, ours)
                    if ours:
                        yield packet
        except av.FFmpegError:
            self._lose()
        yield None

    def _is_broken(self, packet: av.Packet[Any]) -> bool:
        # Of a transport stream FFmpeg marks the packet before a gap, and one at a sound seam: there the decoder tells.
        return packet.is_corrupt and self._format != "mpegts"

    def _lose(self) -> None:
        if self._seen.lose():
            self._numbering.lose()

    def _is_cut(self, promised_s: float) -> bool:
        if self._last_indexed_dts is not None:
            return self._seen.last_dts < self._last_indexed_dts
        # Sound and subtitles may outlast the pictures, and the last picture may stay as long as any did.
        return self._format in _PROMISING and self._seen.end_s + self._seen.gap_s + _TOLERANCE_S < promised_s

    def _jump(self, start_s: float) -> Iterator[av.VideoFrame]:
        """Seek, and number the frames from there on. Where the first one's number can't be told, all frames from the beginning."""
        # Some formats seek by the time of decoding, which for a key frame lies before that of showing.
        for ahead_s in (0, 1, 10):
            # The packets of an AVI lie in the order of decoding and have no other times.
            if self._format == "avi" or ahead_s > start_s:
                break
            frames = self._seek(start_s - ahead_s)
            first = next(frames, None)
            if first is not None and first.pts is not None and self._time_s(first, None) <= start_s:
                index = self._survey(first.pts)
                if index is None:
                    break
                self._numbering.next = index
                return chain([first], frames)
            self._reconnect()
        self._reconnect()
        return self._frames()

    def _reconnect(self) -> None:
        self.close()
        self._connect()

    def _seek(self, start_s: float) -> Iterator[av.VideoFrame]:
        try:
            self.container.seek(int((Fraction(start_s) + self._zero_s) / self._tick_s), stream=self.stream)
        except av.FFmpegError:
            return iter(())
        return self._frames()

    def _survey(self, pts: int) -> int | None:
        """How many frames are shown before that time: packets are read and watched, none is decoded. None where their times don't tell."""
        shown: list[int] = []
        last_dts = -(2**63)
        with open_container(self._data, self.name) as container:
            for packet in container.demux():
                if packet.size and not self._is_broken(packet):
                    self._seen.packet(packet, packet.stream.index == self.stream.index)
                if packet.stream.index != self.stream.index or not packet.size:
                    continue
                dts = last_dts if packet.dts is None else packet.dts
                if packet.pts is None or dts < last_dts or self._is_broken(packet):
                    return None
                last_dts = dts
                if packet.pts < pts and not packet.is_discard:
                    shown.append(packet.pts)
                if dts >= pts and self._format in _INDEXED:
                    break
        steps = np.diff(np.sort([*shown, pts]))
        if len(steps) and not steps.all():
            return None
        self._seen.gap_s = max(self._seen.gap_s, int(steps.max(initial=0)) * self._tick_s)
        return len(shown)
