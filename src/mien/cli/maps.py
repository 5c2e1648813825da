"""What `explain` makes of explanations: figures, a page, and tables on the terminal or everything as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import typer
from numpy.typing import NDArray

from mien.cli.console import show_json, show_table
from mien.core.types import RGB, FrameResult
from mien.report.cards import count
from mien.report.charts import portion
from mien.report.draw import percent
from mien.report.explain_figures import FigureFolder, averages_figure, class_figure, face_figure
from mien.report.explain_page import Check, PicturesPage, Setting, write_classes
from mien.report.explain_values import (
    REGIONS,
    WAYS,
    Explained,
    ExplainedClass,
    ExplainedFace,
    ExplainedSource,
    View,
    flat_shares,
    mass,
    strongest,
)
from mien.report.values import clean, frame_dict, number, source_head, text

if TYPE_CHECKING:
    from mien.datasets import Dataset

SCHEMA = "mien-explain/1"
_PLACES = ("Method", "Most by area", ">Brows, eyes", ">Nose, cheeks", ">Mouth, chin", ">Around")


_NO_FILES: dict[str, str | None] = {"figure": None, "arrays": None}


class Shown(Protocol):
    """What was explained, ready to be told."""

    def tell(self, *, as_json: bool) -> None:
        """Print it, and end with exit code 1 where something could not be explained."""


class Pictures:
    """The faces of pictures: `add` each source as it comes, `write`, `tell`. Only numbers and the page's own small pictures are kept."""

    def __init__(self, setting: Setting, out: Path | None, arrays: bool) -> None:
        self.checks: tuple[Check, ...] = ()
        self._setting, self._arrays = setting, arrays
        self._folder = None if out is None else FigureFolder(out)
        self._page = PicturesPage(setting)
        self._rows: list[tuple[str, ...]] = []
        self._sources: list[dict[str, Any]] = []
        self._errors: list[str] = []
        self._report: Path | None = None

    def add(self, source: ExplainedSource) -> None:
        """Take in a source: its figures are written at once."""
        self._page.add(source)
        name = Path(source.info.source).name
        faces = [self._face(name, place, face) for place, face in enumerate(source.faces, start=1)]
        if source.error is not None:
            self._errors.append(source.error)
            self._rows.append((text(name), "–", "not explained", *[""] * (len(_PLACES) + 1)))
        self._sources.append({**source_head(source.info), "error": clean(source.error), "faces": faces})

    def write(self, report: Path | None) -> None:
        """Write the page."""
        self._report = report
        if report is not None:
            self._page.write(report, self.checks)

    def tell(self, *, as_json: bool) -> None:
        """Print everything, then why something could not be explained, and end with exit code 1 where that is so."""
        if as_json:
            detector = {"detector": {"name": dict(self._setting.facts)["Detector"]}}
            show_json({**_document(self._setting), **detector, "sources": self._sources, "sanity": _plain(self.checks)})
        else:
            show_table(("Source", ">Face", "Label", ">Score", *_PLACES), self._rows)
            for error in self._errors if len(self._sources) > 1 else ():
                typer.echo(text(error))
            _finish(self.checks, self._folder, self._report)
        if self._errors:
            several = f"{len(self._errors)} of {len(self._sources)} sources could not be explained."
            typer.echo(f"mien: {several if len(self._sources) > 1 else ' '.join(text(self._errors[0]).split())}", err=True)
            raise typer.Exit(1)

    def _face(self, name: str, place: int, face: ExplainedFace) -> dict[str, Any]:
        framing = self._setting.framing
        self._rows += [(text(name), f"{place}", *_cells(one, framing)) for one in face.maps]
        arrays: dict[str, NDArray[Any]] = {"image": face.maps[0].image, **{one.method: one.heat for one in face.maps}}
        stem, title = f"{Path(name).stem}-face{place}", f"{name}, {face.name}"
        files = _save(self._folder, stem, lambda: face_figure(face, title), arrays if self._arrays else None)
        said = {} if face.result is None else frame_dict(FrameResult(0, None, (face.result,)))["faces"][0]
        return {**said, "maps": _maps(face.maps, framing), "views": _thetas(face.views), **files}


