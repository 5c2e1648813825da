"""Explanations as PNG figures: a face with its maps, a class with its examples, and the means of all classes side by side."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageDraw, ImageFont

from mien.core.files import made_folder, replacing, write_bytes
from mien.core.types import RGB
from mien.report.annotated import is_drawn, stem_of
from mien.report.draw import percent
from mien.report.explain_colours import colour_bar, enlarged, overlay, scale_ends
from mien.report.explain_values import WAYS, Explained, ExplainedClass, ExplainedFace, View, captions, limit_of, seen_by
from mien.report.values import text
from mien.report.video import MARK

PANEL, SMALL = 240, 132
"""Sides of the pictures in pixels: of one face, and of one of many."""
EXAMPLES = 8
_PAD, _GAP = 18, 14
_INK, _SOFT = (26, 29, 35), (91, 98, 112)


@dataclass(frozen=True, eq=False)
class _Scale:
    """A colour bar: the heat at its ends, whether it has two, and its unit."""

    limit: float
    signed: bool
    unit: str


@dataclass(frozen=True, eq=False)
class _Panel:
    """A square picture with words over it and, where it has colours, their scale under it."""

    picture: RGB
    title: str = ""
    note: str = ""
    scale: _Scale | None = None


@dataclass(frozen=True, eq=False)
class _Row:
    """Panels side by side, with words over them and one scale for all of them under them."""

    panels: tuple[_Panel, ...]
    title: str = ""
    scale: _Scale | None = None


def face_figure(face: ExplainedFace, title: str, *, side: int = PANEL) -> RGB:
    """One face: its crop, the map of each method with its scale, the views of spatial transformers; uint8 (H, W, 3).

    Over it `title` and what the model says; where a label was asked for, its score.
    """
    crop = _Panel(enlarged_whole(face.picture, side), "face")
    maps = [_map(one, side, limit_of([one.heat]), "\n".join(captions(one))) for one in face.maps]
    views = [_Panel(enlarged(one.image, side), f"view {place}", theta_words(one.theta)) for place, one in enumerate(face.views, start=1)]
    return _sheet(title, said_of(face), [_Row((crop, *maps, *views))])


def class_figure(one: ExplainedClass, *, side: int = SMALL, most: int = EXAMPLES) -> RGB:
    """The first `most` examples of a class: their faces, under them their maps, a row a method, and their views; uint8 (H, W, 3)."""
    shown = one.examples[:most]
    faces = _Row(tuple(_Panel(enlarged_whole(face.picture, side), face.name, percent(face.maps[0].score)) for face in shown))
    rows = [_of_method([face.maps[place] for face in shown], side, each_its_own=True) for place in range(len(one.maps))]
    words = f"{len(shown)} of the {len(one.rows):,} faces drawn; the class has {one.available:,}. Each map has its own scale."
    return _sheet(one.label, words, [faces, *rows, *_views([face.views for face in shown], side)])


def averages_figure(classes: Sequence[ExplainedClass], title: str, *, side: int = SMALL) -> RGB:
    """The means of the classes side by side: faces, under them maps, a row a method, and views; uint8 (H, W, 3)."""
    shown = [one for one in classes if one.maps]
    faces = _Row(tuple(_Panel(enlarged(one.maps[0].image, side), one.label, f"n = {one.maps[0].n:,}") for one in shown))
    rows = [_of_method([one.maps[place] for one in shown], side) for place in range(len(shown[0].maps) if shown else 0)]
    words = "Each map is the mean over the faces of its class, each divided by its own largest value; a row has one scale."
    return _sheet(title, words, [faces, *rows, *_views([one.views for one in shown], side)])


def said_of(face: ExplainedFace) -> str:
    """What the model says of a face, and whose evidence is shown where that is another label."""
    asked = face.maps[0] if face.maps else None
    if face.result is None:
        return "" if asked is None else f"{asked.label} {percent(asked.score)}"
    said = face.result.prediction
    words = f"{said.label} {percent(said.confidence)}"
    return words if asked is None or asked.label == said.label else f"{words}; shown for {asked.label}, {percent(asked.score)}"


def theta_words(theta: NDArray[np.float32]) -> str:
    """An affine map in two lines: what each coordinate of the crop becomes."""
    return "\n".join(f"{a:+.2f}x {b:+.2f}y {c:+.2f}".replace("-", "−") for a, b, c in (theta.round(2) + 0.0).tolist())  # no −0.00


def enlarged_whole(picture: RGB, side: int) -> RGB:
    """A picture of any shape in the middle of a white square."""
    factor = side / max(picture.shape[:2])
    size = max(round(picture.shape[1] * factor), 1), max(round(picture.shape[0] * factor), 1)
    if size[0] == size[1]:
        return enlarged(picture, side)
    square = Image.new("RGB", (side, side), "white")
    square.paste(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC), ((side - size[0]) // 2, (side - size[1]) // 2))
    return np.asarray(square)


class FigureFolder:
    """A folder that figures are written into, each whole or not there.

    A figure is called as what it shows, with a number where two would be called the same or a file would be overwritten that was not drawn
    by mien: figures carry a mark, so that a second run replaces the first one's and nobody else's.

    Raises OutputError when the folder can't be made or written.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = made_folder(folder)
        self.written: list[Path] = []

    def save(self, name: str, figure: RGB) -> Path:
        """Write a figure under the name of what it shows; gives its path."""
        path = self._free(stem_of(name))
        marked = Image.Exif()
        marked[ExifTags.Base.Software] = MARK
        with replacing(path) as temporary:
            Image.fromarray(figure).save(temporary, exif=marked)
        self.written.append(path)
        return path

    def save_arrays(self, figure: Path, arrays: Mapping[str, NDArray[Any]]) -> Path:
        """Write the arrays behind a figure beside it, as an .npz of the same name."""
        held = io.BytesIO()
        np.savez_compressed(held, allow_pickle=False, **arrays)
        path = figure.with_suffix(".npz")
        write_bytes(path, held.getvalue())
        self.written.append(path)
        return path

    def _free(self, stem: str) -> Path:
        number = 1
        while True:
            path = self.folder / f"{stem}{'' if number == 1 else f'-{number}'}.png"
            arrays = path.with_suffix(".npz")
            if path not in self.written and (is_drawn(path) or not (os.path.lexists(path) or os.path.lexists(arrays))):
                return path
            number += 1


