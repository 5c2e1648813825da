"""YuNet: where its weights come from, and what becomes of its answers.

The published weights are not here, so the network of these tests is made by them: with YuNet's inputs and outputs, run by OpenCV's own
FaceDetectorYN, it takes every red 8×8 block for the centre of a face.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mien.core.errors import ArtifactError, OutputError
from mien.faces import yunet
from mien.faces.pinned import PinnedFile, cache_dir
from mien.faces.yunet import YuNet

PUBLISHED = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
POINTS = [[-1.0, -2.0], [1.0, -2.0], [0.0, 0.0], [-1.0, 1.5], [1.0, 1.5]]
BIASES = {
    "cls": [0.0],
    "obj": [1.0],
    "bbox": [0.5, 0.5, float(np.log(4.0)), float(np.log(6.0))],
    "kps": [0.5 + v for point in POINTS for v in point],
}


def _red_is_a_face() -> bytes:
    nodes, constants, outputs = [], [], []
    for stride in (8, 16, 32):
        for kind, bias in BIASES.items():
            weights = np.zeros((len(bias), 3, stride, stride), np.float32)
            if kind == "cls" and stride == 8:
                weights[:, 2] = 1 / (255 * stride * stride)  # blue, green, red is YuNet's order
            name = f"{kind}_{stride}"
            constants += [
                numpy_helper.from_array(weights, f"{name}.weight"),
                numpy_helper.from_array(np.array(bias, np.float32), f"{name}.bias"),
                numpy_helper.from_array(np.array([1, -1, len(bias)], np.int64), f"{name}.shape"),
            ]
            nodes += [
                helper.make_node(
                    "Conv", ["input", f"{name}.weight", f"{name}.bias"], [f"{name}.map"], strides=[stride] * 2, kernel_shape=[stride] * 2
                ),
                helper.make_node("Transpose", [f"{name}.map"], [f"{name}.last"], perm=[0, 2, 3, 1]),
                helper.make_node("Reshape", [f"{name}.last", f"{name}.shape"], [name]),
            ]
            outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, None, len(bias)]))
    image = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 640, 640])
    graph = helper.make_graph(nodes, "red", [image], outputs, constants)
    return onnx.ModelProto.SerializeToString(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8))


@pytest.fixture(scope="module")
def weights() -> bytes:
    return _red_is_a_face()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MIEN_YUNET", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, weights: bytes) -> Iterator[PinnedFile]:
    """The stand-in weights on a local address, pinned; the detector fetches from there."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/yunet.onnx" else 404)
            self.end_headers()
            if self.path == "/yunet.onnx":
                self.wfile.write(weights)

        def log_message(self, *args: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/yunet.onnx"
    pinned = PinnedFile("yunet.onnx", url, hashlib.sha256(weights).hexdigest(), len(weights))
    monkeypatch.setattr(yunet, "WEIGHTS", pinned)
    yield pinned
    server.shutdown()
    server.server_close()


def test_the_published_file_is_pinned() -> None:
    assert yunet.WEIGHTS.sha256 == PUBLISHED
    assert yunet.WEIGHTS.size == 232_589


def test_nothing_is_downloaded_unasked(served: PinnedFile, cache: Path) -> None:
    with pytest.raises(ArtifactError, match=r"MIEN_YUNET.*fetch=True"):
        YuNet()
    assert not cache.exists()


def test_a_missing_model_file_is_named() -> None:
    with pytest.raises(ArtifactError, match=r"no YuNet model at nowhere\.onnx"):
        YuNet(model="nowhere.onnx")


def test_a_fetched_file_is_kept_and_used_again_without_the_web(served: PinnedFile, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    YuNet(fetch=True)
    assert [path.name for path in cache.iterdir()] == ["yunet.onnx"]
    monkeypatch.setattr(yunet, "WEIGHTS", replace(served, url="http://127.0.0.1:9/none"))
    YuNet()
    YuNet(fetch=True)


def test_other_bytes_than_the_pinned_are_refused_and_not_kept(served: PinnedFile, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yunet, "WEIGHTS", replace(served, sha256=PUBLISHED))
    with pytest.raises(ArtifactError, match=r"is not yunet\.onnx: SHA-256 .* expected 8f2383e4"):
        YuNet(fetch=True)
    assert not cache.exists() or not list(cache.iterdir())


def test_a_cached_file_that_was_changed_is_refused(served: PinnedFile) -> None:
    YuNet(fetch=True)
    served.path.write_bytes(served.path.read_bytes()[:-1])
    with pytest.raises(ArtifactError, match="Remove it and fetch it again"):
        YuNet()


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/none", "{}/missing"])
def test_an_address_that_does_not_answer_says_what_to_do(served: PinnedFile, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setattr(yunet, "WEIGHTS", replace(served, url=url.format(served.url)))
    with pytest.raises(ArtifactError, match=r"Can't fetch .* another machine"):
        YuNet(fetch=True)


def test_a_cache_that_can_not_be_written_is_named(served: PinnedFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(OutputError, match="Can't write"):
        YuNet(fetch=True)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(ArtifactError, match="can't read the YuNet model"):
        YuNet(model=tmp_path / "text.onnx")


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/mien"),
        ("linux", {}, "/home/me/.cache/mien"),
        ("darwin", {}, "/home/me/Library/Caches/mien"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/mien/cache"),
        ("win32", {}, "/home/me/AppData/Local/mien/cache"),
    ],
)
def test_the_cache_lies_where_the_platform_keeps_caches(
    platform: str, environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MIEN_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setattr(Path, "home", lambda: Path("/home/me"))
    assert cache_dir() == Path(expected)


@pytest.fixture
def detector(tmp_path: Path, weights: bytes, monkeypatch: pytest.MonkeyPatch) -> YuNet:
    (tmp_path / "red.onnx").write_bytes(weights)
    monkeypatch.setenv("MIEN_YUNET", str(tmp_path / "red.onnx"))
    return YuNet()


@pytest.mark.parametrize("scale", [1, 3])
def test_boxes_and_landmarks_come_back_in_the_pictures_pixels(detector: YuNet, scale: int) -> None:
    image = np.zeros((480, 640, 3), np.uint8)
    image[160:168, 240:248, 0] = 255
    image[320:328, 80:88, 2] = 255  # blue is none
    [face] = detector.detect(image.repeat(scale, 0).repeat(scale, 1))
    centre = np.array([244.0, 164.0])
    assert face.score == pytest.approx(1.0, abs=0.01)
    np.testing.assert_allclose(face.box_xyxy, scale * np.array([228, 140, 260, 188]), atol=0.1)
    assert face.landmarks is not None
    np.testing.assert_allclose(face.landmarks, scale * (centre + 8 * np.array(POINTS)), atol=0.1)


def test_the_surest_comes_first_and_the_threshold_holds(detector: YuNet) -> None:
    image = np.zeros((320, 640, 3), np.uint8)
    for x, red in ((80, 150), (320, 250), (560, 60)):
        image[160:168, x : x + 8, 0] = red
    scores = [face.score for face in detector.detect(image)]
    assert scores == pytest.approx([(250 / 255) ** 0.5, (150 / 255) ** 0.5], abs=0.01)


@pytest.mark.parametrize("shape", [(1, 1), (5, 4000), (100, 100)])
def test_no_face_is_an_empty_list(detector: YuNet, shape: tuple[int, int]) -> None:
    assert detector.detect(np.zeros((*shape, 3), np.uint8)) == []
