"""Every recipe of a network that ships: that it fits its parts and its data, that it runs, and that it learns."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch
from filelock import FileLock
from lightning_fabric import Fabric
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models import get_model

from mien.core.labels import label_set
from mien.datasets.base import loader_of
from mien.datasets.options import check_options
from mien.datasets.protocols import PROTOCOLS
from mien.datasets.terms import terms_of
from mien.models.registry import count_parameters
from mien.training.data import Split, load_sets, split_of
from mien.training.devices import arithmetic
from mien.training.ensemble import Plan, load_plan, train_plan
from mien.training.loop import fit, start
from mien.training.recipe import Recipe, load_recipe
from mien.training.run import best_network, network, train
from tests.training.layouts import NETWORKS, SHIPPED, on_album, on_layouts, single, write_album, write_layouts

ROOT = Path(__file__).resolve().parents[2]
BATCH = 4


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """96 avatars of 12 characters: two of each expression by each."""
    return write_album(tmp_path_factory.mktemp("album"), 96, 12)


@pytest.fixture(scope="module")
def layouts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """FER2013, JAFFE, CK+ and FERG as noise."""
    return write_layouts(tmp_path_factory.mktemp("layouts"))


@pytest.mark.parametrize("name", NETWORKS)
def test_its_parts_exist_and_fit(name: str) -> None:
    assert load_plan(name).name == name
    for recipe in single(load_plan(name)):
        protocol = PROTOCOLS[recipe.protocol.name]
        assert set(recipe.protocol.options) <= set(protocol.options)
        assert recipe.training_data
        assert recipe.licence
        for head, part in recipe.targets.items():
            _check_loader(part.dataset, part.options)
            assert protocol.labels in ("", head)
            own = part.options.get(
                "labels", "fer8" if part.options.get("frames") in ("first_last", "all") else terms_of(part.dataset).labels
            )
            assert label_set(own).projection(recipe.labels_of(head)).any()


def _check_loader(dataset: str, options: dict[str, Any]) -> None:
    check_options(dataset, loader_of(dataset).load, options, also=("rows",))
    for inner in options.get("datasets", ()):
        _check_loader(inner, options["options"].get(inner, {}))


@pytest.mark.parametrize("name", NETWORKS)
def test_its_data_are_divided_as_its_protocol_says(name: str, layouts: Path) -> None:
    for recipe in single(on_layouts(name)):
        sets = load_sets(recipe, layouts)
        held_out = ("validation", "test") if recipe.evaluate_test else ("validation",)
        train, *others = (split_of(recipe, sets, split) for split in ("train", *held_out))  # every class is there to learn from
        assert min(map(len, others)) > 0
        origin = next(iter(sets.values())).origin
        assert origin.protocol == recipe.protocol.name
        assert name.endswith("as_published") == bool(origin.leaks)
        if {part.dataset for part in recipe.targets.values()} <= {"jaffe", "ckplus"}:  # which have their published numbers here
            assert len(train) >= 2 * recipe.optim.batch_size


def distinct(changes: Callable[[str], dict[str, str]], alike: dict[str, Any] | None = None) -> dict[str, Plan]:
    """The plans of all recipes on an album, named for them; those that differ in their own data or in what is `alike` become one."""
    plans: dict[str, tuple[Plan, list[str]]] = {}
    passed_over = dict.fromkeys(("name", "version", "training_data", "licence", "start_from"), True) | (alike or {})
    for name in NETWORKS:
        plan = on_album(name, changes(name))
        told = plan.model_dump_json(exclude=passed_over)
        plans.setdefault(told, (plan, []))[1].append(name)
    return {"+".join(names): plan for plan, names in plans.values()}


def _step(name: str) -> dict[str, str]:
    """Small batches; CNNCraft-net's many recipes on DenseNet take one backbone of seconds, but for the first."""
    small = single(SHIPPED[name])[0].model.name == "cnncraft" != name
    return {"optim.batch_size": str(BATCH)} | ({"model.options.backbone": "miennet"} if small else {})


STEPS = distinct(_step)


TRANSFERS = ("transfer_vgg16", "transfer_resnet50", "transfer_resnet50_fer2013", "transfer_densenet169")
HEAVY = ("vgg16", "vgg19", "cnn123", "cnn3", "cnn3_jaffe", "cnn3_ckplus", "cnncraft", "densecnn_plain", "miennet_ensemble", *TRANSFERS)
"""Steps of more than a second."""


@pytest.mark.parametrize(
    "plan", [pytest.param(plan, id=name, marks=[pytest.mark.slow] if name.split("+")[0] in HEAVY else []) for name, plan in STEPS.items()]
)
def test_two_steps(plan: Plan, album: Path) -> None:
    for recipe in single(plan):
        _take_two_steps(recipe, _few(split_of(recipe, load_sets(recipe, album), "train"), 2 * BATCH))


