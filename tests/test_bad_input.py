"""Bad input end to end: each is a row with a clear error, nothing crashes, nothing is lost, and the others are finished."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pandas
import pytest
from PIL import Image

from mien.analysis.analyzer import Analyzer, analyze
from mien.analysis.results import Results
from mien.core.errors import ArtifactError, InputError, OutputError, UnknownNameError
from mien.core.types import RGB


@pytest.fixture(scope="module")
def analyzer() -> Analyzer:
    return Analyzer()


@pytest.fixture(scope="module")
def whole() -> Analyzer:
    """An analyzer that looks for no faces: for the tests of what is read."""
    return Analyzer(detector="whole")


# ---- Files made by the test. -----------------------------------------------------------------------------------------------------------


def missing(path: Path) -> Path:
    return path


def empty(path: Path) -> Path:
    path.touch()
    return path


def truncated(path: Path) -> Path:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (300, 300, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:9000])
    return path


def text(path: Path) -> Path:
    path.write_text("This is no picture.\n" * 50, encoding="utf-8")
    return path


def huge(path: Path) -> Path:
    """A PNG of 20,000 × 20,000 black pixels: right in every byte, 1.2 GB once it is RGB, small on the disk."""
    side = 20_000
    pack = zlib.compressobj(1)
    line = b"\0" + bytes(side // 8)
    data = b"".join(pack.compress(line) for _ in range(side)) + pack.flush()
    chunks = [(b"IHDR", side.to_bytes(4, "big") * 2 + bytes([1, 0, 0, 0, 0])), (b"IDAT", data), (b"IEND", b"")]
    packed = [len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big") for kind, body in chunks]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))
    return path


def useless_folder(path: Path) -> Path:
    path.mkdir()
    (path / "notes.txt").write_text("nothing to see", encoding="utf-8")
    return path


def sound_only(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16_000)
        frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        frame.sample_rate = 16_000
        frame.planes[0].update(np.zeros(1024, np.float32).tobytes())
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return path


def video(path: Path, times: list[float], picture: RGB | None = None, size: tuple[int, int] = (64, 48)) -> Path:
    """Write a video with a frame at each of these times, in seconds."""
    width, height = size
    with av.open(str(path), "w", options={"movflags": "faststart"} if path.suffix == ".mp4" else {}) as container:
        odd = width % 2 or height % 2
        stream = container.add_stream("libx264", rate=1000, options={"g": "10"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv444p" if odd else "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        container.start_encoding()
        for number, time_s in enumerate(times):
            image = np.full((height, width, 3), 40 + 10 * (number % 20), np.uint8) if picture is None else picture
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = round(1000 * time_s), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


NOISE = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)


def no_frames(path: Path) -> Path:
    return video(path, [])


BAD: dict[str, tuple[str, Callable[[Path], Path], str]] = {
    "missing picture": ("gone.jpg", missing, "There is no file"),
    "missing video": ("gone.mp4", missing, "There is no file"),
    "empty picture": ("empty.jpg", empty, "is empty"),
    "empty video": ("empty.mp4", empty, "is empty"),
    "truncated picture": ("cut.jpg", truncated, "cut short"),
    "text named .jpg": ("text.jpg", text, "is no picture that can be read"),
    "text named .mp4": ("text.mp4", text, "is no video that can be read"),
    "20,000 × 20,000": ("huge.png", huge, "the limit is 100 million"),
    "folder with nothing usable": ("folder", useless_folder, "holds no picture and no video"),
    "video without a video stream": ("sound.mp4", sound_only, "has no video stream"),
    "Matroska without frames": ("none.mkv", no_frames, "was never finished"),
    "MP4 without frames": ("none.mp4", no_frames, "has no video stream"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_a_row_and_the_others_are_finished(case: str, tmp_path: Path, portrait_path: Path, analyzer: Analyzer) -> None:
    name, make, reason = BAD[case]
    bad = make(tmp_path / name)
    results = analyzer.analyze([portrait_path, bad, portrait_path])
    assert [len(s.frames) for s in results.sources] == [1, 0, 1]
    assert [len(f.faces) for f in results] == [1, 1]
    [(source, error)] = results.errors.items()
    assert source == str(bad)
    assert name in error
    assert reason in error
    rows = results.to_df()
    assert rows[rows["source"] == source]["error"].tolist() == [error]
    for suffix in ("json", "jsonl", "csv"):
        assert name in results.save(tmp_path / "out" / f"r.{suffix}").read_text(encoding="utf-8")
    saved = pandas.read_parquet(results.save(tmp_path / "out" / "r.parquet"))
    assert saved["error"].dropna().tolist() == [error]


@pytest.mark.parametrize("case", BAD)
def test_bad_input_raises_when_streamed(case: str, tmp_path: Path, analyzer: Analyzer) -> None:
    name, make, reason = BAD[case]
    with pytest.raises(InputError, match=reason):
        list(analyzer.stream(make(tmp_path / name)))


@pytest.mark.parametrize("value", [None, 3, {"a": 1}, np.zeros((4, 4, 7), np.uint8), np.zeros(5), "", b""])
def test_what_is_no_picture_at_all(value: object, analyzer: Analyzer) -> None:
    try:
        results = analyzer.analyze(value)
    except InputError as error:
        message = str(error)
    else:
        [message] = results.errors.values()
    assert len(message) > 20


# ---- Odd, but right. -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("detector", ["centerface", "cascade", "whole"])
@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1), (3, 2)])
def test_tiny_pictures(detector: str, size: tuple[int, int]) -> None:
    results = analyze(np.full((*size, 3), 128, np.uint8), detector=detector)
    assert results.errors == {}
    assert len(results) == 1
    assert len(results[0].faces) == (detector == "whole")


def test_one_pixel_file(tmp_path: Path, analyzer: Analyzer) -> None:
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    results = analyzer.analyze(tmp_path / "dot.png")
    assert (results.errors, [f.faces for f in results]) == ({}, [()])


def test_no_face_is_an_empty_frame_not_an_error(analyzer: Analyzer) -> None:
    results = analyzer.analyze(np.full((240, 320, 3), 90, np.uint8))
    assert (len(results), results[0].faces, results.errors, results.to_deepface()) == (1, (), {}, [])
    assert len(results.to_df()) == 1


def test_fifty_faces(portrait: RGB, analyzer: Analyzer) -> None:
    tile = np.asarray(Image.fromarray(portrait[0:300, 90:390]).resize((160, 160)))
    results = analyzer.analyze(np.tile(tile, (5, 10, 1)))
    assert len(results[0].faces) == 50
    scores = np.array([f.prediction.scores for f in results[0].faces])
    assert np.ptp(scores, axis=0).max() < 0.35, "the same face, wherever it lies"


@pytest.mark.parametrize("side", ["left", "right", "top", "bottom"])
def test_a_face_at_the_border(portrait: RGB, analyzer: Analyzer, side: str) -> None:
    [whole] = analyzer.analyze(portrait)[0].faces
    x1, y1, x2, y2 = (int(v) for v in whole.face.box_xyxy)
    cut = {
        "left": portrait[:, x1 + (x2 - x1) // 8 :],
        "right": portrait[:, : x2 - (x2 - x1) // 8],
        "top": portrait[y1 + (y2 - y1) // 8 :],
        "bottom": portrait[: y2 - (y2 - y1) // 16],
    }[side]
    results = analyzer.analyze(np.ascontiguousarray(cut))
    assert results.errors == {}
    assert len(results[0].faces) == 1
    assert results.to_fer()[0]["box"][0] >= 0
    assert results.plot().size == (cut.shape[1], cut.shape[0])


# ---- Videos. ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_a_video_cut_in_the_middle_keeps_its_frames(tmp_path: Path, whole: Analyzer, suffix: str) -> None:
    good = video(tmp_path / f"good.{suffix}", [n / 25 for n in range(60)], NOISE)
    data = good.read_bytes()
    cut = tmp_path / f"cut.{suffix}"
    cut.write_bytes(data[: len(data) // 2])
    results = whole.analyze([cut, good])
    frames = results.sources[0].frames
    assert 10 <= len(frames) <= 35
    assert [f.index for f in frames] == list(range(len(frames)))
    assert len(results.sources[1].frames) == 60
    assert list(results.errors) == [str(cut)]
    assert "cut short" in results.errors[str(cut)]


def test_damage_in_the_middle_of_a_video_loses_nothing_before_it(tmp_path: Path, whole: Analyzer) -> None:
    path = video(tmp_path / "damaged.mp4", [n / 25 for n in range(40)], NOISE)
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    middle = start + (len(data) - start) // 2
    data[middle : middle + 4000] = bytes(4000)
    path.write_bytes(bytes(data))
    [source] = whole.analyze(path).sources
    assert len(source.frames) >= 10
    assert source.error is not None
    assert "damaged" in source.error


def test_variable_frame_rate_keeps_true_times(tmp_path: Path, whole: Analyzer) -> None:
    times = [0.0, 0.04, 0.08, 0.5, 0.54, 1.7, 1.74, 3.0]
    results = whole.analyze(video(tmp_path / "vfr.mkv", times))
    assert results.errors == {}
    np.testing.assert_allclose([f.time_s for f in results], times, atol=0.002)


@pytest.mark.parametrize("size", [(63, 47), (65, 48), (16, 16)])
def test_odd_sizes(tmp_path: Path, analyzer: Analyzer, size: tuple[int, int]) -> None:
    results = analyzer.analyze(video(tmp_path / "odd.mkv", [0.0, 0.04], size=size))
    assert results.errors == {}
    assert len(results) == 2
    assert (results.sources[0].info.width, results.sources[0].info.height) == size


def test_a_rotated_video_is_upright(tmp_path: Path, portrait: RGB, analyzer: Analyzer) -> None:
    lying = np.ascontiguousarray(np.rot90(portrait[:, 32:480]))
    plain = video(tmp_path / "plain.mp4", [0.0, 0.04, 0.08], lying, size=lying.shape[1::-1])
    turned = tmp_path / "turned.mp4"
    _rotate(plain, turned)
    [source] = analyzer.analyze(turned).sources
    assert (source.info.width, source.info.height) == (448, 512)
    assert [len(f.faces) for f in source.frames] == [1, 1, 1]


def _rotate(path: Path, out: Path) -> None:
    """Write the display matrix of a quarter turn clockwise into the track header of an MP4 file."""
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40
    turn = [0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30]
    data[matrix : matrix + 36] = b"".join(n.to_bytes(4, "big", signed=True) for n in turn)
    out.write_bytes(bytes(data))


# ---- Names and outputs. ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "kind", "near"),
    [
        ({"model": "defautl"}, "model", "default"),
        ({"detector": "center-face"}, "detector", "centerface"),
        ({"labels": "fer-8"}, "label set", "fer8"),
    ],
)
def test_unknown_names(options: dict[str, str], kind: str, near: str) -> None:
    with pytest.raises(UnknownNameError, match=rf"Unknown {kind} .*Did you mean .*{near}.*Known: "):
        Analyzer(**options)


def test_a_model_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="No model file"):
        Analyzer(tmp_path / "gone.onnx")


@pytest.fixture
def results(analyzer: Analyzer) -> Results:
    return analyzer.analyze(np.full((40, 40, 3), 90, np.uint8))


@pytest.mark.parametrize("suffix", ["json", "jsonl", "csv", "parquet"])
def test_an_output_that_cannot_be_written(results: Results, tmp_path: Path, suffix: str) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    (tmp_path / f"folder.{suffix}").mkdir()
    for path in (tmp_path / "file" / f"out.{suffix}", tmp_path / f"folder.{suffix}", Path(f"/proc/nowhere/out.{suffix}")):
        with pytest.raises(OutputError, match="Can't write"):
            results.save(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", f"folder.{suffix}"]


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, results: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    path = results.save(tmp_path / "out.json")
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OutputError, match="No space left on device"):
        results.save(path)
    assert [p.name for p in tmp_path.iterdir()] == ["out.json"]
    assert path.read_bytes() == before


KILLED = """
import sys, numpy
from mien.analysis.analyzer import Analyzer
from mien.analysis.run import run
from mien.report.tables import open_table
from mien.sources import resolve

analyzer = Analyzer(detector="whole")
table = open_table(sys.argv[1], analyzer.model.identity, "whole")
run(analyzer, resolve(numpy.zeros((100_000, 8, 8, 3), numpy.uint8)), [table], lambda p: p.frames_done == 0 and print("going", flush=True))
"""


def test_a_kill_leaves_no_half_file(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    path.write_text('{"old": true}', encoding="utf-8")
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    with child:
        assert child.stdout.readline() == b"going\n"
        time.sleep(0.2)
        child.send_signal(signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL
    assert json.loads(path.read_text(encoding="utf-8")) == {"old": True}
