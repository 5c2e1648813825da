"""The sound of one video, carried over into another, packet by packet, in step with its pictures."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import OutputContainer

COPIED = frozenset({"aac", "ac3", "alac", "eac3", "mp3"})
AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
GAP_S = 0.05


class Sound:
    """Moves the first audio stream of `source` into `target`: as it is where an MP4 can hold its codec, else encoded as AAC.

    Sound before `start_s` and from `end_s` on is left out, and what is left begins at 0. A source without sound, or one that can't be read,
    gives none, nor does one whose first packet is unreadable; sound that breaks off ends there. Only a packet at a time is in memory.
    """

    def __init__(self, source: Path, target: OutputContainer, start_s: float, end_s: float, stack: contextlib.ExitStack) -> None:
        self._target, self._start_s, self._end_s = target, start_s, end_s
        self._packets: Iterator[tuple[float, av.Packet]] = iter(())
        self._next: tuple[float, av.Packet] | None = None
        with contextlib.suppress(av.FFmpegError, OSError):
            container = stack.enter_context(av.open(str(source)))
            if container.streams.audio:
                stream = container.streams.audio[0]
                self._packets = self._copied(stream) if stream.codec_context.codec.canonical_name in COPIED else self._encoded(stream)
                self._next = self._take()

    def until(self, time_s: float) -> None:
        """Move all sound that begins at or before `time_s`, in seconds of the target."""
        while self._next is not None and self._next[0] <= time_s:
            self._target.mux_one(self._next[1])
            self._next = self._take()

    def _take(self) -> tuple[float, av.Packet] | None:
        try:
            return next(self._packets, None)
        except av.FFmpegError:
            return None

    def _copied(self, stream: AudioStream) -> Iterator[tuple[float, av.Packet]]:
        out: AudioStream | None = None
        last: int | None = None
        for packet in stream.container.demux(stream):
            if packet.pts is None or packet.dts is None or packet.time_base is None:
                continue
            time_s = float(packet.pts * packet.time_base)
            if time_s >= self._end_s:
                return
            if time_s >= self._start_s:
                out = out or self._target.add_stream_from_template(stream)
                shift = round(self._start_s / packet.time_base)
                # Some AVI files give two packets the same time, which an MP4 can't hold.
                last = packet.dts - shift if last is None else max(packet.dts - shift, last + 1)
                packet.dts, packet.pts, packet.stream = last, max(packet.pts - shift, last), out
                yield time_s - self._start_s, packet

    def _encoded(self, stream: AudioStream) -> Iterator[tuple[float, av.Packet]]:
        rate = next((r for r in AAC_RATES if r >= stream.rate), AAC_RATES[-1])
        out: AudioStream | None = None
        due = 0
        for frame in stream.container.decode(stream):
            if frame.time is None or frame.time < self._start_s:
                continue
            if frame.time >= self._end_s:
                break
            out = out or self._target.add_stream("aac", rate=rate, layout=LAYOUTS.get(frame.layout.nb_channels, "stereo"))
            # Times in a coarse unit jitter, which the encoder takes for overlaps: count samples, and follow the times only over a gap.
            now = round((frame.time - self._start_s) * frame.sample_rate)
            frame.pts = now if not due or now - due > GAP_S * frame.sample_rate else due
            frame.time_base = Fraction(1, frame.sample_rate)
            due = frame.pts + frame.samples
            yield from _timed(out.encode(frame))
        if out:
            yield from _timed(out.encode(None))


def _timed(packets: list[av.Packet]) -> Iterator[tuple[float, av.Packet]]:
    for packet in packets:
        yield float((packet.pts or 0) * (packet.time_base or 0)), packet
