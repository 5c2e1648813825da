"""Pictures of every usual form become the same uint8 RGB; what is none gets a clear error."""

from __future__ import annotations

import io
import os
import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mien.core.decode import MAX_PIXELS, as_rgb, decode_image
from mien.core.errors import DecodeError, InputError, PixelLimitError
from mien.core.types import RGB


@pytest.fixture
def picture() -> RGB:
    """12 × 20 pixels without any symmetry."""
    return np.random.default_rng(0).integers(0, 256, (12, 20, 3), np.uint8)


@pytest.fixture
def smooth() -> RGB:
    """A gradient, which a lossy codec keeps well."""
    down, across = np.mgrid[0:64, 0:96]
    return np.stack([down * 3, across * 2, 255 - down * 3], -1).astype(np.uint8)


def encoded(image: Image.Image, format_: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format_, **options)
    return stream.getvalue()


def png_header(width: int, height: int) -> bytes:
    """The beginning of a PNG that says it is so large; no pixel of it is there."""
    return png_of(b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0]), b"IDAT")


def png_of(*chunks: bytes) -> bytes:
    packed = [(len(c) - 4).to_bytes(4, "big") + c + zlib.crc32(c).to_bytes(4, "big") for c in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


# ---- Files. ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format_", ["PNG", "BMP", "TIFF", "PPM", "GIF"])
def test_lossless_formats_come_back_unchanged(format_: str, tmp_path: Path) -> None:
    picture = np.repeat(np.repeat(np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [9, 99, 199]]], np.uint8), 5, 0), 7, 1)
    data = encoded(Image.fromarray(picture), format_)
    path = tmp_path / "picture"
    path.write_bytes(data)
    for form in (path, str(path), data, bytearray(data)):
        decoded = decode_image(form)
        assert (decoded.dtype, decoded.flags.c_contiguous) == (np.uint8, True)
        np.testing.assert_array_equal(decoded, picture)


@pytest.mark.parametrize("format_", ["JPEG", "WEBP", "AVIF", "JPEG2000"])
def test_lossy_formats_come_back_nearly_unchanged(format_: str, smooth: RGB) -> None:
    decoded = decode_image(encoded(Image.fromarray(smooth), format_, quality=95))
    assert np.abs(decoded.astype(int) - smooth).max() <= 12


def test_one_pixel() -> None:
    assert decode_image(encoded(Image.new("RGB", (1, 1), (1, 2, 3)), "PNG")).tolist() == [[[1, 2, 3]]]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_orientation_is_applied(orientation: int, format_: str) -> None:
    upright = np.kron(
        np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]], [[0, 0, 0], [90, 90, 90]]]), np.ones((16, 16, 1))
    )
    upright = upright.astype(np.uint8)
    # How the sensor saw it (EXIF 2.32, table 6): row 0 and column 0 of what is stored lie at these sides of what is shown.
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.swapaxes(0, 1),
        6: upright.swapaxes(0, 1)[::-1],
        7: upright.swapaxes(0, 1)[::-1, ::-1],
        8: upright.swapaxes(0, 1)[:, ::-1],
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"exif": exif} | ({"quality": 100} if format_ == "JPEG" else {"lossless": True} if format_ == "WEBP" else {})
    decoded = decode_image(encoded(Image.fromarray(np.ascontiguousarray(stored)), format_, **options))
    assert decoded.shape == upright.shape
    np.testing.assert_allclose(decoded[8::16, 8::16].astype(int), upright[8::16, 8::16], atol=6)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_is_passed_over(picture: RGB) -> None:
    data = encoded(Image.fromarray(picture), "PNG", exif=b"Exif\0\0II*\0\xff\xff\xff\xffrubbish")
    np.testing.assert_array_equal(decode_image(data), picture)


