"""Whatever a person gives becomes sources, in order; what can't be one says so when it is opened."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mien.core.errors import DecodeError, InputError, OptionError
from mien.core.types import RGB, Frame
from mien.sources import resolve
from mien.sources.camera import CameraSource
from mien.sources.video import VideoSource
from tests.sources.videos import write_video


@pytest.fixture
def picture() -> RGB:
    return np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)


@pytest.fixture
def album(tmp_path: Path, picture: RGB, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two pictures, a video, a hidden picture, a note, and a folder with a picture and an empty folder."""
    folder = tmp_path / "album"
    (folder / "b" / "empty").mkdir(parents=True)
    for name in ("c.png", "a.PNG", ".hidden.png", "b/d.png"):
        Image.fromarray(picture).save(folder / name)
    write_video(folder / "b.mp4", [0, 0.04])
    (folder / "notes.txt").write_text("Good morning", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return folder


def frames(inputs: Any, **options: Any) -> list[Frame]:
    found: list[Frame] = []
    for source in resolve(inputs, **options):
        with source:
            found.extend(source)
    return found


def names(inputs: Any) -> list[str]:
    return [source.name for source in resolve(inputs)]


def reason(inputs: Any) -> str:
    [source] = resolve(inputs)
    with pytest.raises(InputError) as caught:
        source.__enter__()
    return str(caught.value)


# ---- One picture in every form. --------------------------------------------------------------------------------------------------------


def test_the_same_picture_from_a_path_bytes_and_arrays(picture: RGB, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(picture).save(path)
    bgr = np.ascontiguousarray(picture[:, :, ::-1])
    forms = [path, str(path), path.read_bytes(), memoryview(path.read_bytes()), picture, picture / 255, picture[None]]
    for form in forms:
        [frame] = frames(form)
        np.testing.assert_array_equal(frame.image, picture)
        assert (frame.index, frame.time_s) == (0, None)
    for form in (bgr, bgr[None], [bgr], path):
        [frame] = frames(form, bgr=True)
        np.testing.assert_array_equal(frame.image, picture)


def test_an_image_of_pillow_is_a_picture(picture: RGB) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "PNG", exif=exif)
    (same,) = frames(Image.fromarray(picture))
    (turned,) = frames([Image.open(data)])
    np.testing.assert_array_equal(same.image, picture)
    np.testing.assert_array_equal(turned.image, np.rot90(picture, -1))
    assert names([Image.fromarray(picture), Image.new("L", (4, 4))]) == ["image[0]", "image[1]"]
    with pytest.raises(DecodeError, match="can't be decoded"):
        frames(Image.open(io.BytesIO(data.getvalue()[:-40])))


def test_an_open_picture_knows_its_size(picture: RGB) -> None:
    [source] = resolve(picture)
    assert (source.info.width, source.info.height) == (None, None)
    with source:
        assert (source.kind, source.expected_frames) == ("image", 1)
        assert (source.info.source, source.info.kind, source.info.width, source.info.height) == ("array", "image", 40, 30)
        assert len(list(source)) == 1
    assert list(source) == []


def test_a_batch_is_so_many_pictures(picture: RGB) -> None:
    batch = np.stack([picture, 255 - picture])
    found = frames(batch)
    assert [f.source for f in found] == ["array[0]", "array[1]"]
    np.testing.assert_array_equal(found[1].image, batch[1])
    assert frames(np.zeros((0, 4, 4, 3), np.uint8)) == []


def test_a_video_as_bytes(tmp_path: Path) -> None:
    data = write_video(tmp_path / "a.mp4", [0, 0.04]).read_bytes()
    assert [(f.source, f.index) for f in frames(data)] == [("bytes", 0), ("bytes", 1)]


# ---- Lists, folders, patterns. ---------------------------------------------------------------------------------------------------------


def test_lists_keep_their_order_and_tell_arrays_apart(picture: RGB, album: Path) -> None:
    data = (album / "c.png").read_bytes()
    given = [picture, "album/c.png", (picture[None], data), iter([album / "a.PNG"]), 7]
    expected = ["array[0]", "album/c.png", "array[2][0][0]", "bytes[2][1]", str(album / "a.PNG"), "input[4]"]
    assert names(given) == expected
    assert names([]) == []


def test_a_folder_with_all_below_it_sorted(album: Path) -> None:
    expected = [str(Path("album", name)) for name in ("a.PNG", "b.mp4", "c.png", "b/d.png")]
    assert names("album") == names(Path("album")) == expected
    assert [s.kind for s in resolve("album")] == ["image", "video", "image", "image"]
    assert len(frames(album)) == 5


def test_a_folder_loses_no_photo_without_a_suffix_or_of_a_kind_that_is_not_read(album: Path) -> None:
    (album / "IMG_0001").write_bytes((album / "c.png").read_bytes())
    (album / "README").write_text("Good morning", encoding="utf-8")
    (album / "x.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(32))
    assert [Path(name).name for name in names("album")] == ["IMG_0001", "a.PNG", "b.mp4", "c.png", "x.HEIC", "d.png"]
    with pytest.raises(InputError, match="HEIC photos are not read: convert them"):
        frames("album/x.HEIC")


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("album/*.png", ["album/c.png"]),
        ("album/*", ["album/a.PNG", "album/b/d.png", "album/b.mp4", "album/c.png"]),
        ("album/**/*.[pP][nN][gG]", ["album/a.PNG", "album/b/d.png", "album/c.png"]),
        ("album/**", ["album/a.PNG", "album/b.mp4", "album/b/d.png", "album/c.png"]),
        ("al?um/b.*", ["album/b.mp4"]),
    ],
)
def test_patterns(pattern: str, expected: list[str], album: Path) -> None:
    assert names(pattern) == expected
    assert names(str(album.parent / pattern)) == [str(album.parent / name) for name in expected]