class Classes:
    """The classes of a data set: set `classes`, then `write`, then `tell`."""

    def __init__(self, setting: Setting, out: Path | None, arrays: bool, dataset: Dataset, split: str) -> None:
        self.classes: tuple[ExplainedClass, ...] = ()
        self.checks: tuple[Check, ...] = ()
        self._setting, self._arrays, self._dataset, self._split = setting, arrays, dataset, split
        self._folder = None if out is None else FigureFolder(out)
        self._figures: dict[str, dict[str, str | None]] = {}
        self._report: Path | None = None

    def in_turns(self) -> list[RGB]:
        """The examples, one of each class after another, so that the first ones are of all classes."""
        longest = max((len(one.examples) for one in self.classes), default=0)
        return [one.examples[place].picture for place in range(longest) for one in self.classes if place < len(one.examples)]

    def write(self, report: Path | None) -> None:
        """Write the figures and the page."""
        title = f"{self._setting.model.name} on {self._dataset.name}, {self._split}"
        shown = [one for one in self.classes if one.maps]
        if shown:
            self._figures[""] = self._saved("averages", lambda: averages_figure(shown, title), _arrays_of_means(shown))
        for one in shown:
            self._figures[one.label] = self._saved(one.label, partial(class_figure, one), _arrays_of_class(one))
        self._report = report
        if report is not None:
            write_classes(report, self.classes, self._setting, title, self.checks)

    def tell(self, *, as_json: bool) -> None:
        """Print everything."""
        if as_json:
            show_json(self._to_dict())
            return
        rows = []
        for one in self.classes:
            n = (f"{len(one.rows):,}", f"{one.available:,}")
            rows += [(*n, *_cells(each, self._setting.framing)) for each in one.maps]
            rows += [] if one.maps else [(*n, one.label, *[""] * (len(_PLACES) + 1))]
        show_table((">n", ">Of", "Label", ">Score", *_PLACES), rows)
        _finish(self.checks, self._folder, self._report)

    def _saved(self, stem: str, figure: Callable[[], RGB], arrays: Mapping[str, NDArray[Any]]) -> dict[str, str | None]:
        return _save(self._folder, stem, figure, arrays if self._arrays else None)

    def _to_dict(self) -> dict[str, Any]:
        origin = self._dataset.origin
        where = {"dataset": self._dataset.name, "split": self._split, "origin": {"protocol": origin.protocol, "fold": origin.fold}}
        classes = [self._class(one) for one in self.classes]
        return {
            **_document(self._setting), **where, **self._figures.get("", _NO_FILES), "classes": classes, "sanity": _plain(self.checks)
        }  # fmt: skip

    def _class(self, one: ExplainedClass) -> dict[str, Any]:
        paths, ids, framing = self._dataset.paths, self._dataset.ids, self._setting.framing
        rows = [
            {
                "row": row,
                "id": ids[row].item(),
                "path": None if paths is None else str(paths[row]),
                "score": number(face.maps[0].score),
                "maps": _maps(face.maps, framing),
                "views": _thetas(face.views),
            }
            for row, face in zip(one.rows.tolist(), one.examples, strict=True)
        ]
        files = self._figures.get(one.label, _NO_FILES)
        return {
            "label": one.label,
            "n": len(one.rows),
            "available": one.available,
            "maps": _maps(one.maps, framing),
            "views": _thetas(one.views),
            **files,
            "rows": rows,
        }


def _document(setting: Setting) -> dict[str, Any]:
    """What stands before the faces or the classes."""
    model = setting.model
    return {
        "schema": SCHEMA,
        "model": {"name": text(model.name), "sha256": model.sha256, "labels": list(model.labels)},
        "framing": setting.framing,
        "methods": [{"name": name, "unit": WAYS[name].unit, "options": dict(options)} for name, options in setting.methods.items()],
    }


def _maps(maps: Sequence[Explained], framing: str) -> dict[str, Any]:
    """Method → the numbers of its map, and how large the regions are in it."""
    return {
        one.method: {
            "label": one.label,
            "score": number(one.score),
            "n": one.n,
            "min": number(float(one.heat.min())),
            "max": number(float(one.heat.max())),
            **mass(one.heat, framing).to_dict(),
            "area": {name.replace(" ", "_"): number(share) for name, share in flat_shares(len(one.heat), framing).items()},
        }
        for one in maps
    }


def _thetas(views: Sequence[View]) -> list[list[list[float | None]]]:
    return [[list(map(number, row)) for row in view.theta.tolist()] for view in views]


def _cells(one: Explained, framing: str) -> tuple[str, ...]:
    """A map as cells of the table: label, score, method, and where what speaks for the label lies."""
    found, side = mass(one.heat, framing), len(one.heat)
    shares = ["–" if found.regions is None else portion(found.regions[name]).replace("&lt;", "<") for name in REGIONS]
    return one.label, percent(one.score), WAYS[one.method].title, strongest(found, side, framing), *shares


def _save(
    folder: FigureFolder | None, stem: str, figure: Callable[[], RGB], arrays: Mapping[str, NDArray[Any]] | None
) -> dict[str, str | None]:
    """Write a figure, and its arrays where there are any; gives their paths."""
    if folder is None:
        return _NO_FILES
    path = folder.save(stem, figure())
    return {"figure": text(str(path)), "arrays": None if arrays is None else text(str(folder.save_arrays(path, arrays)))}


def _arrays_of_means(classes: Sequence[ExplainedClass]) -> dict[str, NDArray[Any]]:
    maps = zip(*(one.maps for one in classes), strict=True)
    return {
        "labels": np.array([one.label for one in classes]),
        "n": np.array([len(one.rows) for one in classes]),
        "image": np.stack([one.maps[0].image for one in classes]),
        **{column[0].method: np.stack([each.heat for each in column]) for column in maps},
    }


def _arrays_of_class(one: ExplainedClass) -> dict[str, NDArray[Any]]:
    maps = zip(*(face.maps for face in one.examples), strict=True)
    heats = {column[0].method: np.stack([each.heat for each in column]) for column in maps}
    return {"rows": one.rows, "image": np.stack([face.maps[0].image for face in one.examples]), **heats}


def _plain(checks: Sequence[Check]) -> list[dict[str, Any]] | None:
    """The checks against random weights; None where none was asked for."""
    return [{"method": one.method, "agreement": number(one.agreement), "n": one.n} for one in checks] or None


def _finish(checks: Sequence[Check], folder: FigureFolder | None, report: Path | None) -> None:
    """What stands under the table: the checks, and what was written."""
    for check in checks:
        words = f"{WAYS[check.method].title}, agreement with random weights {check.agreement:+.2f} ({count(check.n, 'face')})"
        typer.echo(f"{words}. {check.meaning}")
    for path in ([] if folder is None else folder.written) + ([] if report is None else [report]):
        typer.echo(f"Wrote {path}")
