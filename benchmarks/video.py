"""How fast `mien analyze` goes through a 1280×720 video with one face, end to end, and how much memory it takes at its peak.

python benchmarks/video.py [MINUTES…]        default: 0.5; give "1 10" to compare the memory of a short and a long video
"""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from importlib.resources import as_file, files
from pathlib import Path

import av
import cv2
import numpy as np

RATE = 25
SIZE = (1280, 720)
FACE_PX = 420


def write_clip(path: Path, minutes: float) -> int:
    """The embedded portrait wandering over a blurred background; returns the number of frames."""
    with as_file(files("mien") / "assets" / "portrait.jpg") as file:
        portrait = cv2.imread(str(file))
    small = cv2.resize(portrait, (FACE_PX, FACE_PX), interpolation=cv2.INTER_AREA)
    background = cv2.GaussianBlur(cv2.resize(portrait, SIZE), (0, 0), 25)
    frames = round(minutes * 60 * RATE)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", RATE, options={"preset": "ultrafast", "crf": "26"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for index in range(frames):
            x = int((SIZE[0] - FACE_PX) * (0.5 + 0.5 * np.sin(index / 90)))
            y = int((SIZE[1] - FACE_PX) * (0.5 + 0.5 * np.cos(index / 70)))
            image = background.copy()
            image[y : y + FACE_PX, x : x + FACE_PX] = small
            frame = av.VideoFrame.from_ndarray(image, "bgr24")
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return frames


def main(lengths: list[float]) -> None:
    print(
        f"Python {platform.python_version()}, {platform.machine()}, {SIZE[0]}×{SIZE[1]}, one face, default model and detector, every frame"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for minutes in lengths:
            frames = write_clip(folder / "clip.mp4", minutes)
            command = [sys.executable, "-m", "mien", "analyze", str(folder / "clip.mp4"), "--out", str(folder / "clip.csv")]
            start = time.perf_counter()
            child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            _, status, usage = _wait(child)
            seconds = time.perf_counter() - start
            print(
                f"{minutes:g} min: {frames} frames in {seconds:.1f} s = {frames / seconds:.1f} frames/s with start-up, "
                f"peak memory {usage.ru_maxrss / 1024:.0f} MiB, exit code {status}"
            )


def _wait(child: subprocess.Popen[bytes]) -> tuple[int, int, resource.struct_rusage]:
    pid, status, usage = os.wait4(child.pid, 0)
    return pid, os.waitstatus_to_exitcode(status), usage


if __name__ == "__main__":
    main([float(text) for text in sys.argv[1:]] or [0.5])
