"""How many pictures a second does a network learn from, with mien's loop and with a DataLoader over PIL transforms?

    python benchmarks/training.py [DATA] [--model miennet mini_xception] [--n 2048] [--rounds 7] [--out docs/throughput.md]

Network, batch size, optimiser and strength of the augmentation are equal; the pictures are noise of 48×48, or FER2013's Training rows where
DATA holds them. A round is one epoch of each way in turn. Needs an idle machine; of a larger one take two cores: taskset -c 0,1 python
benchmarks/training.py. Ends with 1 where mien's loop is not twice as fast.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from statistics import median

import numpy as np
import PIL
import torch
import torch.nn.functional as F
import torchvision
from documents import page, table
from lightning_fabric import Fabric
from numpy.typing import NDArray
from PIL import Image
from rounds import command, said, speeds
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

import mien
from mien.core.files import write_text
from mien.core.labels import label_set
from mien.core.machine import processor
from mien.datasets import load_dataset
from mien.training.data import HeadTargets, Split
from mien.training.devices import arithmetic
from mien.training.loop import fit, start
from mien.training.parts import AugmentPart
from mien.training.recipe import Recipe, parse_recipe
from mien.training.run import network

Epoch = Callable[[], None]
SIDE, HEAD, WORKERS, WANTED = 48, "fer7", (0, 2), 2.0
OURS, OURS_32, THEIRS = "mien, by default", "mien, float32", "DataLoader, float32"
THEIRS_16, THEIRS_LAST = "DataLoader, bf16 autocast", "DataLoader, mien's arithmetic, channels last"


class Pictures(Dataset[tuple[torch.Tensor, int]]):
    """What one writes first: an image from the array, then its transforms, one picture at a time."""

    def __init__(self, images: NDArray[np.uint8], targets: NDArray[np.int64], transform: Callable[[Image.Image], torch.Tensor]) -> None:
        self.images, self.targets, self.transform = images, targets, transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.images[row])), int(self.targets[row])


def pil_transforms(part: AugmentPart) -> transforms.Compose:
    shift, scale, smooth = (part.shift, part.shift), (1 - part.scale, 1 + part.scale), transforms.InterpolationMode.BILINEAR
    steps = [
        transforms.RandomHorizontalFlip(),
        transforms.RandomAffine(part.rotation, shift, scale, interpolation=smooth),  # a RandomRotation would be a second warp
        transforms.ColorJitter(part.brightness, part.contrast),
        transforms.ToTensor(),
        transforms.Normalize([0.0], [1 / 255]),  # to 0–255, which the network normalises itself
        transforms.RandomErasing(part.erase_probability, scale=(part.erase_side**2,) * 2, ratio=(1, 1), value=128),
    ]
    return transforms.Compose(steps)


def recipe_of(model: str, batch: int, precision: str, epochs: int) -> Recipe:
    optim = {"batch_size": batch, "learning_rate": 0.02, "schedule": "constant"}
    parts = {"model": {"name": model}, "targets": {HEAD: {"dataset": "fer2013"}}, "phases": [{"epochs": epochs, "size": SIDE}]}
    return parse_recipe({"name": "benchmark", "precision": precision, "optim": optim, **parts})


def mien_loop(recipe: Recipe, images: NDArray[np.uint8], targets: NDArray[np.int64]) -> Epoch:
    labels, classes = label_set(HEAD), torch.from_numpy(targets)
    head = HeadTargets(labels, F.one_hot(classes, len(labels)).float(), torch.ones(len(classes), dtype=torch.bool), classes)
    split = Split(torch.from_numpy(images)[:, None], {HEAD: head})
    fabric = Fabric(accelerator="cpu", devices=1, precision=arithmetic(recipe))
    state = start(recipe, network(recipe), fabric)
    return lambda: fit(recipe, state, split, fabric, lambda *_: None, until=state.epoch + 1)


def obvious_loop(recipe: Recipe, images: NDArray[np.uint8], targets: NDArray[np.int64], workers: int, last: bool) -> Epoch:
    layout = torch.channels_last if last else torch.contiguous_format
    part, model = recipe.optim, network(recipe).train().to(memory_format=layout)
    optimizer = torch.optim.SGD(model.parameters(), part.learning_rate, part.momentum, weight_decay=part.weight_decay, nesterov=True)
    pictures = Pictures(images, targets, pil_transforms(recipe.augment))
    loader = DataLoader(pictures, part.batch_size, shuffle=True, num_workers=workers, drop_last=True, persistent_workers=workers > 0)

    def epoch() -> None:
        for inputs, truth in loader:
            with torch.autocast("cpu", torch.bfloat16) if arithmetic(recipe) == "bf16-mixed" else nullcontext():
                loss = F.cross_entropy(model(inputs.contiguous(memory_format=layout))[HEAD], truth)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return epoch


def ways(model: str, images: NDArray[np.uint8], targets: NDArray[np.int64], batch: int, rounds: int) -> dict[str, Epoch]:
    auto, full = (recipe_of(model, batch, precision, rounds + 1) for precision in ("auto", "32-true"))
    half = arithmetic(auto) == "bf16-mixed"
    found = {OURS: mien_loop(auto, images, targets)} | ({OURS_32: mien_loop(full, images, targets)} if half else {})
    others = [(THEIRS, full, False), (THEIRS_16, auto, False)] if half else [(THEIRS, full, False)]
    for name, recipe, last in (*others, (THEIRS_LAST, auto, True)):
        found |= {f"{name}, {workers} workers": obvious_loop(recipe, images, targets, workers, last) for workers in WORKERS}
    return found


def ratios(found: dict[str, list[float]], way: str) -> list[float]:
    """Mien's loop over the fastest of those whose name begins with `way`, within each round."""
    fastest = max((name for name in found if name.startswith(way)), key=lambda name: median(found[name]))
    return [ours / theirs for ours, theirs in zip(found[OURS], found[fastest], strict=True)]


