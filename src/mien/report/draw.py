"""Faces drawn into pictures: a box in the expression's colour, its name and confidence, and a small chart of all scores.

Text stands on a dark plate and boxes have a dark edge, so both can be read on light and on dark pictures. Sizes follow the face and the
picture. A face under 60 pixels has its name alone. Where no chart of all scores fits without hiding another face, it has three, or goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mien.core.types import RGB, FaceResult
from mien.report.layout import Layout, Rect, around, beside
from mien.report.palette import colours, rgb

CHART_FROM = 60
TALLEST = 1.3
TOP = 3
OVER_ITSELF, OVER_OTHERS = 0.2, 0.02
PLATE = (16, 18, 23)
TEXT = (245, 246, 248)
_SOFT = (196, 200, 208)
_EMPTY = (58, 62, 71)


def annotate(image: RGB, faces: Sequence[FaceResult], *, words: bool = True) -> RGB:
    """A copy of `image`, uint8 (H, W, 3) RGB, of the same size, with `faces` (boxes in its pixels) drawn on it.

    `words=False` draws the boxes alone.
    """
    drawn = image.copy()
    if not faces:
        return drawn
    canvas = Image.fromarray(drawn)
    draw = ImageDraw.Draw(canvas)
    items = [_Item(face, i, _rect(face, canvas.size), canvas.size) for i, face in enumerate(faces)]
    layout = Layout(canvas.size, [item.rect for item in items])
    for item in items:
        _box(draw, item)
    if words:
        _write(canvas, draw, layout, items)
    # Only what was touched is taken back: a whole picture costs more than all the drawing.
    left, top, right, bottom = _around([*layout.faces, *layout.plates])
    drawn[top:bottom, left:right] = np.asarray(canvas.crop((left, top, right, bottom)))
    return drawn


def _around(rects: Sequence[Rect]) -> Rect:
    lefts, tops, rights, bottoms = zip(*rects, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _write(canvas: Image.Image, draw: ImageDraw.ImageDraw, layout: Layout, items: Sequence[_Item]) -> None:
    """Every label, then the charts that still have room, the largest faces first."""
    placed = [(item, label) for item in items for label in _place_label(layout, item)]
    for item in sorted(items, key=lambda item: -item.face.face.size):
        for rows, rect in _place_chart(layout, item):
            _chart(canvas, draw, item, rows, rect)
    for item, (said, rect) in placed:
        _label(canvas, draw, item, said, rect)


@dataclass(frozen=True)
class _Item:
    """A face to draw: its place in the list, its box in whole pixels inside the picture, and the sizes that follow from both."""

    face: FaceResult
    number: int
    rect: Rect
    picture: tuple[int, int]

    @property
    def em(self) -> int:
        """Height of the text in pixels."""
        short = min(self.picture)
        least = min(max(short / 75, 9.0), 24.0)
        size = min(max(self.face.face.size * 0.105, least), max(short / 32, least))
        return round(size) if size < 12 else round(size / 2) * 2

    @property
    def small(self) -> int:
        """Height of the chart's text."""
        return max(round(self.em * 0.84), 9)

    @property
    def line(self) -> int:
        """Thickness of the box."""
        return max(round(min(self.face.face.size / 100, self.em / 5)), 1)

    @property
    def colour(self) -> tuple[int, int, int]:
        """The colour of the label."""
        return rgb(self.palette[self.face.prediction.label])

    @property
    def palette(self) -> dict[str, str]:
        """The colour of each label."""
        return colours(self.face.prediction.labels)


def percent(share: float) -> str:
    """A share 0–1 in words: whole percents, and never a certainty that no model has (">99%", "<1%")."""
    return ">99%" if share >= 0.995 else "<1%" if 0 < share < 0.005 else f"{share:.0%}"


def _rect(face: FaceResult, picture: tuple[int, int]) -> Rect:
    """The box in whole pixels, cut at the picture's border, never empty."""
    x1, y1, x2, y2 = (round(v) for v in face.face.box_xyxy)
    left, top = min(max(x1, 0), picture[0] - 1), min(max(y1, 0), picture[1] - 1)
    return left, top, min(max(x2, left + 1), picture[0]), min(max(y2, top + 1), picture[1])


def _place_label(layout: Layout, item: _Item) -> Iterator[tuple[str, Rect]]:
    """The longest wording that has room, and its place; nothing in a picture too small for any."""
    best: tuple[float, str, Rect] | None = None
    for penalty, words in enumerate(_wordings(item.face)):
        found = layout.best(item.number, around(item.rect, _label_size(words, item.em), 0))
        if found and (best is None or found[0] + 0.1 * penalty < best[0]):
            best = (found[0] + 0.1 * penalty, words, found[1])
    if best:
        layout.plates.append(best[2])
        yield best[1:]