def test_gray_bilevel_and_palette(picture: RGB) -> None:
    gray = Image.fromarray(picture[:, :, 0])
    np.testing.assert_array_equal(decode_image(encoded(gray, "PNG")), np.repeat(picture[:, :, :1], 3, 2))
    bilevel = gray.point(lambda v: 255 * (v > 128)).convert("1")
    np.testing.assert_array_equal(decode_image(encoded(bilevel, "PNG"))[:, :, 1], np.where(picture[:, :, 0] > 128, 255, 0))
    palette = Image.fromarray(picture).quantize(200)
    np.testing.assert_array_equal(decode_image(encoded(palette, "PNG")), np.asarray(palette.convert("RGB")))


@pytest.mark.parametrize("format_", ["PNG", "TIFF", "WEBP"])
def test_alpha_lies_on_white(format_: str) -> None:
    rgba = np.array([[[200, 100, 0, 255], [200, 100, 0, 0], [200, 100, 0, 51]]], np.uint8)
    decoded = decode_image(encoded(Image.fromarray(rgba), format_, **({"lossless": True, "exact": True} if format_ == "WEBP" else {})))
    assert decoded.tolist() == [[[200, 100, 0], [255, 255, 255], [244, 224, 204]]]


def test_gray_with_alpha_and_transparent_colours_lie_on_white() -> None:
    two = Image.fromarray(np.array([[[10, 255], [10, 0]]], np.uint8))
    assert two.mode == "LA"
    assert decode_image(encoded(two, "PNG")).tolist() == [[[10] * 3, [255] * 3]]
    palette = Image.new("P", (2, 1))
    palette.putpalette([200, 0, 0, 0, 0, 200])
    palette.putpixel((1, 0), 1)
    for format_, transparency in (("PNG", 0), ("PNG", bytes([0, 255])), ("GIF", 0)):
        assert decode_image(encoded(palette, format_, transparency=transparency)).tolist() == [[[255] * 3, [0, 0, 200]]]
    keyed = Image.fromarray(np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8))
    assert decode_image(encoded(keyed, "PNG", transparency=(1, 2, 3))).tolist() == [[[255] * 3, [4, 5, 6]]]


def test_cmyk() -> None:
    cmyk = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    np.testing.assert_allclose(decode_image(encoded(cmyk, "TIFF")), np.broadcast_to([255, 0, 0], (16, 16, 3)), atol=2)
    # Pillow writes JPEGs as Adobe does, with the ink values inverted, and marks them so.
    jpeg = encoded(cmyk, "JPEG", quality=100)
    assert b"Adobe" in jpeg
    np.testing.assert_allclose(decode_image(jpeg), np.broadcast_to([255, 0, 0], (16, 16, 3)), atol=4)


@pytest.mark.parametrize("format_", ["PNG", "TIFF", "PPM"])
def test_gray_of_16_bits_is_scaled(format_: str) -> None:
    deep = np.array([[0, 257, 32_896, 65_535]], np.uint16)
    assert decode_image(encoded(Image.fromarray(deep), format_))[0, :, 0].tolist() == [0, 1, 128, 255]


@pytest.mark.parametrize(("values", "tag"), [(np.uint8([[255, 155, 0]]), 1), (np.uint16([[65_535, 39_835, 0]]), 1)])
def test_white_may_be_zero(values: NDArray[Any], tag: int) -> None:
    data = bytearray(encoded(Image.fromarray(values), "TIFF"))
    place = data.index(struct.pack("<HHI", 262, 3, 1)) + 8
    assert data[place] == tag
    data[place] = 0
    assert decode_image(bytes(data))[0, :, 0].tolist() == [0, 100, 255]


def test_16_bits_in_the_other_byte_order_and_turned() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(Image.fromarray(np.array([[0, 25_700, 65_535]], ">u2")), "TIFF", exif=exif)
    assert decode_image(data)[:, :, 0].tolist() == [[0], [100], [255]]


def test_colour_of_16_bits() -> None:
    lines = b"\0" + np.array([0, 32_896, 65_535], ">u2").tobytes()
    header = b"IHDR" + (1).to_bytes(4, "big") * 2 + bytes([16, 2, 0, 0, 0])
    assert decode_image(png_of(header, b"IDAT" + zlib.compress(lines), b"IEND")).tolist() == [[[0, 128, 255]]]