def test_a_name_that_looks_like_a_pattern_and_is_there(album: Path) -> None:
    (album / "c.png").rename(album / "c[1].png")
    assert len(frames("album/c[1].png")) == 1


def test_videos_are_sampled(album: Path) -> None:
    assert [f.index for f in frames("album/b.mp4", every=2)] == [0]
    assert [f.index for f in frames("album/b.mp4", start_s=0.03)] == [1]
    assert len(frames("album/c.png", every=2, start_s=5)) == 1


def test_cameras() -> None:
    [camera] = resolve("camera:3", fps=2)
    assert isinstance(camera, CameraSource)
    assert (camera.name, camera.kind) == ("camera:3", "camera")


def test_content_decides(album: Path) -> None:
    (album / "b.mp4").rename(album / "b.jpg")
    [source] = resolve("album/b.jpg")
    assert isinstance(source, VideoSource)


# ---- What can't be a source. -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("gone.jpg", "There is no file gone.jpg"),
        ("gone.mp4", "There is no file gone.mp4"),
        ("album/b/empty", "The folder album/b/empty holds no picture and no video. Looked for .jpg, .jpeg"),
        ("album/*.gif", "The pattern album/*.gif matches no picture and no video"),
        ("album/*.txt", "The pattern album/*.txt matches no picture and no video"),
        ("album/notes.txt", "album/notes.txt is no picture that can be read"),
        ("https://example.org/a.jpg", "is an address, and mien downloads nothing. Save the file"),
        ("rtsp://example.org/a", "is an address"),
        ("camera:front", "'camera:front' names no camera. Give camera: and its number"),
        ("camera:²", "names no camera"),
        ("", "Received an empty name"),
        ("x" * 300, "Can't read"),
        ("a\0b", "Can't read"),
        (b"", "the bytes given is empty"),
        (b"Good morning", "the bytes given is no picture"),
        (None, "Received a value of type NoneType, which is no input. Give a path, a folder"),
        (3, "value of type int"),
        ({"a": 1}, "value of type dict"),
        (np.zeros(5), "received shape (5,)"),
        (np.zeros((4, 4, 7), np.uint8), "received shape (4, 4, 7)"),
        (np.zeros((1, 4, 4, 7), np.uint8), "received shape (4, 4, 7)"),
    ],
)
def test_what_can_not_be_a_source_says_so_when_opened(given: Any, message: str, album: Path) -> None:
    assert message in reason(given)


def test_a_batch_goes_on(album: Path) -> None:
    good = bad = 0
    for source in resolve(["gone.png", "album/c.png", None, "https://example.org/a.jpg", "album/a.PNG"]):
        try:
            with source:
                good += len(list(source))
        except InputError:
            bad += 1
    assert (good, bad) == (2, 3)


def test_what_was_not_opened_can_not_be_read() -> None:
    [source] = resolve(None)
    with pytest.raises(InputError, match="no input"):
        iter(source)


def test_a_damaged_file_in_a_folder(album: Path) -> None:
    (album / "a.PNG").write_bytes((album / "a.PNG").read_bytes()[:200])
    sources = list(resolve("album"))
    with pytest.raises(DecodeError, match=r"a\.PNG can't be decoded"):
        sources[0].__enter__()
    assert len(frames([album / "c.png"])) == 1


def test_options_are_checked_at_once() -> None:
    with pytest.raises(OptionError, match="every is a whole number"):
        resolve("a.jpg", every=0)


def test_the_room_is_light_until_it_is_used() -> None:
    code = "import sys, mien.sources; print([m for m in ('av', 'cv2', 'PIL') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
