from __future__ import annotations

import pytest
import torch

from mien.training.augment import augment, mix
from mien.training.parts import AugmentPart

STILL = {"flip": False, "rotation": 0.0, "shift": 0.0, "scale": 0.0, "brightness": 0.0, "contrast": 0.0, "erase_probability": 0.0}


def _images(n: int = 64) -> torch.Tensor:
    rows = torch.linspace(60, 180, 48).view(1, 1, 48, 1) + torch.linspace(-40, 40, 48).view(1, 1, 1, 48)
    return rows.repeat(n, 1, 1, 1)


def _run(images: torch.Tensor, seed: int = 0, **changes: float | bool) -> torch.Tensor:
    return augment(images, AugmentPart.model_validate(STILL | changes), torch.Generator().manual_seed(seed))


def test_nothing_asked_changes_nothing() -> None:
    torch.testing.assert_close(_run(_images()), _images(), atol=1e-3, rtol=0)


def test_flip_mirrors_about_half_of_the_images_exactly() -> None:
    images = _images(400)
    out = _run(images, flip=True)
    mirrored = (out - images.flip(3)).abs().amax((1, 2, 3)) < 1e-2
    kept = (out - images).abs().amax((1, 2, 3)) < 1e-2
    assert (mirrored ^ kept).all()
    assert 150 < int(mirrored.sum()) < 250


@pytest.mark.parametrize(
    ("change", "value"),
    [("rotation", 12.0), ("shift", 0.12), ("scale", 0.12), ("brightness", 0.2), ("contrast", 0.3), ("erase_probability", 1.0)],
)
def test_every_option_acts_and_keeps_shape_and_range(change: str, value: float) -> None:
    out = _run(_images(), **{change: value})
    assert out.shape == (64, 1, 48, 48)
    assert out.min() >= 0
    assert out.max() <= 255
    assert ((out - _images()).abs().amax((1, 2, 3)) > 1).float().mean() > 0.9


def test_shift_stays_within_its_reach() -> None:
    images = torch.zeros(200, 1, 48, 48)
    images[:, :, 24, 24] = 255
    out = _run(images, shift=0.1)
    peak = out.flatten(1).argmax(1)
    moved = torch.stack([peak // 48 - 24, peak % 48 - 24]).abs().max()
    assert 3 <= int(moved) <= 5  # a tenth of 48


def test_erased_square_has_the_given_side() -> None:
    noise = torch.rand(20, 1, 48, 48, generator=torch.Generator().manual_seed(1)) * 255
    changed = ((_run(noise, erase_probability=1.0, erase_side=0.25) - noise).abs() > 0.5).flatten(1).sum(1)
    assert changed.le(12 * 12).all()
    assert changed.gt(0.95 * 12 * 12).all()  # a pixel may happen to equal the mean


def test_the_generator_decides_alone() -> None:
    torch.manual_seed(1)
    first = _run(_images(), seed=5, flip=True, rotation=9.0)
    torch.manual_seed(2)
    assert torch.equal(first, _run(_images(), seed=5, flip=True, rotation=9.0))
    assert not torch.equal(first, _run(_images(), seed=6, flip=True, rotation=9.0))


def test_mix_gives_the_larger_share_to_the_image_itself() -> None:
    generator = torch.Generator().manual_seed(0)
    shares = [mix(8, 0.4, generator)[0] for _ in range(50)]
    assert all(0.5 <= share <= 1 for share in shares)
    assert len(set(shares)) > 40
