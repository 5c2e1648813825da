"""A run: a folder that says everything needed to repeat it, and ends with an artifact in it.

recipe.json            the recipe as resolved
run.json               versions, hardware, protocol, selection, data fingerprints, parameters
log.csv                one row an epoch
checkpoint.safetensors after every epoch, or every so many seconds; `resume` goes on from it
best.safetensors       the weights of the best epoch on the selection split
model.onnx             the artifact
curve.png              loss and validation accuracy over the epochs
events.out.tfevents…   log.csv for TensorBoard, where that is asked for

On several machines, each with D devices, the same command is started on every one of the N by PyTorch's launcher:
torchrun --nnodes N --nproc-per-node D --node-rank … --master-addr … -m mien train RECIPE --devices D --nodes N
All of them read the data; the folder is the first machine's, and need not be seen by the others.
"""

from __future__ import annotations

import csv
import io
import json
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.utilities.rank_zero import rank_zero_only
from torch import nn

from mien.artifact import read_card
from mien.core.errors import TrainingError
from mien.core.files import write_text
from mien.core.machine import processor
from mien.datasets.base import SplitOrigin
from mien.features.pictures import PictureTransformer
from mien.models.registry import count_parameters
from mien.training import checkpoint
from mien.training.autoencoder import pretrain, start_from
from mien.training.data import Split, load_sets, prepared, resized, split_of
from mien.training.describing import described
from mien.training.devices import arithmetic, fabric_of, part
from mien.training.distill import distilled, selection_of
from mien.training.emphasis import emphasis_of
from mien.training.export import finish, preprocessing_of
from mien.training.fitting import need_fit, takes
from mien.training.logs import LOG, EventLog
from mien.training.loop import State, fit, predict, start, steps_of
from mien.training.network import BEST, best_of, network
from mien.training.parts import Part
from mien.training.recipe import Recipe, checked
from mien.training.sequences import layer_of, seen_by
from mien.training.teachers import Teachers

CHECKPOINT = "checkpoint.safetensors"
BEGINNING = "beginning.json"

Progress = Callable[[dict[str, Any]], None]
Kept = tuple[dict[str, dict[str, torch.Tensor]], dict[str, Any]]


@dataclass
class Run:
    """A run and its history: one dict an epoch, as in log.csv. `weights`: the best so far, where no file holds them yet."""

    recipe: Recipe
    folder: Path
    history: list[dict[str, Any]] = field(default_factory=list)
    weights: dict[str, torch.Tensor] = field(default_factory=dict)

    @property
    def best(self) -> dict[str, Any]:
        """The row of the best epoch: the highest mean accuracy on the selection split among those at the final picture size."""
        final = self.recipe.picture_size
        return max((row for row in self.history if row["size"] == final), key=lambda row: (row["score"], -row["epoch"]))


def leads() -> bool:
    """Whether this process speaks for the run. On several devices each has its own process, and the first one writes and tells."""
    return bool(getattr(rank_zero_only, "rank", 0) == 0)


def train(
    recipe: Recipe,
    data_dir: str | Path,
    folder: str | Path,
    *,
    resume: bool = False,
    devices: int = 1,
    nodes: int = 1,
    tensorboard: bool = False,
    stop_after: int | None = None,
    keep_seconds: float = 0.0,
    export: bool = True,
    on_epoch: Progress | None = None,
) -> Run:
    """Run `recipe` on the data in `data_dir`, keeping everything in `folder`; ends with `folder`/model.onnx.

    `resume` goes on from the folder's checkpoint (and starts when there is none). `stop_after` ends after that epoch without exporting,
    as if interrupted. `keep_seconds`: a checkpoint is written when so much time has passed since the last one, and at the end; where epochs
    take seconds, one for each would cost as much as they do. Without `export` the run ends with its log and its best weights, for runs that
    are only compared; the same call with it, and `resume`, makes the artifact. `on_epoch` gets each epoch's row.

    With `devices` above 1, Fabric starts this program again for each further device; only the process that `leads` writes, exports and
    calls `on_epoch`. On several `nodes`, torchrun has started it for every one of the `devices` of each. `tensorboard` writes the rows as
    TensorBoard's events too.

    Raises
    ------
    TrainingError
        The folder already holds a run and `resume` is not given, or holds one of another recipe, network or data; the machine has fewer
        devices; torchrun has not started as many processes, or nodes read other data; the pictures do not fill a batch; the loss is no
        number.
    RecipeError, DatasetError
        The recipe does not fit the data; the data are absent, partial or corrupt.
    OutputError
        The folder can't be written. What was there stays whole.
    """
    run = Run(recipe, Path(folder))
    fabric = fabric_of(recipe, devices, nodes)
    if leads():  # before the processes of the other devices are started, so that a fault is told once
        claim(run.folder, recipe, resume)
    sets = load_sets(recipe, data_dir)
    origin, selection = next(iter(sets.values())).origin, selection_of(recipe, sets)
    splits = {name: split_of(recipe, sets, name) for name in ("train", recipe.select_on)}
    fingerprint = splits["train"].fingerprint if nodes > 1 else ""
    if recipe.distill is not None and not recipe.distill.augmented:
        splits["train"] = distilled(splits["train"], recipe.distill)
    del sets  # the pictures are tensors from here on; `finish` reads the test rows when all is decided
    model, seen, describe = _made_ready(run, splits, resume)
    steps_of(recipe, len(splits["train"]), devices * nodes)
    kept = _kept(run, splits) if resume and leads() else None
    if leads():
        _describe(run, splits, origin, selection, fabric)
    fabric.launch()
    _need_same_data(fingerprint, fabric)
    kept = fabric.broadcast(kept)  # other nodes may not see the leader's disk
    state = _begun(run, model, seen["train"].images, fabric, kept)
    events = EventLog(run.folder, run.history) if tensorboard and leads() else None
    clock = kept_at = time.monotonic()

    def after_epoch(state: State, row: dict[str, Any]) -> None:
        nonlocal clock, kept_at
        if leads():
            row |= validate(state.ema.module, seen[recipe.select_on], row["size"], fabric.device)
            row["seconds"] = round(time.monotonic() - clock, 2)
        run.history.append(fabric.broadcast(row))
        if leads():
            due = time.monotonic() - kept_at >= keep_seconds or state.epoch == stop_after or state.ended(recipe)
            _keep(run, state, fabric, due)
            kept_at = time.monotonic() if due else kept_at
            if events is not None:
                events.add(row)
            if on_epoch is not None:
                on_epoch(row)
        clock = time.monotonic()

    fit(recipe, state, seen["train"], fabric, after_epoch, stop_after)
    if export and state.ended(recipe) and leads():
        finish(run, best_network(run), splits[recipe.select_on], data_dir, describe)
    del state  # were its reducer the last to hold the process group, it would wait for gloo's threads, and they for Python's lock
    part(fabric)
    return run


