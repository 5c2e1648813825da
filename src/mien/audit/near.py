"""Pictures that are nearly the same pixel for pixel, or nearly each other's mirror image, without comparing every pair in full.

A picture is brought to zero mean and unit length, so that the product of two is their Pearson correlation. Its fingerprint is the low
corner of its orthonormal two-dimensional cosine transform, the values whose signs make a perceptual hash, and the length of what the
corner leaves out. By the inequality of Cauchy and Schwarz the product of two fingerprints is never below the correlation of the two
pictures: a block-wise product of fingerprints yields every pair at or above a threshold, and only those few are compared in full.
Mirroring a picture turns the sign of every odd column of its transform, so that one pass looks for both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from mien.audit.links import Links

CORNER = 16
"""Rows and columns of the cosine transform that a fingerprint keeps."""
COARSE = 6
"""Below this row and column the transform holds light and shade, which unlike faces may share; from it on, detail."""
LEAST_DETAIL = 0.5
"""The correlation that the detail of two nearly equal pictures has at least."""
MOST_PAIRS = 400_000
"""Pairs that are compared in full at most; of more, each picture keeps the strongest towards each split."""

_STRONGEST = 4
_TILE = (1024, 8192)
_BYTES = 1 << 25


def gray(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pictures (N, H, W) or (N, H, W, 3) in gray: float32 (N, H, W), by the weights of ITU-R BT.601."""
    pixels = images.astype(np.float32)
    return pixels if images.ndim == 3 else np.asarray(pixels @ np.array([0.299, 0.587, 0.114], np.float32))


