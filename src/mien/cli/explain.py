"""`mien explain`: where in a face the evidence for a label lies, for pictures or as the means of a data set's classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.cli.analyze import FINDS, Labels, Model, Threads, without_drawn
from mien.cli.console import Advance, command_line, progress
from mien.cli.dividing import Division, Fold, Protocol, ProtocolOption, Rows
from mien.cli.options import Json, values

if TYPE_CHECKING:
    from mien.artifact import ExpressionModel
    from mien.bench.contenders import Contender
    from mien.cli.maps import Shown
    from mien.core.types import RGB
    from mien.datasets import Dataset
    from mien.report.explain_page import Setting

PER_CLASS = 20
_OF_DATA = "Only with --dataset."


@dataclass(frozen=True)
class _Of:
    """Which rows of which data set are explained."""

    dataset: str
    data: Path
    split: str
    per_class: int
    also_wrong: bool
    seed: int
    division: Division
    options: dict[str, Any]


@dataclass(frozen=True)
class _Wanted:
    """What is explained how, and what is made of it."""

    model: str
    methods: dict[str, dict[str, Any]]
    label: str | None
    labels: str | None
    sanity: bool
    seed: int
    out: Path | None
    arrays: bool
    report: Path | None
    threads: int | None
    advance: Advance = field(default=lambda *_: None)


def explain(
    inputs: Annotated[list[str] | None, typer.Argument(help="Pictures, folders, globs or videos.", show_default=False)] = None,
    model: Model = "default",
    method: Annotated[
        list[str] | None,
        typer.Option(
            help="occlusion, gradcam, saliency, integrated_gradients or stn; may be repeated, a column each.", show_default="occlusion"
        ),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(metavar="[METHOD.]KEY=VALUE", help="An option of the methods that have it, such as window=12; may be repeated."),
    ] = None,
    label: Annotated[str | None, typer.Option(help="Explain this label.", show_default="the model's own answer")] = None,
    labels: Labels = None,
    detector: Annotated[str | None, typer.Option("--detector", "-d", help=FINDS, show_default="centerface")] = None,
    at: Annotated[float | None, typer.Option(min=0, metavar="SECONDS", help="Which frame of a video.", show_default="the first")] = None,
    dataset: Annotated[
        str | None, typer.Option(help="In place of pictures: explain the classes of a data set.", show_default=False)
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(envvar="MIEN_DATA", help="The folder that the data sets lie in.", file_okay=False, show_default=False),
    ] = None,
    split: Annotated[str | None, typer.Option(help=f"Which split of it. {_OF_DATA}", show_default="test")] = None,
    per_class: Annotated[
        int | None, typer.Option(min=1, help=f"Faces drawn of each class. {_OF_DATA}", show_default=str(PER_CLASS))
    ] = None,
    also_wrong: Annotated[bool, typer.Option("--also-wrong", help=f"Also draw faces that the model gets wrong. {_OF_DATA}")] = False,
    data_option: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="An option of the data set; may be repeated.")] = None,
    rows: Rows = None,
    protocol: Protocol = None,
    fold: Fold = None,
    protocol_option: ProtocolOption = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draw, of the protocol and of the random weights.")] = 0,
    sanity: Annotated[bool, typer.Option("--sanity", help="Hold each method against the same network with random weights.")] = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write PNG figures into this folder.", show_default=False)] = None,
    arrays: Annotated[bool, typer.Option("--arrays", help="Beside each figure, its maps as an .npz of numpy. Needs --out.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write a page: one HTML file that opens offline.", show_default=False)] = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Show where in a face the evidence for a label lies.

    For each face of pictures, or, with --dataset, as the mean of each class. What can't be explained is a row with its error; the rest is
    finished, and the exit code is 1.
    """
    division = Division.of(protocol, fold, seed, protocol_option)
    of_data = {"--split": split, "--per-class": per_class, "--also-wrong": also_wrong, "--data-option": data_option, "--rows": rows}
    of_pictures = {"--at": at is not None, "--label": label, "--detector": detector}
    _check_usage(inputs, dataset, data, {**of_data, "--protocol": protocol}, of_pictures)
    if arrays and out is None:
        raise typer.BadParameter("The arrays lie beside the figures; give --out.", param_hint="--arrays")
    from mien.report.page import check_report

    if report is not None:
        check_report(report)
    with progress() as advance:
        methods = _methods(method or ["occlusion"], option)
        wanted = _Wanted(model, methods, label, labels, sanity, seed, out, arrays, report, threads, advance)
        if dataset is None or data is None:
            shown = _pictures(wanted, inputs or [], detector or "centerface", at)
        else:
            options = values(data_option, "--data-option") | ({} if rows is None else {"rows": rows})
            of = _Of(dataset, data, split or "test", per_class or PER_CLASS, also_wrong, seed, division, options)
            shown = _classes(wanted, of)
    shown.tell(as_json=as_json)


def _check_usage(
    inputs: list[str] | None, dataset: str | None, data: Path | None, of_data: dict[str, Any], of_pictures: dict[str, Any]
) -> None:
    """Pictures or a data set, and no option that belongs to the other one."""
    if bool(inputs) == (dataset is not None):
        raise typer.BadParameter("Give pictures, or a data set with --dataset; one of them.", param_hint="INPUTS")
    if dataset is not None and data is None:
        raise typer.BadParameter("Say where the data sets lie, or set MIEN_DATA.", param_hint="--data")
    foreign = of_pictures if dataset is not None else of_data
    for name, given in foreign.items():
        if given:
            said = "It belongs to pictures; a data set has faces as they are cut, and their labels." if dataset is not None else _OF_DATA
            raise typer.BadParameter(said, param_hint=name)