def _begun(run: Run, model: nn.Module, images: torch.Tensor, fabric: Fabric, kept: Kept | None) -> State:
    """The state that the run goes on from: a new one, or what was kept."""
    recipe = run.recipe
    if kept is None:
        _prepare(run, model, images, fabric.device)
    state = start(recipe, model, fabric)
    state.history = run.history
    if recipe.distill is not None and recipe.distill.augmented:
        state.teachers = Teachers(recipe.distill, recipe, images.shape[1], fabric)
    _restore(run, state, fabric, kept)
    return state


def _made_ready(run: Run, splits: dict[str, Split], resume: bool) -> tuple[nn.Module, dict[str, Split], PictureTransformer | None]:
    """The network, the splits as it will see them, and what describes their pictures beside it, where it wants that."""
    recipe = run.recipe
    seen = {name: prepared(split, recipe) for name, split in splits.items()}
    model, describe = network(recipe), None
    if recipe.sequence is not None:
        layer, cache = layer_of(recipe), None if recipe.features is None else recipe.features.cache
        if layer is not None:
            layer.need(preprocessing_of(recipe, splits["train"]))
        seen = {name: seen_by(layer, split, recipe.sequence.mirrored and name == "train", cache) for name, split in seen.items()}
    elif recipe.features is not None and takes(model, "handcrafted"):
        seen, describe = described(recipe.features, seen, run.folder, resume)
    need_fit(recipe, model, seen["train"])
    if recipe.preprocess.saliency is not None:
        model.emphasis = emphasis_of(recipe, splits["train"])
    return model, seen, describe


def validate(model: nn.Module, split: Split, size: int, device: torch.device) -> dict[str, float]:
    """Accuracy and log-loss of each head over its labelled rows, and `score`, the mean accuracy."""
    logits = predict(model, resized(split.images, size), device, beside=split.beside)
    row: dict[str, float] = {}
    for head, target in split.heads.items():
        rows = target.classes >= 0
        found, truth = logits[head][rows], target.classes[rows]
        row[f"accuracy_{head}"] = round(float((found.argmax(1) == truth).double().mean()), 6)
        row[f"log_loss_{head}"] = round(float(nn.functional.cross_entropy(found, truth)), 6)
    row["score"] = round(sum(row[f"accuracy_{head}"] for head in split.heads) / len(split.heads), 6)
    return row


def best_network(run: Run) -> nn.Module:
    """The network with the weights of the run's best epoch, on the CPU, ready for use."""
    return best_of(run.recipe, run.folder)


def claim(folder: Path, recipe: Part, resume: bool) -> None:
    """Make sure that `folder` holds no run, or with `resume` none but one of that recipe. Raises TrainingError."""
    path = folder / "recipe.json"
    if not resume and (path.is_file() or (folder / CHECKPOINT).is_file()):
        raise TrainingError(f"{folder} already holds a run. Give --resume to go on with it, or another --out.")
    if not path.is_file() or same_recipe(path, recipe):
        return
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise TrainingError(f"{path} is damaged ({error}). Delete it to go on by the recipe given, or give another --out.") from error
    raise TrainingError(f"{folder} holds a run of another recipe (see recipe.json there). Give the same recipe, or another --out.")