def _take_two_steps(recipe: Recipe, split: Split) -> None:
    """Train one epoch of two batches; all that is to be trained moves, and nothing else does."""
    model = network(recipe)
    before = {key: value.clone() for key, value in model.named_parameters()}
    fabric = Fabric(accelerator="cpu", devices=1, precision=arithmetic(recipe))
    rows: list[dict[str, Any]] = []
    fit(recipe, start(recipe, model, fabric), split, fabric, lambda _, row: rows.append(row), until=1)
    assert [row["epoch"] for row in rows] == [1]
    for key, value in model.named_parameters():
        assert value.requires_grad != torch.equal(before[key], value), key


def _few(split: Split, n: int) -> Split:
    """The first `n` rows; class weights stay those of all."""
    heads = {
        name: replace(head, probabilities=head.probabilities[:n], known=head.known[:n], classes=head.classes[:n])
        for name, head in split.heads.items()
    }
    return Split(split.images[:n], heads)


@pytest.mark.slow
def test_to_an_artifact(album: Path, tmp_path: Path) -> None:
    name = "mini_xception_valence3"
    card = train_plan(on_album(name, {"phases": "[{epochs = 1, size = 48}]", "optim.batch_size": "16"}), album, tmp_path)
    assert (card.name, card.parameters) == (name, count_parameters(network(load_recipe(name))))
    assert [metric["split"] for metric in card.metrics] == ["validation", "test"]


SHORT = {"evaluate_test": "true", "optim.schedule": "one_cycle", "optim.warmup": "0.2", "optim.ema_decay": "0.95", "optim.batch_size": "32"}
AS_DRAWN = {f"augment.{key}": "0" for key in ("rotation", "shift", "scale", "brightness", "contrast")}
"""Avatars are turned, lit and framed in their own ways already, and what is not drawn anew is learnt in fewer epochs."""
SMALL = {**AS_DRAWN, "model.options.side": "32", "model.options.dropout": "0.1"}
PLAIN = {**SMALL, "model.options.hidden": "[512, 256]", "model.gaussian": "0.06", "preprocess.equalise": "true"}
PLAIN |= {"optim.learning_rate": "2e-3", "phases": "[{epochs = 5, size = 32}]"}
"""Without batch normalisation torch's own start takes epochs to leave; this one keeps the signal's size in these three networks."""
DEEP = {**AS_DRAWN, "model.options.side": "32", "model.options.dropout": "0.1", "model.options.hidden": "[]", "optim.weight_decay": "0"}
VGG = {**DEEP, "phases": "[{epochs = 2, size = 32}]", "optim.batch_size": "16", "optim.learning_rate": "5e-4"}
SLOW_HEADS = '[{layers = "heads.*", factor = 0.1}]'  # else a step of Adam moves the sums over 512 to 2,048 features too far
DEEPER = {**DEEP, "phases": "[{epochs = 10, size = 32}]", "optim.learning_rate": "1e-3", "rates": SLOW_HEADS}
STAND_IN = "stand-in"
BACKBONES = {
    "vgg16": VGG | {"model.name": "vgg16_bn"},
    "resnet50": DEEPER | {"model.options.zero_init_residual": "true"},
    "densenet169": DEEPER,
}
"""Network → how it is trained, all of it, on other avatars, for weights in the place of ImageNet's, which would have to be fetched."""
LONE = {**AS_DRAWN, "augment.erase_probability": "0", "phases": "[{epochs = 4, size = 32}]", "optim.learning_rate": "0.1"}
FROZEN = {**AS_DRAWN, "model.options.side": "32", "model.options.weights": STAND_IN, "phases": "[{epochs = 4, size = 32}]"}
LESSONS: dict[str, dict[str, str]] = {
    "miennet": {"phases": "[{epochs = 2, size = 32}, {epochs = 2, size = 48}]", "optim.learning_rate": "0.05"},
    "deepfer": {**SMALL, "phases": "[{epochs = 4, size = 32}]", "optim.learning_rate": "1e-3"},
    "sdl": {**SMALL, "phases": "[{epochs = 4, size = 32}]", "optim.learning_rate": "2e-3", "model.options.batch_norm": "true"},
    "cnn1": PLAIN,
    "cnn2": PLAIN,
    "cnn3": PLAIN,
    "mini_xception": {"phases": "[{epochs = 4, size = 48}]", "optim.learning_rate": "5e-3"},
    "densecnn": {"phases": "[{epochs = 4, size = 32}]", "optim.learning_rate": "5e-3"},
    "vgg16_bn": DEEPER | {"phases": "[{epochs = 2, size = 32}]"},
    "vgg19_bn": DEEPER | {"phases": "[{epochs = 3, size = 32}]"},
    "transfer_vgg16": FROZEN,
    "transfer_vgg16_fer2013": FROZEN,
    "resnet50": FROZEN,
    "densenet169": FROZEN,
}
"""Network, or one of its recipes → what is run in place of the recipe's own values, as by --set."""
LESSONS["cnncraft"] = {
    "phases": "[{epochs = 8, size = 32}]",
    "optim.name": "sgd",
    "optim.learning_rate": "0.1",
    "autoencoder.epochs": "1",
    "model.options.backbone": "miennet",
    "model.options.backbone_options": "{stem = 16, widths = [16, 32, 64], depths = [1, 1, 1]}",
    "features.options": "{words = 20, size = 96}",
    "model.options.handcrafted": "60",
}
LONGER = LESSONS["cnncraft"] | {"phases": "[{epochs = 12, size = 32}]"}  # with augmentation, smoothing and dropout
LESSONS |= dict.fromkeys(("cnncraft_small", "cnncraft_small_without"), LONGER)
AUGMENTED = LESSONS["cnncraft"] | {"phases": "[{epochs = 6, size = 32}]"}  # more rows
LESSONS |= {name: AUGMENTED for name in NETWORKS if name.startswith("cnncraft_affectnet_augmented")}
LESSONS |= dict.fromkeys(("miennet_xs", "miennet_s"), LONE)
MEDIUM = LONE | {"model.options.drop_path": "0"}
LESSONS |= dict.fromkeys(("miennet_m", "miennet_m2", "miennet_m3", "miennet_m4"), MEDIUM)
NARROW = {
    "phases": "[{epochs = 3, size = 32}]",
    "model.options.stem": "32",
    "model.options.widths": "[32, 48, 64]",
    "model.options.depths": "[2, 2, 2]",
}
LESSONS["miennet_ensemble"] = MEDIUM | NARROW  # the wide members learn alone, one after the other would take four times as long
QUICK = "mini_xception"
"""What learns within two minutes on one core without AVX-512, for the CI; the others are marked long."""