def section(model: str, found: dict[str, list[float]]) -> str:
    rows = [(name, said(each), said(ratios(found, name), 2)) for name, each in found.items()]
    told = {
        THEIRS: "Against the better number of workers, {} times as fast",
        THEIRS_16: "; where both use bf16, {}",
        THEIRS_LAST: "; with mien's arithmetic and channels last too, {}",
    }
    ran = [way for way in told if any(name.startswith(way) for name in found)]
    verdict = "".join(told[way].format(said(ratios(found, way), 2)) for way in ran) + "."
    return "\n\n".join([f"## {model}", table(("Loop", "Pictures/s", f"{OURS}, over it"), rows), verdict])


def load(data: Path | None, n: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    if data is None:
        rng = np.random.default_rng(0)
        return rng.integers(0, 256, (n, SIDE, SIDE), np.uint8), rng.integers(0, len(label_set(HEAD)), n)
    dataset = load_dataset("fer2013", data)
    rows = np.flatnonzero(dataset.split == "train")[:n]
    return np.ascontiguousarray(dataset.images[rows]), dataset.targets[rows].astype(np.int64)


def opening(asked: argparse.Namespace, count: int) -> str:
    hardware = f"{processor()} ({torch.backends.cpu.get_cpu_capability()}), {torch.get_num_threads()} threads"
    versions = ", ".join(f"{one.__name__} {one.__version__}" for one in (mien, torch, torchvision, PIL))
    pictures = f"{count:,} pictures, 48×48 gray, {'FER2013 Training' if asked.data else 'noise'}"
    return f"""
Epochs of {pictures}, in batches of {asked.batch}. In a round each way trains one epoch, in turn; figures are the median of
{asked.rounds} rounds (lowest – highest), ratios are taken within a round. {platform.system()}, {hardware}; load average before
{os.getloadavg()[0]:.1f}; Python {platform.python_version()}, {versions}.

"mien" is `mien.training.loop.fit`: all pictures in one uint8 tensor, augmented by the batch, channels last, weights averaged (EMA).
"DataLoader" is a data set of PIL images with torchvision's transforms, picture by picture, and a plain loop. Network, first weights, SGD,
batch size, kinds and strengths of augmentation are equal. mien computes in {arithmetic(recipe_of("miennet", 2, "auto", 1))} here; the rows
beside it tell the arithmetic from the loader.
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--model", nargs="+", default=["miennet", "mini_xception"])
    for option, value in (("--n", 2048), ("--batch", 128), ("--rounds", 7)):
        parser.add_argument(option, type=int, default=value)
    parser.add_argument("--out", type=Path, default=Path("docs/throughput.md"))
    asked = parser.parse_args()
    images, targets = load(asked.data, asked.n)
    parts, slow = [opening(asked, len(images))], 0
    for model in asked.model:
        found = speeds(ways(model, images, targets, asked.batch, asked.rounds), len(images) // asked.batch * asked.batch, asked.rounds)
        parts.append(section(model, found))
        print(parts[-1], flush=True)
        slow += median(ratios(found, THEIRS)) < WANTED
    write_text(asked.out, page("Throughput of training", command(asked.data), *parts))
    return int(slow > 0)


if __name__ == "__main__":
    sys.exit(main())
