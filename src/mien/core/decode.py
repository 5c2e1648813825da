"""Encoded pictures and arrays of any usual form → uint8 (H, W, 3) RGB, the one form that the rest of mien sees."""

from __future__ import annotations

import contextlib
import io
import struct
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from mien.core.errors import DecodeError, InputError, PixelLimitError
from mien.core.files import open_input
from mien.core.types import RGB

MAX_PIXELS = 100_000_000

# No EPS (it runs Ghostscript) and no format without a signature (it would take any text for a picture).
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM", "QOI", "ICO")

# What Pillow's readers raise on bytes that break their format's rules.
_BROKEN = (OSError, SyntaxError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, ArithmeticError, EOFError, struct.error)
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_FLOAT_SLACK = 1e-3
_WARNINGS = threading.Lock()


def decode_image(data: str | Path | bytes, *, max_pixels: int = MAX_PIXELS) -> RGB:
    """Decode a picture, given as a path or as encoded bytes, to uint8 (H, W, 3) RGB, upright.

    EXIF orientation is applied; gray is repeated over the channels; alpha lies on white; CMYK and palettes are converted; 16 and 32 bits
    are scaled to 8. Of an animation the first picture is read, of a document the first page.

    Raises
    ------
    PixelLimitError
        The header promises more than `max_pixels` pixels; nothing was decoded.
    DecodeError
        The bytes are no picture that can be read, or are cut short.
    InputError
        The file is missing, a folder, or may not be read.
    """
    if isinstance(data, (bytes, bytearray, memoryview)):
        return _decode(io.BytesIO(data), "the bytes given", max_pixels)
    with open_input(data) as stream:
        return _decode(stream, str(data), max_pixels)


def as_rgb(array: NDArray[Any], *, bgr: bool = False) -> RGB:
    """A picture given as an array → uint8 (H, W, 3) RGB, C-contiguous. Not copied when it has that form already.

    Parameters
    ----------
    array
        Shape (H, W) or (H, W, 1) gray, (H, W, 3) RGB or (H, W, 4) RGBA (alpha lies on white); uint8, uint16 (0–65535) or float (0–1).
    bgr
        The colours come as BGR or BGRA, the way OpenCV reads them.

    Raises
    ------
    InputError
        Another shape, another dtype, no pixels, or floats outside 0–1.
    """
    if array.ndim not in (2, 3) or 0 in array.shape or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise InputError(f"A picture is an array of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4); received shape {array.shape}.")
    pixels = _to_8_bit(array)
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        return np.repeat(pixels.reshape(*pixels.shape[:2], 1), 3, axis=2)
    if bgr:
        pixels = pixels[:, :, [2, 1, 0, 3][: pixels.shape[2]]]
    pixels = np.ascontiguousarray(pixels)
    return pixels if pixels.shape[2] == 3 else np.array(_on_white(Image.fromarray(pixels)))


def _to_8_bit(array: NDArray[Any]) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind == "u" and array.dtype.itemsize == 2:
        # 65535 / 257 = 255 exactly, so that 8 bits widened to 16 come back unchanged.
        return ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if not np.issubdtype(array.dtype, np.floating):
        raise InputError(f"A picture is uint8, uint16 (0–65535) or float (0–1); received {array.dtype}. Convert with .astype(numpy.uint8).")
    low, high = float(array.min()), float(array.max())
    if not (low >= -_FLOAT_SLACK and high <= 1 + _FLOAT_SLACK):
        raise InputError(f"A float picture has values in 0–1; received {low:g} to {high:g}. Scale it, or give it as uint8.")
    scaled: NDArray[np.uint8] = np.rint(array.clip(0, 1) * 255).astype(np.uint8)
    return scaled


def from_pillow(image: Image.Image) -> RGB:
    """A picture that Pillow holds → uint8 (H, W, 3) RGB, upright, as `decode_image` gives it from its file, and raises."""
    return _pixels(lambda: image, "The image", MAX_PIXELS)