def test_tiffs_of_32_bits_and_of_floats() -> None:
    whole = np.array([[0, 2**31, 2**32 - 1]], np.uint32).view(np.int32)
    assert decode_image(encoded(Image.fromarray(whole), "TIFF"))[0, :, 0].tolist() == [0, 128, 255]
    unit = np.array([[0, 0.5, 1]], np.float32)
    assert decode_image(encoded(Image.fromarray(unit), "TIFF"))[0, :, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize("format_", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_several_pictures_the_first(format_: str) -> None:
    pages = [Image.new("RGB", (8, 8), (value, 0, 0)) for value in (255, 0, 128)]
    options = {"lossless": True} if format_ == "WEBP" else {}
    decoded = decode_image(encoded(pages[0], format_, save_all=True, append_images=pages[1:], **options))
    np.testing.assert_array_equal(decoded, np.asarray(pages[0]))


# ---- What can't be decoded. ------------------------------------------------------------------------------------------------------------


def test_a_picture_over_the_limit_is_refused_by_its_header() -> None:
    with pytest.raises(PixelLimitError, match=r"20000×20000 pixels \(400 million\); the limit is 100 million"):
        decode_image(png_header(20_000, 20_000))
    with pytest.raises(PixelLimitError, match=r"limit is 0\.0001 million"):
        decode_image(encoded(Image.new("L", (11, 10)), "PNG"), max_pixels=100)


@pytest.mark.parametrize("format_", ["PNG", "TIFF"])
def test_pillows_own_limit_is_not_heard(format_: str, monkeypatch: pytest.MonkeyPatch, picture: RGB) -> None:
    """Its warning, an error in these tests, lies under our limit."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 239)
    data = encoded(Image.fromarray(picture), format_)
    np.testing.assert_array_equal(decode_image(data), picture)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    np.testing.assert_array_equal(decode_image(data), picture)


def test_pillows_refusal_becomes_ours(monkeypatch: pytest.MonkeyPatch, picture: RGB) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(PixelLimitError, match="over the limit of 100 million"):
        decode_image(encoded(Image.fromarray(picture), "TIFF"))


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "JPEG2000", "PPM", "QOI"])
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.9])
def test_cut_short(format_: str, kept: float) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 90, 3), np.uint8))
    data = encoded(noise, format_)
    with pytest.raises(DecodeError, match=r"the bytes given can't be decoded|is no picture"):
        decode_image(data[: int(kept * len(data))])


@pytest.mark.parametrize("data", [b"This is no picture.\n" * 40, b"P", b"<svg/>", b"%!PS-Adobe-3.0 EPSF-3.0\n", bytes(400)])
def test_what_is_no_picture(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "text.jpg"
    path.write_bytes(data)
    with pytest.raises(DecodeError, match=r"text\.jpg (is no picture|can't be decoded)"):
        decode_image(path)


def test_heic_is_named() -> None:
    with pytest.raises(DecodeError, match="HEIC photos are not read: convert them to JPEG"):
        decode_image(b"\0\0\0\x18ftypheic" + bytes(50))


def test_empty_missing_and_folder(tmp_path: Path) -> None:
    empty = tmp_path / "empty.jpg"
    empty.touch()
    with pytest.raises(DecodeError, match=r"empty\.jpg is empty \(0 bytes\)"):
        decode_image(empty)
    with pytest.raises(DecodeError, match="the bytes given is empty"):
        decode_image(b"")
    with pytest.raises(InputError, match=r"There is no file .*gone\.jpg"):
        decode_image(tmp_path / "gone.jpg")
    with pytest.raises(InputError, match="is a folder"):
        decode_image(tmp_path)


def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="no regular file"):
        decode_image(tmp_path / "pipe")


@pytest.mark.parametrize("name", ["a\0b.jpg", "x" * 300 + ".jpg"])
def test_names_that_no_file_can_have(name: str) -> None:
    with pytest.raises(InputError, match=r"Can't read|There is no file"):
        decode_image(name)


@pytest.fixture
def as_nobody() -> Iterator[None]:
    """The rights of a plain user, for tests that run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_permission_denied(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    path = tmp_path / "closed.png"
    Image.new("RGB", (2, 2)).save(path)
    path.chmod(0)
    request.getfixturevalue("as_nobody")
    with pytest.raises(InputError, match=r"Can't read .*closed\.png: Permission denied"):
        decode_image(path)


def test_threads_decode_at_once(picture: RGB) -> None:
    data = encoded(Image.fromarray(picture), "PNG")
    good = []
    threads = [threading.Thread(target=lambda: good.append((decode_image(data) == picture).all())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert good == [True] * 8


# ---- Arrays. ---------------------------------------------------------------------------------------------------------------------------

GRAY = np.array([[0, 128, 255]], np.uint8)
COLOUR = np.array([[[10, 20, 30], [255, 0, 128]]], np.uint8)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (GRAY, np.repeat(GRAY[:, :, None], 3, 2)),
        (GRAY[:, :, None], np.repeat(GRAY[:, :, None], 3, 2)),
        (COLOUR, COLOUR),
        (COLOUR.astype(np.uint16) * 257, COLOUR),
        (COLOUR.astype(">u2") * 257, COLOUR),
        (COLOUR / 255, COLOUR),
        ((COLOUR / 255).astype(np.float32), COLOUR),
        ((COLOUR / 255).astype(np.float16), COLOUR),
        (np.asfortranarray(COLOUR), COLOUR),
        (np.dstack([COLOUR, [[255, 0]]]).astype(np.uint8), [[[10, 20, 30], [255, 255, 255]]]),
        (np.dstack([COLOUR, [[255, 0]]]) / 255, [[[10, 20, 30], [255, 255, 255]]]),
    ],
)
def test_arrays(array: NDArray[Any], expected: NDArray[np.uint8]) -> None:
    rgb = as_rgb(array)
    assert (rgb.dtype, rgb.flags.c_contiguous) == (np.uint8, True)
    np.testing.assert_array_equal(rgb, expected)


def test_rgb_is_not_copied() -> None:
    assert np.shares_memory(as_rgb(COLOUR), COLOUR)


def test_bgr() -> None:
    np.testing.assert_array_equal(as_rgb(COLOUR[:, :, ::-1], bgr=True), COLOUR)
    bgra = np.dstack([COLOUR[:, :, ::-1], [[255, 0]]]).astype(np.uint8)
    assert as_rgb(bgra, bgr=True).tolist() == [[[10, 20, 30], [255, 255, 255]]]
    assert as_rgb(GRAY, bgr=True)[0, 1].tolist() == [128] * 3


def test_file_and_array_of_alpha_agree() -> None:
    rgba = np.random.default_rng(1).integers(0, 256, (9, 9, 4), np.uint8)
    np.testing.assert_array_equal(decode_image(encoded(Image.fromarray(rgba), "PNG")), as_rgb(rgba))


@pytest.mark.parametrize("shape", [(5,), (4, 4, 2), (4, 4, 7), (2, 4, 4, 3), (0, 4, 3), (4, 0), ()])
def test_shapes_that_are_no_picture(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="received shape"):
        as_rgb(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.bool_, np.complex64, object])
def test_dtypes_that_are_no_picture(dtype: type) -> None:
    with pytest.raises(InputError, match="A picture is uint8"):
        as_rgb(np.zeros((2, 2, 3), dtype))


@pytest.mark.parametrize("value", [255.0, -0.5, np.nan, np.inf])
def test_floats_outside_0_to_1(value: float) -> None:
    with pytest.raises(InputError, match="values in 0–1"):
        as_rgb(np.full((2, 2, 3), value))


def test_floats_a_hair_outside_are_clipped() -> None:
    assert as_rgb(np.array([[-1e-6, 1 + 1e-6]]))[0, :, 0].tolist() == [0, 255]


def test_the_limit_is_documented() -> None:
    assert MAX_PIXELS == 100_000_000
