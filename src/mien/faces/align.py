"""A face → a crop framed as the model learnt faces, so that models see in use what they saw in training.

"fer2013", as FER2013 frames faces: a square of the picture, turned with the face. With landmarks it is the one that brings them closest
to where they lie in FER2013 (similarity by least squares: Umeyama, 1991, doi:10.1109/34.88573); without, it is upright and holds the
detector's box where that detector's boxes lie.

"geometric", the geometric normalisation of the paper of CNN1–3 (Huang, §2.2: the main rectangular region by the feature points and
a geometric model of the face, cut to 150×100, which we read as 150 rows and 100 columns). The paper does not give the model. Ours has the
distance d between the eyes for its unit: the eyes are level, and from the middle between them the rectangle reaches d to either side,
d up and 2 d down, the simplest of that shape that holds a frontal face's brows, cheeks and chin (measured in docs/framing.md). So d is
50 pixels, and the eyes lie at (25, 50) and (75, 50). A mouth that opens does not move the frame of a frontal face, and shows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.types import RGB, Crop, Face
from mien.faces.detect import Framing
from mien.preprocess import check_framing

MAX_SIDE = 224
MIN_SIDE = 8
GEOMETRIC_WIDTH, GEOMETRIC_HEIGHT = 100, 150

# Medians of CenterFace's landmarks in 1,465 FER2013 Training images and their mirror images, as fractions of the side: docs/framing.md.
FER2013_LANDMARKS: NDArray[np.float32] = np.array(
    [[0.306, 0.390], [0.694, 0.390], [0.500, 0.605], [0.343, 0.766], [0.657, 0.766]], np.float32
)

# A frame this many times smaller or larger than the box asks for comes from landmarks that are no face's.
_MOST_DISAGREEMENT = 2.0

# From the eyes to the mouth, in distances of the eyes: .95 in frontal faces, up to 1.16 in 98 % of them, and more the further a head is
# turned aside; where it is twice that distance, the line between the eyes tells nothing any more. docs/framing.md.
_LONGEST_FRONTAL = 1.2
_PROFILE = 2.0


@dataclass(frozen=True)
class CropFrame:
    """A rectangle in the picture, `aspect` times as high as wide.

    `corner` is its upper left as x + iy in pixels, `side` the way along its upper edge to the next corner.
    """

    corner: complex
    side: complex
    aspect: float = 1.0


def cut(image: RGB, face: Face, box_framing: Framing, framing: str = "fer2013") -> Crop:
    """The crop of one face, RGB.

    Parameters
    ----------
    image : uint8 (H, W, 3) RGB, the picture that the face was found in. Beyond its border its outermost pixels are repeated.
    face : its landmarks lead; without them, or when they contradict the box, the box does.
    box_framing : the detector's `box_framing`.
    framing : "fer2013" gives uint8 (S, S, 3), 8 ≤ S ≤ 224, at the picture's own resolution or, over 224 pixels, area-averaged down;
        "geometric" gives uint8 (150, 100, 3), area-averaged down or enlarged.

    Raises UnknownNameError for another framing.
    """
    frame = framing_of(face, box_framing, framing)
    if framing == "geometric":
        return Crop(_warp(image, frame, GEOMETRIC_WIDTH, GEOMETRIC_HEIGHT), face)
    size = int(min(max(round(abs(frame.side)), MIN_SIDE), MAX_SIDE))
    return Crop(_warp(image, frame, size, size), face)


def framing_of(face: Face, box_framing: Framing, framing: str = "fer2013") -> CropFrame:
    """The part of the picture that `cut` takes. Raises as `cut` does."""
    geometric = check_framing(framing) == "geometric"
    upright, from_landmarks = _from_box(face, box_framing), _from_eyes if geometric else _from_landmarks
    if geometric:
        left, right, *_ = upright.corner + upright.side * _complex(FER2013_LANDMARKS)
        upright = _around((left + right) / 2, complex(right - left))
    turned = None if face.landmarks is None else from_landmarks(face.landmarks)
    if turned is None or not 1 / _MOST_DISAGREEMENT < abs(turned.side) / abs(upright.side) < _MOST_DISAGREEMENT:
        return upright
    return turned


def _from_box(face: Face, framing: Framing) -> CropFrame:
    """The smallest upright square in which the framed place holds the box."""
    x1, y1, x2, y2 = face.box_xyxy
    left, top, right, bottom = framing
    side = max((x2 - x1) / (right - left), (y2 - y1) / (bottom - top))
    centre = complex(x1 + x2, y1 + y2) / 2
    return CropFrame(centre - side * complex(left + right, top + bottom) / 2, complex(side))


def _from_landmarks(landmarks: NDArray[np.float32]) -> CropFrame | None:
    """The square in which the landmarks lie closest to FER2013's places; None when they lie on one spot."""
    points, places = _complex(landmarks), _complex(FER2013_LANDMARKS)
    spread = points - points.mean()
    power = float((np.abs(spread) ** 2).sum())
    if not math.isfinite(power) or power < 1e-6:
        return None
    # Places = scale · points + shift in the complex plane is the similarity without a mirror; the frame is its inverse.
    scale = complex((np.conj(spread) * (places - places.mean())).sum()) / power
    if abs(scale) * math.sqrt(power) < 1e-3:
        return None
    return CropFrame(complex(points.mean()) - complex(places.mean()) / scale, 1 / scale)


