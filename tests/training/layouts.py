"""Data sets as the recipes want them, without anybody's pictures: drawn faces as files, and noise in the published layouts and numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mien.datasets import load_dataset
from mien.datasets.avatars import export
from mien.datasets.protocols import PROTOCOLS
from mien.training.classical_recipe import ClassicalRecipe
from mien.training.ensemble import Plan, load_plan, runs_of
from mien.training.recipe import Recipe, list_recipes
from tests.datasets.fakes_affectnet import write_arrays
from tests.datasets.fakes_ckplus import write_ckplus
from tests.datasets.fakes_stills import write_ferg, write_jaffe

CKPLUS = {1: 45, 2: 18, 3: 59, 4: 25, 5: 69, 6: 28, 7: 83}
"""CK+'s own code of an expression → its sequences (Lucey et al., 2010, table 2)."""
_PEOPLE = 118
_PER_CLASS = {"Training": 70, "PublicTest": 10, "PrivateTest": 10}


SHIPPED = {name: load_plan(name) for name in list_recipes()}
SEQUENCES = [name for name, plan in SHIPPED.items() if isinstance(plan, Recipe) and plan.sequence is not None]
"""The recipes of networks that read sequences."""
NETWORKS = [name for name, plan in SHIPPED.items() if not isinstance(plan, ClassicalRecipe) and name not in SEQUENCES]
"""The recipes that ship, but for those of sequences and of classical models."""


def write_album(folder: Path, n: int, characters: int = 30) -> Path:
    """`n` avatars of all eight expressions as files with a manifest, so that they are drawn once for all recipes; gives the folder.

    The split is by character. Each head's label set is reached from the eight.
    """
    export(load_dataset("avatars", folder, labels="fer8", n=n, characters=characters, intensity=(0.8, 1.0)), folder)
    return folder


def on_album(name: str, overrides: dict[str, str]) -> Plan:
    """The recipe `name` on an album in place of its own data set, with random weights; protocols of other data sets become "official"."""
    plan = SHIPPED[name]
    changes = {"protocol.name": "official", "protocol.options": "{}"}
    for recipe in single(plan):
        for head, part in recipe.targets.items():
            channels = 3 if recipe.protocol.tinted else 1
            changes |= {f"targets.{head}.dataset": "manifest", f"targets.{head}.options": f'{{labels = "fer8", channels = {channels}}}'}
            if part.loss == "soft_cross_entropy":  # nobody votes on avatars
                changes[f"targets.{head}.loss"] = "cross_entropy"
        if recipe.start_from:
            changes["start_from"] = ""
        if recipe.model.name == "cnncraft":
            changes["phases"] = "[{epochs = 1, size = 48}]"
        if recipe.model.options.get("weights"):
            changes["model.options.weights"] = "none"
    return load_plan(name, changes | overrides)


def single(plan: Plan) -> list[Recipe]:
    """The recipe itself, or those of an ensemble's members."""
    return [recipe for _, recipe, _ in runs_of(plan, Path())]


def write_layouts(folder: Path) -> Path:
    """FER2013, AffectNet and FERG in small, JAFFE and CK+ with as many pictures as published (JAFFE less three), all noise."""
    rng = np.random.default_rng(0)
    usage = [name for name, n in _PER_CLASS.items() for _ in range(7 * n)]
    pixels = rng.integers(0, 256, (len(usage), 48, 48), np.uint8)
    votes = np.eye(10, dtype=np.uint8)[np.arange(len(usage)) % 8] * 10
    np.savez(folder / "fer2013.npz", pixels=pixels, emotion=np.arange(len(usage)) % 7, usage=np.array(usage), votes=votes)
    write_jaffe(folder / "jaffe", subjects=tuple("K" + letter for letter in "ABCDEFGHIJ"), takes=3)
    write_ferg(folder / "FERG_DB_256", n=6)
    write_arrays(folder / "affectnet")
    codes = [code for code, n in CKPLUS.items() for _ in range(n)]
    listed = [(f"S{i % _PEOPLE:03d}", f"{i // _PEOPLE:03d}", 3, code, ()) for i, code in enumerate(codes)]
    write_ckplus(folder / "ckplus", facs=False, sequences=listed)
    return folder


def on_layouts(name: str) -> Plan:
    """The recipe `name` on the data sets of `write_layouts`: counts are not held against the published ones, and no face is looked for."""
    changes = {}
    for recipe in single(SHIPPED[name]):
        if "folds" in PROTOCOLS[recipe.protocol.name].options:
            changes["protocol.fold"] = "1"
        for head, part in recipe.targets.items():
            options = f"targets.{head}.options"
            merged = [(f"{options}.options.{inner}", part.options["options"].get(inner, {})) for inner in part.options.get("datasets", ())]
            for place, given in merged or [(options, part.options)]:
                changes[f"{place}.verify"] = "false"
                if "crop" in given:
                    changes[f"{place}.crop"] = "picture"
            if part.dataset == "ferplus":
                changes[f"{options}.labels_from"] = "fer2013new.csv"
    return load_plan(name, changes)