def unit(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pictures in gray with zero mean and unit length: float32 (N, H, W); a constant one is all zero."""
    pixels = gray(images)
    pixels -= pixels.mean(axis=(1, 2), keepdims=True)
    length = np.sqrt(np.square(pixels).sum(axis=(1, 2), keepdims=True))
    return np.asarray(pixels / np.maximum(length, 1e-3), np.float32)


def cosines(size: int, count: int) -> NDArray[np.float32]:
    """The first rows of the orthonormal cosine transform (DCT-II) of `size` values: float32 (min(count, size), size)."""
    wave = np.arange(min(count, size))[:, None]
    table = np.cos(np.pi * wave * (2 * np.arange(size) + 1) / (2 * size)) * np.sqrt(2 / size)
    table[0] /= np.sqrt(2)
    return np.asarray(table, np.float32)


def fingerprints(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The fingerprints of pictures: float32 (N, CORNER, CORNER), smaller for smaller pictures; [0, 0] is the length of the rest."""
    down, across = (cosines(size, CORNER) for size in images.shape[1:3])
    out = np.empty((len(images), len(down), len(across)), np.float32)
    for part in _blocks(len(images), images[:1].size):
        out[part] = down @ unit(images[part]) @ across.T
    out[:, 0, 0] = 0
    out[:, 0, 0] = np.sqrt(np.maximum(0, 1 - np.square(out).sum(axis=(1, 2))))
    return out


def near_links(
    images: NDArray[np.uint8],
    threshold: float,
    *,
    roles: NDArray[np.int64] | None = None,
    progress: Callable[[float], None] | None = None,
) -> tuple[Links, Links]:
    """All pairs of `images` that are nearly equal, and all that are nearly mirrored, as links between row numbers, left < right.

    That is a Pearson correlation of at least `threshold`, with the mirror image for the second; a pair that is both is the one that it is
    more. Pairs whose detail does not agree (LEAST_DETAIL) share light and shade alone and are left out; constant pictures are near to none.
    Above MOST_PAIRS pairs that may be, each picture keeps the strongest few towards each of `roles`, int64 (N,).
    """
    prints = fingerprints(images)
    roles = np.zeros(len(images), np.int64) if roles is None else roles
    found: list[Links] = []
    for done, links in _candidates(prints, threshold):
        found.append(links)
        if sum(map(len, found)) > MOST_PAIRS:
            found = [strongest(Links.joined(found), roles)]
        if progress:
            progress(done)
    pairs = Links.joined(found)
    plain, turned = (_confirmed(images, prints, pairs, threshold, mirror) for mirror in (False, True))
    mirrored = turned > plain
    near = (plain > 0) & ~mirrored
    return Links(pairs.left[near], pairs.right[near], plain[near]), Links(pairs.left[mirrored], pairs.right[mirrored], turned[mirrored])


def strongest(links: Links, roles: NDArray[np.int64]) -> Links:
    """Of all links of a picture towards each of `roles` the strongest few; a link stays if it is one of those for either end."""
    keep = np.zeros(len(links), np.bool_)
    for one, other in ((links.left, links.right), (links.right, links.left)):
        key = one * (int(roles.max(initial=0)) + 1) + roles[other]
        order = np.lexsort((-links.score, key))
        place = np.arange(len(order)) - np.searchsorted(key[order], key[order])
        keep[order[place < _STRONGEST]] = True
    return links.take(keep)


def correlations(images: NDArray[np.uint8], links: Links, mirror: bool) -> NDArray[np.float64]:
    """The Pearson correlation of the pictures of each link, at full size, the right one mirrored if asked: float64 (L,)."""
    out = np.empty(len(links))
    for part in _blocks(len(links), images[:1].size):
        right = images[links.right[part]]
        right = right[:, :, ::-1] if mirror else right
        out[part] = (unit(images[links.left[part]]) * unit(right)).sum(axis=(1, 2))
    return out


def _candidates(prints: NDArray[np.float32], threshold: float) -> Iterator[tuple[float, Links]]:
    """Tile by tile, how much is done and the pairs whose bound reaches the threshold, with the bound as their score.

    What even columns add to the product stays the same when one of the two is mirrored, and what odd columns add turns its sign: the
    larger of the two bounds is the first and the size of the second.
    """
    n = len(prints)
    if not n:
        return
    even, odd = (np.ascontiguousarray(prints[:, :, start::2].reshape(n, -1)) for start in (0, 1))
    high, wide = _TILE
    for top in range(0, n, high):
        for left in range(top, n, wide):
            bound = odd[top : top + high] @ odd[left : left + wide].T
            np.abs(bound, out=bound)
            bound += even[top : top + high] @ even[left : left + wide].T
            i, j = np.nonzero(bound >= np.float32(threshold - 1e-4))
            links = Links(i.astype(np.int64) + top, j.astype(np.int64) + left, bound[i, j].astype(np.float64))
            yield 1 - (1 - top / n) ** 2, links.take(links.left < links.right)


def _confirmed(images: NDArray[np.uint8], prints: NDArray[np.float32], links: Links, threshold: float, mirror: bool) -> NDArray[np.float64]:
    """The correlation of each linked pair, the right one mirrored if asked; 0 where it or that of the detail is too low: float64 (L,)."""
    score = correlations(images, links, mirror)
    return np.where((score >= threshold) & (_detail(prints, links, mirror) >= LEAST_DETAIL), score, 0.0)


def _detail(prints: NDArray[np.float32], links: Links, mirror: bool) -> NDArray[np.float64]:
    """The correlation of the detail of each linked pair: float64 (L,); 1 where the pictures have none to compare."""
    high = np.ones(prints.shape[1:], np.float32)
    high[:COARSE, :COARSE] = 0
    turned = high * np.where(np.arange(prints.shape[2]) % 2, -1, 1).astype(np.float32) if mirror else high
    out = np.empty(len(links))
    for part in _blocks(len(links), prints[:1].size):
        a, b = prints[links.left[part]] * high, prints[links.right[part]] * turned
        length = np.sqrt(np.square(a).sum(axis=(1, 2)) * np.square(b).sum(axis=(1, 2)))
        out[part] = np.where(length > 1e-5, (a * b).sum(axis=(1, 2)) / np.maximum(length, 1e-5), 1)
    return out


def _blocks(n: int, size: int) -> Iterator[slice]:
    step = max(1, _BYTES // (4 * max(size, 1)))
    for start in range(0, n, step):
        yield slice(start, start + step)