def same_recipe(path: Path, recipe: Part) -> bool:
    """Whether `path` holds `recipe`; keys that are younger than the file have their defaults."""
    try:
        return checked(type(recipe), json.loads(path.read_text(encoding="utf-8"))) == recipe
    except (OSError, ValueError):
        return False


def _as_text(recipe: Recipe) -> str:
    return recipe.model_dump_json(indent=2) + "\n"


def _prepare(run: Run, model: nn.Module, images: torch.Tensor, device: torch.device) -> None:
    """What the recipe wants of the network before its first epoch."""
    recipe = run.recipe
    facts: dict[str, Any] = {}
    if recipe.start_from:
        facts["start_from"] = start_from(model, recipe.start_from)
    elif recipe.autoencoder is not None and takes(model, "encoder"):
        facts["autoencoder_loss"] = pretrain(model, recipe.autoencoder, images, recipe.seed, device)
    if facts and leads():
        write_text(run.folder / BEGINNING, json.dumps(facts, indent=2) + "\n")


def _need_same_data(fingerprint: str, fabric: Fabric) -> None:
    equal = torch.tensor(float(fabric.broadcast(fingerprint) == fingerprint))
    if float(fabric.all_reduce(equal, reduce_op="mean")) < 1:  # type: ignore[arg-type]
        raise TrainingError("The nodes read different training rows. Give all of them the same files in --data.")


def _kept(run: Run, splits: dict[str, Split]) -> Kept | None:
    path = run.folder / CHECKPOINT
    if not path.is_file():
        return None
    _need_data_as_begun(run, splits)
    return checkpoint.load(path)


def _need_data_as_begun(run: Run, splits: dict[str, Split]) -> None:
    """Hold the data against what run.json says; not the training rows of a student, whose targets differ in the last bits elsewhere."""
    try:
        begun = json.loads((run.folder / "run.json").read_text(encoding="utf-8"))["data"]
    except (OSError, ValueError, KeyError, TypeError):
        return  # it is written anew
    held = [run.recipe.select_on] if run.recipe.distill is not None else list(splits)
    if changed := [name for name in held if begun.get(name) != of_data(splits[name])]:
        raise TrainingError(
            f"{run.folder} was begun on other data: the {' and '.join(changed)} rows are not those in run.json there. "
            "Give the same data, or another --out."
        )


def of_data(split: Split) -> dict[str, Any]:
    """What run.json says of a split."""
    return {"rows": len(split), "sha256": split.fingerprint}


def _restore(run: Run, state: State, fabric: Fabric, kept: Kept | None) -> None:
    if kept is None:
        return
    states, facts = kept
    with checkpoint.fitting(run.folder / CHECKPOINT):
        state.network.load_state_dict(states["model"])
        state.ema.load_state_dict(states["ema"])
        checkpoint.restore_optimizer(state.optimizer, states.get("optimizer", {}), facts["optimizer_groups"])
        if scale := facts.get("precision"):
            fabric.strategy.precision.load_state_dict(scale)
        state.epoch = facts["epoch"]
        run.history.extend(facts["history"])
    if leads():
        _log(run)  # which may have been lost since


def _keep(run: Run, state: State, fabric: Fabric, due: bool) -> None:
    row = run.history[-1]
    if row["size"] == run.recipe.picture_size and run.best is row:
        run.weights = {key: value.detach().clone() for key, value in state.ema.module.state_dict().items()}
    if not due:
        return
    if run.weights:
        checkpoint.save(run.folder / BEST, {"model": run.weights}, None, {"epoch": run.best["epoch"]})
        run.weights = {}
    states = {"model": state.network.state_dict(), "ema": state.ema.state_dict()}
    scale = fabric.strategy.precision.state_dict()  # of a 16-bit run's loss, which moves with the steps; else empty
    facts = {"epoch": state.epoch, "history": run.history, "precision": scale}
    checkpoint.save(run.folder / CHECKPOINT, states, state.optimizer, facts)
    _log(run)


def _log(run: Run) -> None:
    log = io.StringIO()
    writer = csv.DictWriter(log, list(run.history[-1]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(run.history)
    write_text(run.folder / LOG, log.getvalue())


def _describe(run: Run, splits: dict[str, Split], origin: SplitOrigin, selection: str, fabric: Fabric) -> None:
    facts = {
        **circumstances(str(fabric.device)),
        "precision": arithmetic(run.recipe),
        "parameters": count_parameters(network(run.recipe)),
        "protocol": asdict(origin),
        "selection": selection,
        "teachers": {name: read_card(name).sha256 for name in run.recipe.teachers},
        "data": {name: of_data(split) for name, split in splits.items()},
    }
    write_text(run.folder / "recipe.json", _as_text(run.recipe))
    write_text(run.folder / "run.json", json.dumps(facts, indent=2) + "\n")


def circumstances(device: str) -> dict[str, Any]:
    """Versions and hardware of this process, for run.json."""
    from mien import __version__

    return {
        "mien": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device": device if not device.startswith("cuda") else torch.cuda.get_device_name(device),
        "processor": processor(),
        "threads": torch.get_num_threads(),
    }
