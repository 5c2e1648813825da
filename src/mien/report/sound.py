"""The sound of one video, carried over into another, packet by packet, in step with its pictures."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av

from mien.core.errors import InputError
from mien.sources.container import open_container, video_stream
from mien.sources.onward import Onward

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer

    Packet = av.Packet[Any]

COPIED = frozenset({"aac", "ac3", "alac", "eac3", "mp3"})
AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
GAP_S = 0.05
# Packets that a decoder needs to warm up with; an MP4 holds them before its beginning and players skip them.
WARM_UP_S = 0.05


class Sound:
    """Moves the first audio stream of `source` into `target`: as it is where an MP4 can hold its codec in step, else encoded as AAC.

    Times are those of the pictures: 0 is the first one's. Sound before `start_s` and from `end_s` on is left out, and what is left begins
    at 0. A source without sound gives none, nor does one that can't be read; sound that breaks off ends there. Only a packet at a time is
    in memory.
    """

    def __init__(self, source: Path, target: OutputContainer, start_s: float, end_s: float, stack: contextlib.ExitStack) -> None:
        self._target, self._length_s = target, end_s - start_s
        self._packets: Iterator[tuple[float, Packet]] = iter(())
        with contextlib.suppress(InputError):
            container = stack.enter_context(open_container(source, str(source)))
            picture = video_stream(container, str(source))
            self._zero_s = (picture.start_time or 0) * (picture.time_base or Fraction(0)) + Fraction(start_s)
            if container.streams.audio:
                stream = container.streams.audio[0]
                move = self._copied if stream.codec_context.codec.canonical_name in COPIED else self._encoded
                self._packets = move(container, stream)
        self._next = self._take()

    def until(self, time_s: float) -> None:
        """Move all sound that begins at or before `time_s`, in seconds of the target."""
        while self._next is not None and self._next[0] <= time_s:
            self._target.mux_one(self._next[1])
            self._next = self._take()

    def _take(self) -> tuple[float, Packet] | None:
        try:
            return next(self._packets, None)
        except av.FFmpegError:
            return None

    def _copied(self, container: InputContainer, stream: AudioStream) -> Iterator[tuple[float, Packet]]:
        out: AudioStream | None = None
        last: int | None = None
        onward = Onward()
        for packet in container.demux(stream):
            if packet.pts is None or packet.dts is None or packet.time_base is None:
                continue
            length_s = (packet.duration or 0) * packet.time_base
            time_s = float(onward.of(packet.pts * packet.time_base - self._zero_s, length_s))
            if time_s >= self._length_s:
                return
            if time_s >= -WARM_UP_S:
                out = out or self._target.add_stream_from_template(stream)
                shift = round((self._zero_s - onward.shift_s) / packet.time_base)
                # Some AVI files give two packets the same time, which an MP4 can't hold.
                last = packet.dts - shift if last is None else max(packet.dts - shift, last + 1)
                packet.dts, packet.pts, packet.stream = last, max(packet.pts - shift, last), out
                yield time_s, packet

    def _encoded(self, container: InputContainer, stream: AudioStream) -> Iterator[tuple[float, Packet]]:
        rate = next((r for r in AAC_RATES if r >= stream.rate), AAC_RATES[-1])
        out: AudioStream | None = None
        due = 0
        onward = Onward()
        for frame in container.decode(stream):
            if frame.pts is None or frame.time_base is None:
                continue
            time_s = float(onward.of(frame.pts * frame.time_base - self._zero_s, Fraction(frame.samples, frame.sample_rate)))
            if time_s < 0:
                continue
            if time_s >= self._length_s:
                break
            out = out or self._target.add_stream("aac", rate=rate, layout=LAYOUTS.get(frame.layout.nb_channels, "stereo"))
            # Times in a coarse unit jitter, which the encoder takes for overlaps: count samples, and follow the times only over a gap.
            now = round(time_s * frame.sample_rate)
            frame.pts = now if not due or now - due > GAP_S * frame.sample_rate else due
            frame.time_base = Fraction(1, frame.sample_rate)
            due = frame.pts + frame.samples
            yield from _timed(out.encode(frame))
        if out:
            yield from _timed(out.encode(None))


def _timed(packets: list[Packet]) -> Iterator[tuple[float, Packet]]:
    for packet in packets:
        yield float((packet.pts or 0) * (packet.time_base or 0)), packet