def _methods(names: Sequence[str], settings: Sequence[str] | None) -> dict[str, dict[str, Any]]:
    """Method → its options. One without a method's name goes to those that have it, or to the first, which says what it has."""
    from mien.core.errors import UnknownNameError
    from mien.datasets.options import check_options
    from mien.explain import METHODS

    chosen: dict[str, dict[str, Any]] = {}
    for name in names:
        if name not in METHODS:
            raise UnknownNameError("method of explanation", name, METHODS)
        chosen[name] = {}
    for key, value in values(settings, "--option").items():
        owner, dot, rest = key.partition(".")
        if dot and owner not in chosen:
            raise typer.BadParameter(f"{key!r} names {owner!r}, which is none of {', '.join(chosen)}.", param_hint="--option")
        takers = [owner] if dot else [name for name in chosen if key in METHODS[name].options] or list(chosen)[:1]
        for taker in takers:
            chosen[taker][rest if dot else key] = value
    for name, options in chosen.items():  # before they stand beside arguments of the same name
        check_options(name, METHODS[name].function, options)
    return chosen


def _pictures(wanted: _Wanted, inputs: list[str], detector: str, at: float | None) -> Shown:
    from mien.analysis.analyzer import Analyzer, framing_of
    from mien.analysis.explained import SANITY_FACES, check_methods, check_sanity, explain_sources
    from mien.bench.contenders import load_contender
    from mien.cli.maps import Pictures
    from mien.sources import resolve

    contender = load_contender(wanted.model, threads=wanted.threads)
    analyzer = Analyzer(contender.network, detector, wanted.labels)
    check_methods(analyzer.model, wanted.methods, wanted.label, sanity=wanted.sanity)
    facts = [("Detector", analyzer.detector.name), *([("Label", wanted.label)] if wanted.label else [])]
    shown = Pictures(_setting(wanted, analyzer.model, contender, facts, framing_of(analyzer.model)), wanted.out, wanted.arrays)
    sources = resolve(inputs, start_s=at)
    if wanted.out is not None:
        sources = without_drawn(sources, wanted.out, set(inputs))
    crops: list[RGB] = []
    for number, source in enumerate(explain_sources(analyzer, sources, wanted.methods, label=wanted.label), start=1):
        wanted.advance(f"{number}. {Path(source.info.source).name}", number, None)
        shown.add(source)
        crops += [face.picture for face in source.faces][: SANITY_FACES - len(crops)]
    if wanted.sanity and crops:
        wanted.advance("Random weights", 0, None)
        shown.checks = check_sanity(analyzer.model, crops, wanted.methods, seed=wanted.seed)
    shown.write(wanted.report)
    return shown


def _classes(wanted: _Wanted, of: _Of) -> Shown:
    from mien.analysis.analyzer import framing_of
    from mien.analysis.explained import check_methods, check_sanity, explain_classes
    from mien.bench.contenders import load_contender
    from mien.cli.maps import Classes
    from mien.datasets.base import split_name

    split = split_name(of.split)
    contender = load_contender(wanted.model, threads=wanted.threads)
    wanted.advance(f"{of.dataset}: reading", 0, None)
    model, dataset = _read(wanted, of, contender)
    check_methods(model, wanted.methods, sanity=wanted.sanity)
    drawn = f"{of.per_class} of each class, seed {of.seed}{'' if of.also_wrong else ', of those that the model gets right'}"
    facts = [("Data set", f"{dataset.name}, {split}"), ("Split", dataset.origin.protocol), ("Drawn", drawn)]
    shown = Classes(_setting(wanted, model, contender, facts, framing_of(model)), wanted.out, wanted.arrays, dataset, split)
    shown.classes = explain_classes(
        model, dataset, split, wanted.methods, per_class=of.per_class, seed=of.seed, also_wrong=of.also_wrong,
        progress=lambda done, total: wanted.advance(f"{of.dataset}: {split}", done, total),
    )  # fmt: skip
    if wanted.sanity and (faces := shown.in_turns()):
        wanted.advance("Random weights", 0, None)
        shown.checks = check_sanity(model, faces, wanted.methods, seed=wanted.seed)
    shown.write(wanted.report)
    return shown


def _read(wanted: _Wanted, of: _Of, contender: Contender) -> tuple[ExpressionModel, Dataset]:
    """The data set as it was asked for, and the model read as its labels."""
    from mien.core.labels import label_set
    from mien.datasets import load_dataset

    dataset = of.division.apply(load_dataset(of.dataset, of.data, **of.options))
    native = dataset.labels
    dataset = dataset if wanted.labels is None else dataset.with_labels(label_set(wanted.labels))
    return contender.read(native, dataset.labels), dataset


def _setting(wanted: _Wanted, model: ExpressionModel, contender: Contender, facts: list[tuple[str, str]], framing: str) -> Setting:
    from mien.artifact import Model as Own
    from mien.report.explain_page import Setting

    metrics = contender.network.card.metrics if isinstance(contender.network, Own) else ()
    return Setting(model.identity, wanted.methods, facts, framing, metrics, command_line())