def _decode(stream: IO[bytes], name: str, max_pixels: int) -> RGB:
    return _pixels(lambda: _header(stream, name), name, max_pixels)


def _pixels(opened: Callable[[], Image.Image], name: str, max_pixels: int) -> RGB:
    try:
        image = opened()
        width, height = image.size
        if width * height > max_pixels:
            raise PixelLimitError(
                f"{name} has {width}×{height} pixels ({width * height / 1e6:,.0f} million); "
                f"the limit is {max_pixels / 1e6:g} million. Scale the picture down first."
            )
        with _own_limit(width * height):
            image.load()
            return _to_rgb(image)
    except Image.DecompressionBombError as error:
        raise PixelLimitError(f"{name} is over the limit of {max_pixels / 1e6:g} million pixels: {error} Scale it down first.") from error
    except InputError:
        raise
    except _BROKEN as error:
        raise DecodeError(f"{name} can't be decoded: {error}. It is damaged or cut short; get the picture again.") from error


def _header(stream: IO[bytes], name: str) -> ImageFile.ImageFile:
    """Open as Image.open does, but without Pillow's own pixel limit, whose warning would go past the caller."""
    prefix = stream.read(16)
    if not prefix:
        raise DecodeError(f"{name} is empty (0 bytes). Give a picture file.")
    stream.seek(0)
    for load_plugins in (Image.preinit, Image.init):
        load_plugins()
        for format_ in FORMATS:
            factory, accept = Image.OPEN.get(format_, (None, None))
            # Where a format's library is absent, `accept` gives a text in place of True.
            if factory is not None and accept is not None and accept(prefix) is True:
                return factory(stream, "")
    heic = " HEIC photos are not read: convert them to JPEG." if prefix[4:11] == b"ftyphei" else ""
    raise DecodeError(f"{name} is no picture that can be read; known formats: {', '.join(FORMATS)}.{heic} Give a file of one of them.")


@contextlib.contextmanager
def _own_limit(pixels: int) -> Iterator[None]:
    """Keep Pillow's warning down for a picture that lies between its limit and ours. Smaller ones leave the global filters alone."""
    if Image.MAX_IMAGE_PIXELS is None or pixels <= Image.MAX_IMAGE_PIXELS:
        yield
        return
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield


def _to_rgb(image: Image.Image) -> RGB:
    upright = _UPRIGHT.get(_orientation(image))
    picture = image if upright is None else image.transpose(upright)
    if picture.mode.startswith("I") or picture.mode == "F":
        return as_rgb(_deep(image, np.asarray(picture)))
    if image.has_transparency_data:
        return np.array(_on_white(picture))
    return np.array(picture if picture.mode == "RGB" else picture.convert("RGB"))


def _deep(image: Image.Image, values: NDArray[Any]) -> NDArray[Any]:
    """Gray of more than 8 bits as uint16 or float, as its file format means it."""
    tags = getattr(image, "tag_v2", {})
    if values.dtype.kind == "f":
        return values
    if values.dtype.kind != "u":
        # TIFF alone has 32 bits; Pillow hands them over as signed whatever they are. Mode I of every other format holds 16 bits.
        values = (values.view(np.uint32) >> 16 if tags.get(258, (16,))[0] == 32 else values.clip(0, 65535)).astype(np.uint16)
    return np.iinfo(values.dtype).max - values if tags.get(262) == 0 else values  # white is zero; Pillow turns 8 bits alone


def _on_white(image: Image.Image) -> Image.Image:
    picture = image.convert("RGBA")
    white = Image.new("RGB", picture.size, (255, 255, 255))
    white.paste(picture, mask=picture.getchannel("A"))
    return white


def _orientation(image: Image.Image) -> int:
    # A damaged EXIF block says nothing about the pixels, which are there.
    with contextlib.suppress(*_BROKEN):
        return int(image.getexif().get(_ORIENTATION, 1))
    return 1