def _wordings(face: FaceResult) -> list[str]:
    said = face.prediction
    name = f"{said.label}?" if said.abstained else said.label
    track = [] if face.track_id is None else [f"#{face.track_id} {name} {percent(said.confidence)}"]
    return [*track, f"{name} {percent(said.confidence)}", name, said.label[:3]]


def _label_size(words: str, em: int) -> tuple[int, int]:
    pad = round(em * 0.45)
    return round(font(em).getlength(words)) + 2 * pad + round(em * 0.3), round(em * 1.5)


def _place_chart(layout: Layout, item: _Item) -> Iterator[tuple[list[int], Rect]]:
    """The chart with all scores in the order of the labels where there is room, else the highest three, else none."""
    said = item.face.prediction
    top = np.argsort(-said.scores, kind="stable")[:TOP].tolist()
    tallest = TALLEST * (item.rect[3] - item.rect[1])
    for rows in (list(range(len(said.labels))), top) if item.face.face.size >= CHART_FROM else ():
        size = _chart_size(item, len(rows))
        found = layout.best(item.number, beside(item.rect, size, max(item.line * 2, 3)))
        if found and size[1] <= tallest and layout.allows(item.number, found[1], OVER_ITSELF, OVER_OTHERS):
            layout.plates.append(found[1])
            yield rows, found[1]
            return


def _chart_size(item: _Item, rows: int) -> tuple[int, int]:
    small = item.small
    names = max(font(small).getlength(name) for name in item.face.prediction.labels)
    return round(names + small * 5.4 + item.em * 0.3), round(rows * small * 1.3 + small * 0.9)


def _box(draw: ImageDraw.ImageDraw, item: _Item) -> None:
    left, top, right, bottom = item.rect
    edge = 1 if item.line < 4 else 2
    draw.rectangle((left, top, right - 1, bottom - 1), outline=PLATE, width=item.line + 2 * edge)
    inner = (left + edge, top + edge, right - 1 - edge, bottom - 1 - edge)
    if inner[2] > inner[0] and inner[3] > inner[1]:
        draw.rectangle(inner, outline=item.colour, width=item.line)


def _label(canvas: Image.Image, draw: ImageDraw.ImageDraw, item: _Item, words: str, rect: Rect) -> None:
    _plate(canvas, rect, item.em)
    edge = _edge(draw, item, rect)
    draw.text((edge + round(item.em * 0.45), (rect[1] + rect[3]) / 2), words, TEXT, font(item.em), anchor="lm")


def _chart(canvas: Image.Image, draw: ImageDraw.ImageDraw, item: _Item, rows: list[int], rect: Rect) -> None:
    _plate(canvas, rect, item.em)
    _edge(draw, item, rect)
    said, small = item.face.prediction, item.small
    _, top, right, _ = rect
    pad, step, thick = round(small * 0.55), small * 1.3, max(round(small * 0.6), 3)
    start = right - pad - round(small * 3.6)
    for place, row in enumerate(rows):
        middle = top + small * 0.45 + step * (place + 0.5)
        high = round(middle - thick / 2)
        name = said.labels[row]
        draw.text((start - pad, middle), name, TEXT if name == said.label else _SOFT, font(small), anchor="rm")
        draw.rectangle((start, high, right - pad - 1, high + thick - 1), fill=_EMPTY)
        filled = round(float(said.scores[row]) * (right - pad - start))
        if filled:
            draw.rectangle((start, high, start + filled - 1, high + thick - 1), fill=rgb(item.palette[name]))


def _edge(draw: ImageDraw.ImageDraw, item: _Item, rect: Rect) -> int:
    """The edge in the face's colour that says whose plate it is; gives back where it ends."""
    wide = max(round(item.em * 0.3), 2)
    draw.rectangle((rect[0], rect[1], rect[0] + wide - 1, rect[3] - 1), fill=item.colour)
    return rect[0] + wide


def _plate(canvas: Image.Image, rect: Rect, em: int) -> None:
    canvas.paste(PLATE, rect, _mask(rect[2] - rect[0], rect[3] - rect[1], max(round(em * 0.2), 1)))


@lru_cache(maxsize=256)
def _mask(width: int, height: int, radius: int) -> Image.Image:
    """Opacity of a plate: four fifths, with round corners."""
    fine = Image.new("L", (width * 4, height * 4), 0)
    ImageDraw.Draw(fine).rounded_rectangle((0, 0, width * 4 - 1, height * 4 - 1), radius * 4, fill=210)
    return fine.resize((width, height), Image.Resampling.BOX)


@lru_cache(maxsize=64)
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The typeface of all drawn words, `size` pixels high."""
    return ImageFont.load_default(size)