def _from_eyes(landmarks: NDArray[np.float32]) -> CropFrame | None:
    """The rectangle of the face model on these eyes; None when they and the mouth are no face's, or one in profile.

    The eyes of a head turned aside come together; their distance is held at what a long frontal face would have.
    """
    left, right, _, *mouth = _complex(landmarks)
    middle, apart = complex(left + right) / 2, complex(right - left)
    down = complex(sum(mouth)) / 2 - middle
    if not (math.isfinite(abs(down)) and 0 < abs(down) < _PROFILE * abs(apart) and (down * apart.conjugate()).imag > 0):
        return None
    return _around(middle, apart * max(1.0, abs(down) / abs(apart) / _LONGEST_FRONTAL))


def _around(middle: complex, apart: complex) -> CropFrame:
    """The face model's rectangle: `middle` lies between the eyes, `apart` is the way from the left one to the right one."""
    return CropFrame(middle - apart * (1 + 1j), 2 * apart, GEOMETRIC_HEIGHT / GEOMETRIC_WIDTH)


def _complex(points: NDArray[np.float32]) -> NDArray[np.complex128]:
    return points[:, 0].astype(np.float64) + 1j * points[:, 1]


def _warp(image: RGB, frame: CropFrame, wide: int, high: int) -> RGB:
    step = frame.side / wide
    looks_at = np.array([[step.real, -step.imag, frame.corner.real], [step.imag, step.real, frame.corner.imag]])
    if abs(step) > 1:
        image, looks_at = _shrunk(image, looks_at, wide, high)
    # OpenCV counts from the middle of the first pixel, frames and boxes from its upper left corner.
    looks_at[:, 2] += looks_at[:, :2].sum(axis=1) / 2 - 0.5
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, looks_at, (wide, high), flags=flags, borderMode=cv2.BORDER_REPLICATE).astype(np.uint8, copy=False)


def _shrunk(image: RGB, looks_at: NDArray[np.float64], across: int, down: int) -> tuple[RGB, NDArray[np.float64]]:
    """The part of the picture that the crop looks at, area-averaged to the crop's resolution, and the matrix (2, 3) that looks at it."""
    height, width = image.shape[:2]
    x, y = looks_at @ np.array([[0, across, 0, across], [0, 0, down, down], [1, 1, 1, 1]])
    x1, x2 = _span(x, width)
    y1, y2 = _span(y, height)
    factor = 1 / math.hypot(looks_at[0, 0], looks_at[1, 0])
    wide, high = max(1, round((x2 - x1) * factor)), max(1, round((y2 - y1) * factor))
    small = cv2.resize(image[y1:y2, x1:x2], (wide, high), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    scale = np.array([[wide / (x2 - x1)], [high / (y2 - y1)]])
    return small, (looks_at - [[0, 0, x1], [0, 0, y1]]) * scale


def _span(positions: NDArray[np.float64], length: int) -> tuple[int, int]:
    """First and last pixel that the positions need, within 0–length, never empty."""
    first = min(max(math.floor(positions.min()) - 2, 0), length - 1)
    return first, max(min(math.ceil(positions.max()) + 2, length), first + 1)
