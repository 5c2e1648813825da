"""`mien models`: which models there are and what their cards say; `mien export`: a model as a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.cli.console import show_json, show_table, stdout
from mien.cli.options import Json

if TYPE_CHECKING:
    from mien.card import Card, Head

app = typer.Typer(help="The shipped models, and the card in any model file.", no_args_is_help=True)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the shipped models, and the architectures and classifiers that can be trained, with their recipes."""
    from mien.artifact import list_models, read_card

    cards = {name: read_card(name) for name in list_models()}
    trainable, why_not = _trainable()
    if as_json:
        show_json({"models": [{"model": name, **card.to_dict()} for name, card in cards.items()], **trainable})
        return
    rows = [
        (name, f"{c.name} {c.version}", ", ".join(h.labels.name for h in c.heads), f"{c.parameters:,}" if c.parameters else "?", c.licence)
        for name, c in cards.items()
    ]
    show_table(("Name", "Model", "Label sets", ">Parameters", "Licence"), rows, wide=4)
    if why_not:
        stdout().print(f"\nThere are architectures to train besides. {why_not}")
        return
    stdout().print("\nTo be trained, by mien train RECIPE:")
    for title, kind in (("Architecture", "architectures"), ("Classifier", "classifiers")):
        show_table(
            (title, "What it is", "Recipes"), [(t["name"], t["about"], ", ".join(t["recipes"])) for t in trainable[kind] or []], wide=(1, 2)
        )


def _trainable() -> tuple[dict[str, list[dict[str, Any]] | None], str]:
    """Name, first line of the description, and recipes of each architecture and classifier; None, and why, without what trains them."""
    from mien.core.errors import MissingExtraError
    from mien.core.optional import require

    try:
        for package in ("torch", "torchvision", "pydantic", "lightning_fabric"):
            require(package, "train")
    except MissingExtraError as error:
        return {"architectures": None, "classifiers": None}, str(error)
    from mien.models.registry import architectures
    from mien.training.classical_recipe import ClassicalRecipe
    from mien.training.classifiers import CLASSIFIERS
    from mien.training.ensemble import load_plan, runs_of
    from mien.training.recipe import list_recipes

    plans = {name: load_plan(name) for name in list_recipes()}
    networks = {name: {recipe.model.name for _, recipe, _ in runs_of(plan, Path())} for name, plan in plans.items()}
    classical = {name: {plan.classifier.name} for name, plan in plans.items() if isinstance(plan, ClassicalRecipe)}
    return {"architectures": _told(architectures(), networks), "classifiers": _told(CLASSIFIERS, classical)}, ""


def _told(kinds: Mapping[str, Any], used: Mapping[str, set[str]]) -> list[dict[str, Any]]:
    """Each kind by name, with the first line of its description and the recipes that use it."""
    import inspect

    return [
        {
            "name": name,
            "about": str(inspect.getdoc(kind)).partition("\n")[0],
            "recipes": [recipe for recipe, names in used.items() if name in names],
        }
        for name, kind in kinds.items()
    ]


@app.command()
def info(model: Annotated[str, typer.Argument(help="A shipped model's name, or a file that mien wrote.")], as_json: Json = False) -> None:
    """Show the card of a model.

    Its labels in their order, how its input is made, what it was trained on, how good it is.
    """
    from mien.artifact import read_card

    card = read_card(model)
    if as_json:
        show_json(card.to_dict())
    else:
        _show(card)


