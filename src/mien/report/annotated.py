"""Every picture and video of a run with its faces drawn on it, into one folder."""

from __future__ import annotations

import os
import re
from pathlib import Path

import av
from PIL import ExifTags, Image

from mien.core.files import made_folder, replacing
from mien.core.types import RGB, FrameResult, SourceInfo
from mien.report.draw import annotate
from mien.report.video import MARK, AnnotatedVideo

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"})
QUALITY = 92


class AnnotatedFolder:
    """Takes results as they come: for each source `begin`, `frame` for every frame with its picture, `end`; then `close`.

    A picture keeps its size and kind (another kind than JPEG, PNG, WebP or TIFF becomes a PNG); a video or camera becomes an MP4 with
    its sound. Files are called as their sources are, with a number where two would be called the same or a file would be overwritten that
    was not drawn by mien: what it draws carries a mark, so that a second run replaces the first one's files and nobody else's.
    `written` lists them. Each file is whole or not there. `start_s` and `end_s`: the part of each video that is read, when not all of it.

    Raises
    ------
    OutputError
        At once, when the folder can't be made or written; later, when a write fails.
    """

    def __init__(self, folder: str | Path, *, start_s: float | None = None, end_s: float | None = None) -> None:
        self.folder = made_folder(folder)
        self.written: list[Path] = []
        self._part = (start_s, end_s)
        self._taken: set[str] = set()
        self._info = SourceInfo("", "image")
        self._video: AnnotatedVideo | None = None

    def begin(self, info: SourceInfo) -> None:
        """Start a source."""
        self._info = info

    def frame(self, result: FrameResult, image: RGB) -> None:
        """Draw a frame and write it."""
        drawn = annotate(image, result.faces)
        if self._info.kind == "image":
            self._write_picture(drawn)
        else:
            self._writer().write(drawn, result.time_s or 0.0)

    def end(self, error: str | None) -> None:
        """Finish the source. A video that broke off keeps what came before."""
        self._close_video(True)

    def close(self, ok: bool) -> None:
        """Throw a video away that was not finished."""
        self._close_video(False)

    def _write_picture(self, drawn: RGB) -> None:
        suffix = Path(self._info.source).suffix.lower()
        path = self._name(suffix if suffix in PICTURES else ".png")
        marked = Image.Exif()
        marked[ExifTags.Base.Software] = MARK
        with replacing(path) as temporary:
            Image.fromarray(drawn).save(temporary, quality=QUALITY, exif=marked)
        self.written.append(path)

    def _writer(self) -> AnnotatedVideo:
        if self._video is None:
            source = Path(self._info.source) if self._info.kind == "video" else None
            self._video = AnnotatedVideo(self._name(".mp4"), source, start_s=self._part[0], end_s=self._part[1])
        return self._video

    def _close_video(self, ok: bool) -> None:
        video, self._video = self._video, None
        if video is not None:
            video.close(ok)
            if ok:
                self.written.append(video.path)

    def _name(self, suffix: str) -> Path:
        source, stem = Path(self._info.source), stem_of(Path(self._info.source).stem)
        number = 1
        while True:
            name = f"{stem}{'' if number == 1 else f'-{number}'}{suffix}"
            path = self.folder / name
            if name.lower() not in self._taken and path.resolve() != source.resolve() and (is_drawn(path) or not os.path.lexists(path)):
                self._taken.add(name.lower())
                return path
            number += 1


def stem_of(name: str) -> str:
    """A name as the stem of a file that every system takes."""
    return re.sub(r'[\x00-\x1f<>:"/\\|?*]+', "_", name) or "picture"


def is_drawn(path: Path) -> bool:
    """Whether that file was drawn by mien."""
    try:
        if path.suffix.lower() == ".mp4":
            with av.open(str(path)) as video:
                return video.metadata.get("comment") == MARK
        with Image.open(path) as picture:
            return picture.getexif().get(ExifTags.Base.Software) == MARK
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, av.FFmpegError):
        return False  # what can't be read is somebody's all the same