def lessons() -> list[Any]:
    """A case for each plan on the gallery. Any seed will do; classes of these heads are equally many, and their weights 1."""
    alike = {"seed": True, "targets": {head: {"class_weights"} for head in ("fer6", "fer7", "fer8")}}
    plans = distinct(lambda name: SHORT | (LESSONS.get(name) or LESSONS[single(SHIPPED[name])[0].model.name]), alike)
    return [pytest.param(plan, id=names, marks=[] if names == QUICK else [pytest.mark.long]) for names, plan in plans.items()]


def _once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """What `make` writes, made once for all processes of a test run."""
    own = factory.getbasetemp()
    path = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / name
    with FileLock(path.with_name(f"{name}.lock")):
        if not path.exists():
            part = path.with_name(f"part-{name}")
            make(part)
            part.rename(path)
    return path


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """9,600 avatars of 240 characters, five of each expression by each; a sixth of the characters are on the test side alone."""
    return _once(tmp_path_factory, "gallery", lambda folder: write_album(folder, 9_600, 240))


@pytest.fixture
def lesson(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """The plan; one that starts from ImageNet's weights has those in their place."""
    if not isinstance(plan, Recipe) or plan.model.options.get("weights") != STAND_IN:
        return plan
    name = plan.model.name
    weights = _once(tmp_path_factory, f"{name}.safetensors", lambda path: _pretrain(name, path))
    model = plan.model.model_copy(update={"options": plan.model.options | {"weights": str(weights)}})
    return plan.model_copy(update={"model": model})


@pytest.mark.slow
@pytest.mark.parametrize("plan", lessons())
def test_it_learns_to_read_faces_of_characters_that_it_has_not_seen(
    lesson: Plan, gallery: Path, record_property: Callable[[str, object], None]
) -> None:
    with TemporaryDirectory() as folder:  # which would stay for days in tmp_path, with gigabytes of checkpoints
        card = train_plan(lesson, gallery, Path(folder) / "run")
    accuracies = [metric["overall"]["accuracy"] for metric in card.metrics if metric["split"] == "test"]
    record_property("accuracies", accuracies)
    assert min(accuracies) >= 0.95


def _pretrain(name: str, path: Path) -> None:
    """Save the weights of a network that has learnt the eight expressions of 360 other characters, under torchvision's names."""
    drawn = '{labels = "fer8", n = 14400, characters = 360, seed = 1, intensity = [0.8, 1.0]}'
    own = {"model.name": name, "model.options.weights": "none", "model.options.frozen": "0", "optim.warmup": "0.1"}
    own |= {"targets": f'{{fer8 = {{dataset = "avatars", options = {drawn}}}}}', "protocol.name": "official", "protocol.options": "{}"}
    with TemporaryDirectory() as folder:
        run = train(load_recipe("transfer_vgg16", SHORT | own | BACKBONES[name]), Path(folder), Path(folder) / "run", export=False)
        learnt = list(best_network(run).get_submodule("features").children())
    if run.recipe.model.name == "vgg16_bn":
        learnt = _folded(learnt)
    whole = get_model(name)
    theirs = [part for key, part in getattr(whole, "features", whole).named_children() if key not in ("avgpool", "fc")]
    for part, trained in zip(theirs, learnt, strict=False):  # one of ours ends with a ReLU more
        part.load_state_dict(trained.state_dict())
    save_file({key: value for key, value in whole.state_dict().items() if not key.startswith(("classifier.", "fc."))}, path)


def _folded(parts: list[nn.Module]) -> list[nn.Module]:
    """The parts of a VGG with batch normalisation, which learns in minutes, as those of the plain VGG that computes the same."""
    return [
        fuse_conv_bn_eval(part, after) if isinstance(part, nn.Conv2d) else part
        for part, after in pairwise([*parts, nn.Identity()])
        if not isinstance(part, nn.BatchNorm2d)
    ]


def test_a_folded_vgg_computes_the_same() -> None:
    whole, x = get_model("vgg11_bn").features, torch.rand(2, 3, 32, 32)
    whole(torch.rand(8, 3, 32, 32))  # so that the running statistics are not those of the start
    parts = _folded(list(whole.eval().children()))
    assert not any(isinstance(part, nn.BatchNorm2d) for part in parts)
    with torch.inference_mode():
        torch.testing.assert_close(nn.Sequential(*parts)(x), whole(x), rtol=1e-3, atol=1e-5)


SEVEN = {"targets": '{fer7 = {dataset = "fer2013"}}'}
POSED = {
    labels: {
        "targets": f'{{{labels} = {{dataset = "ckplus", options = {{frames = "all", crop = "face", crop_size = 48}}}}}}',
        "protocol.name": "subject_split",
        "model.options.hidden": hidden,
    }
    for labels, hidden in (("valence3", "[128, 64]"), ("ckplus7", "[512, 512]"))
}
WIDE = POSED["valence3"] | {"model.options.hidden": "[512, 512]"}


@pytest.mark.parametrize(
    ("name", "changes", "published"),
    [
        ("transfer_vgg16", {}, 526_851),  # Tables 4.9 and A.5
        ("transfer_resnet50", {}, 4_459_011),  # Tables 4.10 and A.5
        ("transfer_vgg16_fer2013", {}, 526_851),  # Table A.1
        ("transfer_resnet50_fer2013", {}, 4_326_915),
        ("transfer_vgg16_fer2013", SEVEN, 528_903),  # Table A.2
        ("transfer_resnet50_fer2013", SEVEN, 4_327_943),
        ("transfer_vgg16_fer2013", POSED["valence3"], 74_115),  # Table A.3
        ("transfer_resnet50_fer2013", WIDE, 4_459_011),
        ("transfer_vgg16_fer2013", POSED["ckplus7"], 528_903),  # Table A.4
        ("transfer_resnet50_fer2013", POSED["ckplus7"], 4_461_063),
        ("cnn3_ckplus", {}, 21_243_208),  # Table 1 of Huang's paper, of eight classes
        ("densecnn_cross", {}, 93_579),  # "94K"
        ("densecnn_plain", {}, 419_803),  # "420K"
        ("mini_xception_cross", {}, 52_339),  # "approximately 52K"
    ],
)
def test_as_many_parameters_are_trained_as_published(name: str, changes: dict[str, str], published: int) -> None:
    untrained = {"model.options.weights": "none"} if name.startswith("transfer") else {}
    with torch.device("meta"):
        assert count_parameters(network(load_recipe(name, changes | untrained))) == published


def test_the_document_lists_every_recipe_with_what_it_runs() -> None:
    text = (ROOT / "docs" / "systems.md").read_text(encoding="utf-8")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| `")]
    told = {re.findall(r"`(\w+)`", row[0])[0]: [re.findall(r"`(\w+)`", cell) for cell in row[1:3]] for row in cells}
    assert told == {name: _runs(single(load_plan(name))) for name in NETWORKS}
    assert all(len(row) == 4 and row[3] for row in cells)


def _runs(recipes: list[Recipe]) -> list[list[str]]:
    """The networks of a recipe or an ensemble, and its data sets and protocol."""
    first = recipes[0]
    sources = [inner for part in first.targets.values() for inner in part.options.get("datasets", [part.dataset])]
    return [[recipe.model.name for recipe in recipes], [*sources, first.protocol.name]]