def export(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN|MODEL…",
            help="Folders that `mien train` wrote, names of shipped models, or model files; several are fused into one model.",
            show_default=False,
        ),
    ],
    onnx: Annotated[Path, typer.Option("--onnx", help="The file to write.", show_default=False)],
    int8: Annotated[
        bool, typer.Option("--int8", help="8-bit weights and activations: a quarter of the file; calibrated on training images.")
    ] = False,
    half: Annotated[bool, typer.Option("--half", help="Weights stored as float16: half of the file; computed in float32.")] = False,
    flip: Annotated[bool, typer.Option("--flip", help="Average each face with its mirror image: twice the work.")] = False,
    test: Annotated[
        bool, typer.Option("--test", help="Measure on the test split too, once the model is chosen, where its card has no figures for it.")
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            envvar="MIEN_DATA",
            help="The folder of the data that the model was trained on; --int8, --half, --flip and --test measure anew.",
            file_okay=False,
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write a model as one ONNX file with its card inside.

    Several models become one, which answers with the mean of their scores. With --int8, --half or --flip one model is written in another
    form: its calibration and thresholds are fitted again, and its card has the figures of the new form. With --test it has those on the
    test split too.
    """
    from mien.artifact import read_card
    from mien.core.files import write_bytes

    if onnx.suffix.lower() != ".onnx":
        raise typer.BadParameter(f"A model file ends in .onnx; received {str(onnx)!r}.", param_hint="--onnx")
    files = [_artifact(source) for source in sources]
    if len(files) > 1 and onnx.resolve() in [file.resolve() for file in files]:
        raise typer.BadParameter(f"{onnx} is one of the models, and would be lost. Give another file.", param_hint="--onnx")
    if int8 or half or flip or test:
        card, note = _remade(files, onnx, data, int8=int8, half=half, flip=flip, test=test)
    elif len(files) == 1:
        card = read_card(files[0])
        write_bytes(onnx, files[0].read_bytes())
        note = ""
    else:
        from mien.training.fuse import fuse

        card = fuse(files, onnx, name=onnx.stem)
        members = " + ".join(f"{member['name']} {member['version']}" for member in card.recipe["members"])
        note = f", the mean of {members}, not calibrated or measured as a whole"
    stdout().print(f"Wrote {onnx} ({card.name} {card.version}, sha256 {card.sha256[:12]}…){note}.")


def _remade(files: Sequence[Path], onnx: Path, data: Path | None, **forms: bool) -> tuple[Card, str]:
    """Write the one model of `files` in another form; gives its card, and what is to be told of it."""
    from mien.core.optional import require

    options = " ".join(f"--{name}" for name, wanted in forms.items() if wanted)
    if len(files) > 1:
        raise typer.BadParameter(f"{options} takes one model; received {len(files)}. Fuse them into a file first.", param_hint="RUN|MODEL…")
    if data is None:
        raise typer.BadParameter(f"{options} calibrates and measures anew, and needs the data set's folder.", param_hint="--data")
    if forms["int8"] and forms["half"]:
        raise typer.BadParameter("8-bit weights are smaller than float16 ones. Give one of the two.", param_hint="--int8 and --half")
    for package in ("torch", "onnx", "pydantic"):
        require(package, "train")
    from mien.training.remake import remake

    card = remake(files[0], onnx, data, **forms)
    made = f": {_origin(card.made_from)}" if card.made_from else ""
    return card, f", {onnx.stat().st_size / 1e6:.2f} MB of {files[0].stat().st_size / 1e6:.2f}{made}"


def _origin(made_from: Mapping[str, Any]) -> str:
    """The model that another form was made from, and how it was calibrated."""
    told = f"{' and '.join(made_from['forms'])} of {made_from['name']} {made_from['version']} ({made_from['sha256'][:12]}…)"
    if calibration := made_from.get("calibration"):
        told += f", calibrated on {calibration['images']:,} training images of {calibration['dataset']} ({calibration['method']})"
    return told


def _artifact(source: str) -> Path:
    """The model file of a run's folder, of a shipped model's name, or the file itself."""
    from mien.artifact import find_model
    from mien.core.errors import ArtifactError

    run = Path(source)
    if run.is_dir() and not (run / "model.onnx").is_file():
        begun = any((run / name).is_file() for name in ("recipe.json", "run.json"))
        todo = "Its run is not finished: go on with mien train --resume." if begun else "Give a folder that mien train wrote."
        raise ArtifactError(f"The folder {source} holds no model.onnx. {todo}")
    return find_model(run / "model.onnx" if run.is_dir() else source)


def _features(told: Mapping[str, Any]) -> str:
    """The name of handcrafted features, with their options."""
    return f"{told['feature']}: {', '.join(f'{key} {value}' for key, value in told['options'].items())}"


def _show(card: Card) -> None:
    pre = card.preprocessing
    facts = [
        ("name", card.name),
        ("version", card.version),
        ("sha256", card.sha256),
        ("parameters", f"{card.parameters:,}" if card.parameters else "not recorded"),
        ("input", f"{pre.size} × {pre.size}, {'gray' if pre.channels == 1 else 'RGB'}{', equalised' if pre.equalise else ''}"),
        ("faces framed as", pre.framing),
        ("trained on", card.training_data),
        ("licence", card.licence),
        ("split", " ".join(filter(None, (card.origin.protocol, card.origin.fold, card.origin.sha256[:12])))),
        ("selected on", card.selection if card.selection == "validation" else f"{card.selection}: its figures there are not held out"),
    ]
    facts += [("leaks", card.origin.leaks)] if card.origin.leaks else []
    facts += [("features", _features(card.features))] if card.features else []
    facts += [("sequences", _sequences(card.sequence))] if card.sequence else []
    facts += [("made from", _origin(card.made_from))] if card.made_from else []
    facts += [(f"labels ({h.labels.name})", f"{', '.join(h.labels)}; {h.calibration}") for h in card.heads]
    facts += [(f"abstain under ({h.labels.name})", _thresholds(h)) for h in card.heads if h.abstain_at]
    show_table(("", ""), facts, wide=1)
    if card.metrics:
        show_table(("Measured on", ">n", ">Accuracy", "95 % interval", ">Macro-F1", ">ECE", ">Clean"), [_figures(m) for m in card.metrics])


def _sequences(told: dict[str, Any]) -> str:
    rate = "an unknown rate" if told["rate_hz"] is None else f"{told['rate_hz']:g} frames a second"
    return f"of up to {told['longest']} frames at {rate}" + (f", resampled to {told['frames']}" if told["frames"] is not None else "")


def _thresholds(head: Head) -> str:
    return ", ".join(f"{threshold:.3f} to answer {float(coverage):.0%}" for coverage, threshold in head.abstain_at.items())


def _figures(metric: dict[str, Any]) -> tuple[str, ...]:
    overall, clean = metric["overall"], metric["clean"]
    interval = overall["accuracy_interval"]
    return (
        f"{metric['dataset']} {metric['split']}",
        f"{overall['n']:,}",
        f"{overall['accuracy']:.2%}",
        f"{interval['low']:.2%} – {interval['high']:.2%}",
        f"{overall['macro_f1']:.4f}",
        f"{overall['ece']:.4f}",
        f"{clean['accuracy']:.2%} of {clean['n']:,}" if clean else "",
    )