def _map(one: Explained, side: int, limit: float, note: str = "") -> _Panel:
    way = WAYS[one.method]
    return _Panel(overlay(one.image, one.heat, limit, side), way.title, note, _Scale(limit, way.signed, way.unit))


def _of_method(maps: Sequence[Explained], side: int, *, each_its_own: bool = False) -> _Row:
    """The maps of several faces or classes by one method."""
    way = WAYS[maps[0].method]
    common = limit_of([one.heat for one in maps])
    panels = tuple(_Panel(overlay(one.image, one.heat, limit_of([one.heat]) if each_its_own else common, side)) for one in maps)
    return _Row(panels, f"{way.title}: {way.unit}", None if each_its_own else _Scale(common, way.signed, "share of each face's largest"))


def _views(views: Sequence[Sequence[View]], side: int) -> list[_Row]:
    """The views of several faces or classes, a row a spatial transformer."""
    panels = [[_Panel(enlarged(one.image, side), note=theta_words(one.theta)) for one in row] for row in zip(*views, strict=True)]
    return [_Row(tuple(row), seen_by(place)) for place, row in enumerate(panels)]


def _sheet(title: str, words: str, rows: Sequence[_Row]) -> RGB:
    """All rows under a heading, on white."""
    width = max([_row_width(row) for row in rows] + [360]) + 2 * _PAD
    height = 2 * _PAD + 48 + sum(_row_height(row) for row in rows)
    canvas = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(canvas)
    room = width - 2 * _PAD
    draw.text((_PAD, _PAD), _fitting(title, 18, room), _INK, _font(18))
    draw.text((_PAD, _PAD + 25), _fitting(words, 14, room), _SOFT, _font(14))
    top = _PAD + 48
    for row in rows:
        _paint_row(canvas, draw, row, top)
        top += _row_height(row)
    return np.asarray(canvas)


def _row_width(row: _Row) -> int:
    return sum(int(panel.picture.shape[1]) for panel in row.panels) + _GAP * max(len(row.panels) - 1, 0)


def _row_height(row: _Row) -> int:
    high = max((panel.picture.shape[0] for panel in row.panels), default=0)
    return sum((22 * bool(row.title), 20 * any(p.title for p in row.panels), high, _notes_height(row), _GAP))


def _notes_height(row: _Row) -> int:
    lines = max((panel.note.count("\n") + 1 if panel.note else 0 for panel in row.panels), default=0)
    return 52 * (row.scale is not None or any(panel.scale for panel in row.panels)) + 17 * lines


def _paint_row(canvas: Image.Image, draw: ImageDraw.ImageDraw, row: _Row, top: int) -> None:
    if row.title:
        draw.text((_PAD, top), row.title, _INK, _font(14))
        top += 22
    titled = 20 * any(panel.title for panel in row.panels)
    left = _PAD
    for panel in row.panels:
        high, wide = panel.picture.shape[:2]
        draw.text((left, top), _fitting(panel.title, 13, wide), _INK, _font(13))
        canvas.paste(Image.fromarray(panel.picture), (left, top + titled))
        under = top + titled + high + 6
        if panel.scale is not None:
            _paint_scale(canvas, draw, panel.scale, (left, under), wide)
            under += 46
        draw.multiline_text((left, under), _written(panel.note), _SOFT, _font(13), spacing=3)
        left += wide + _GAP
    if row.scale is not None and row.panels:
        high = max(panel.picture.shape[0] for panel in row.panels)
        _paint_scale(canvas, draw, row.scale, (_PAD, top + titled + high + 6), min(_row_width(row), 2 * PANEL))


def _paint_scale(canvas: Image.Image, draw: ImageDraw.ImageDraw, scale: _Scale, place: tuple[int, int], wide: int) -> None:
    left, top = place
    canvas.paste(Image.fromarray(colour_bar(scale.signed, wide, 10)), (left, top))
    low, high = scale_ends(scale.limit, scale.signed)
    draw.text((left, top + 13), _written(low), _INK, _font(12))
    draw.text((left + wide, top + 13), _written(high), _INK, _font(12), anchor="ra")
    draw.text((left + wide / 2, top + 28), scale.unit, _SOFT, _font(12), anchor="ma")


def _fitting(words: str, size: int, room: int) -> str:
    """The words on one line, their end left out where there is no room for it."""
    line = "".join(one if one.isprintable() else " " for one in _written(text(words)))
    if _font(size).getlength(line) <= room:
        return line
    while line and _font(size).getlength(f"{line}…") > room:
        line = line[:-1]
    return f"{line}…"


def _written(words: str) -> str:
    """The words in the letters of the font, which has no minus sign."""
    return words.replace("−", "-")


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
