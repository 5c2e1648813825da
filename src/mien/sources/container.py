"""Opening a video file: local containers only, and a clear error for what is none."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.stream import Disposition

from mien.core.decode import MAX_PIXELS
from mien.core.errors import DecodeError, PixelLimitError
from mien.core.files import open_input
from mien.sources.formats import PREFIX_BYTES, VIDEO_SUFFIXES, kind_of_content

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

INDEXED = "mov,mp4,m4a,3gp,3g2,mj2"

# Playlists and scripts can name other files and addresses: they are no videos, and only local files are opened.
_DEMUXERS = (
    INDEXED,
    "matroska,webm,avi,flv,asf,mpeg,mpegts,mpegvideo,ogg,h264,hevc,m4v,mjpeg,gxf,mxf,nut,rm,swf,dv,ivf,wtv",
    "mp3,wav,flac,aac",
)
_OPTIONS = {"format_whitelist": ",".join(_DEMUXERS), "protocol_whitelist": "file"}


def open_container(data: str | Path | bytes, name: str) -> InputContainer:
    """Open a path, or the bytes of a file, that messages call `name`.

    Raises
    ------
    InputError
        The file is missing, a folder, or may not be read.
    DecodeError
        It is empty, no video, or its index is lost.
    """
    with io.BytesIO(data) if isinstance(data, bytes) else open_input(data) as stream:
        prefix = stream.read(PREFIX_BYTES)
    if not prefix:
        raise DecodeError(f"{name} is empty (0 bytes). Give a video file.")
    try:
        # A plain path with a colon would be taken for a protocol.
        target = io.BytesIO(data) if isinstance(data, bytes) else f"file:{data}"
        return av.open(target, "r", options=_OPTIONS, metadata_errors="replace")
    except (av.FFmpegError, OSError) as error:
        if kind_of_content(prefix) == "video":
            raise DecodeError(
                f"{name} begins as a video but can't be opened ({error.strerror}): it is cut short, or its recording was never finished. "
                "Get the file again."
            ) from error
        raise DecodeError(f"{name} is no video that can be read. Give a file such as {', '.join(VIDEO_SUFFIXES[:6])}.") from error


def video_stream(container: InputContainer, name: str) -> VideoStream:
    """The first video stream, decoding with threads. A cover picture of a sound file is none.

    Raises
    ------
    DecodeError
        There is none, or its codec is not known.
    PixelLimitError
        Its frames are over the pixel limit of pictures.
    """
    stream = next((s for s in container.streams.video if not s.disposition & Disposition.attached_pic), None)
    if stream is None:
        kinds = sorted({s.type for s in container.streams})
        raise DecodeError(f"{name} has no video stream; it holds {' and '.join(kinds) or 'nothing'}. Give a file with pictures.")
    if stream.codec_context is None:
        raise DecodeError(f"{name} is in a video codec that is not known here. Convert it to H.264 first.")
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > MAX_PIXELS:
        raise PixelLimitError(
            f"{name} has frames of {width}×{height} pixels; the limit is {MAX_PIXELS / 1e6:g} million. Scale it down first."
        )
    stream.thread_type = "AUTO"
    return stream
