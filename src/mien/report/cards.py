"""The pictures of a report: a card each, smaller the more there are, so that a folder of thousands still opens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from mien.core.types import RGB, FaceResult, SourceInfo
from mien.report.charts import bars, safe, score, source_name, stripe
from mien.report.thumbs import QUALITY, data_uri, face_crop, jpeg, scene

FULL, SMALL = 40, 1000
FULL_PX, SMALL_PX, CROP_PX = 640, 240, 112
SMALL_QUALITY = 70
BESIDE, OPEN_FACES, MOST_FACES, SMALL_FACES = 2, 9, 60, 4


class Cards:
    """Writes a card a picture to `out`: the first `FULL` with every face, up to `SMALL` small ones, and none for the rest, which it counts.

    `count`: pictures seen; `small` and `hidden`: how many of them have a small card, and none.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self.count = self.small = self.hidden = 0

    def add(self, info: SourceInfo, faces: Sequence[FaceResult], image: RGB | None) -> None:
        """Add a picture and what was found in it; without `image` the card has words alone."""
        self.count += 1
        if self.count > SMALL:
            self.hidden += 1
        elif self.count > FULL:
            self.small += 1
            self._out.write(_small(info, faces, image, first=self.small == 1))
        else:
            self._out.write(_full(info, faces, image))

    def finish(self) -> None:
        """Close what is open."""
        if self.small:
            self._out.write("</div>")


def count(number: int, noun: str) -> str:
    """A number and its noun: "1 face", "1,204 faces"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def said(face: FaceResult) -> str:
    """Label and confidence of a face; a question mark where the model abstained."""
    label, unsure = safe(face.prediction.label), face.prediction.abstained
    mark = '<abbr title="under the confidence asked for">?</abbr>' if unsure else ""
    return f"<b>{label}{mark}</b> {score(face.prediction.confidence)}"


def _full(info: SourceInfo, faces: Sequence[FaceResult], image: RGB | None) -> str:
    shown = [_face(face, image) for face in faces[:MOST_FACES]]
    more = f'<li class="note">{len(faces) - MOST_FACES:,} more are in the totals and in the tables.</li>' if len(faces) > MOST_FACES else ""
    first, rest = "".join(shown[:OPEN_FACES]), "".join(shown[OPEN_FACES:]) + more
    if rest:
        rest = f'<details><summary>{count(len(faces) - OPEN_FACES, "more face")}</summary><ol class="faces">{rest}</ol></details>'
    found = f'<ol class="faces">{first}</ol>{rest}' if faces else '<p class="note">No face was found.</p>'
    form = "split" if len(faces) <= BESIDE else "stack"
    return (
        f'<article class="card"><header><h3>{source_name(info.source)}</h3><p>{_about(info, faces)}</p></header>'
        f'<div class="{form}">{_scene(info, faces, image, FULL_PX)}<div>{found}</div></div></article>\n'
    )


def _face(face: FaceResult, image: RGB | None) -> str:
    cut = "" if image is None else f'<img class="crop" alt="" src="{data_uri(jpeg(face_crop(image, face.face, CROP_PX)))}">'
    return f'<li class="face">{cut}<div><p class="said">{said(face)}</p>{bars(face.prediction)}</div></li>'


def _small(info: SourceInfo, faces: Sequence[FaceResult], image: RGB | None, first: bool) -> str:
    lines = "".join(
        f"<li>{said(face)}{stripe(face.prediction.scores.tolist(), face.prediction.labels.names)}</li>" for face in faces[:SMALL_FACES]
    )
    more = f'<li class="note">{count(len(faces) - SMALL_FACES, "more face")}</li>' if len(faces) > SMALL_FACES else ""
    found = f'<ul class="lines">{lines}{more}</ul>' if faces else '<p class="note">No face was found.</p>'
    start = '<div class="grid">' if first else ""
    return (
        f'{start}<article class="card small">{_scene(info, faces, image, SMALL_PX)}<h3>{source_name(info.source)}</h3>{found}</article>\n'
    )


def _scene(info: SourceInfo, faces: Sequence[FaceResult], image: RGB | None, side: int) -> str:
    if image is None:
        return ""
    drawn = scene(image, faces, side, words=side == FULL_PX)
    words = ", ".join(face.prediction.label for face in faces[:SMALL_FACES]) or "no face"
    quality = QUALITY if side == FULL_PX else SMALL_QUALITY
    size = f'width="{drawn.shape[1]}" height="{drawn.shape[0]}"' + (' loading="lazy" decoding="async"' if side < FULL_PX else "")
    return f'<img class="scene" {size} alt="{safe(info.source)}: {safe(words)}" src="{data_uri(jpeg(drawn, quality))}">'


def _about(info: SourceInfo, faces: Sequence[FaceResult]) -> str:
    size = f"{info.width:,} × {info.height:,} px · " if info.width and info.height else ""
    return size + count(len(faces), "face")
