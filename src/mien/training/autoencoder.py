"""What comes before the first epoch: an encoder that learns to build pictures up again, and weights of an earlier run."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from torch import Tensor, nn

from mien.core.errors import RecipeError
from mien.models.cnncraft import Autoencoder, CNNCraft
from mien.training import checkpoint
from mien.training.devices import freed_memory_kept
from mien.training.emphasis import Emphasised
from mien.training.network import BEST
from mien.training.parts import AutoencoderPart


@freed_memory_kept()
def pretrain(model: nn.Module, part: AutoencoderPart, images: Tensor, seed: int, device: torch.device) -> list[float]:
    """Train the network's `encoder` as the first half of an autoencoder; gives the mean loss of each epoch.

    `images`: uint8 (N, C or 1, S, S); a network of colours sees gray as such. The loss is the mean squared error of pictures in 0–1. The
    decoder is left behind. Raises RecipeError for a network without an encoder, or pictures that its pools do not divide.
    """
    if not isinstance(model, CNNCraft) or model.encoder is None:
        raise RecipeError(f"{type(model).__name__} has no encoder to train first. Leave the autoencoder out.")
    if images.shape[2] % 2 ** (halvings := len(model.widths)):
        raise RecipeError(f"Pictures of {images.shape[2]} pixels can't be halved {halvings} times. Change phases or model.options.widths.")
    torch.manual_seed(seed)
    whole = Autoencoder(model.channels, model.widths).to(device)
    optimizer = torch.optim.Adam(whole.parameters(), part.learning_rate)
    generator, losses = torch.Generator().manual_seed(seed), []
    for _ in range(part.epochs):
        order = torch.randperm(len(images), generator=generator)
        total = torch.zeros((), device=device)
        for rows in order.split(part.batch_size):
            batch = images[rows].to(device).float().expand(-1, model.channels, -1, -1)
            loss = nn.functional.mse_loss(whole(batch), batch / 255)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(rows)
        losses.append(float(total) / len(images))
    model.encoder.load_state_dict(whole.encoder.state_dict())
    return losses


def start_from(model: nn.Module, folder: str | Path) -> str:
    """Give the network the weights of an earlier run's best epoch, but for tensors of another shape; gives the SHA-256 of their file.

    Raises RecipeError when `folder` holds no such run, or one of another architecture.
    """
    path = Path(folder) / BEST
    if not path.is_file():
        raise RecipeError(f"start_from names {folder}, which holds no {BEST}. Train that run first, or give the folder of another.")
    states, _ = checkpoint.load(path)
    # A map of saliency is drawn for each recipe anew: what a run hands on are the weights of the network behind it.
    model = model.model if isinstance(model, Emphasised) else model
    theirs = {name.removeprefix("model."): value for name, value in states["model"].items() if name != "emphasis"}
    own = model.state_dict()
    same = {name for name in own if name in theirs and theirs[name].shape == own[name].shape}
    strange = [name for name in own if name not in theirs and not name.startswith("heads.")]
    if strange:
        raise RecipeError(f"{path} is of another architecture: it has no {strange[0]}. Give a run of {type(model).__name__}.")
    model.load_state_dict({name: theirs[name] if name in same else own[name] for name in own})
    return hashlib.sha256(path.read_bytes()).hexdigest()
