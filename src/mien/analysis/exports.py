"""Results in the shapes that users of DeepFace and of fer know. Both speak the seven classes of FER2013, by their names and in their order.

Scores over another label set are read as `fer7` first (`LabelSet.project`): from `fer8` the share of contempt is dropped and the other
seven are scaled up to sum 1 again, so a face that shows contempt is given the likeliest of the seven. `Results.to_dict()` keeps contempt.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mien.core.labels import FER7
from mien.core.types import FaceResult, Prediction, SourceInfo

NAMES = {
    "angry": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happiness",
    "sad": "sadness",
    "surprise": "surprise",
    "neutral": "neutral",
}


def deepface(face: FaceResult, info: SourceInfo) -> dict[str, Any]:
    """One face as `DeepFace.analyze(…, actions=["emotion"])` gives it: emotion in 0–100, region in whole pixels inside the picture.

    As there, `left_eye` is the person's own left, which lies on the right of the picture.
    """
    emotion = {name: 100.0 * score for name, score in emotions(face.prediction).items()}
    x, y, w, h = box_xywh(face, info)
    eyes = None if face.face.landmarks is None else [(int(px), int(py)) for px, py in np.rint(face.face.landmarks[:2])]
    return {
        "emotion": emotion,
        "dominant_emotion": max(emotion, key=emotion.__getitem__),
        "region": {"x": x, "y": y, "w": w, "h": h, "left_eye": eyes and eyes[1], "right_eye": eyes and eyes[0]},
        "face_confidence": face.face.score,
    }


def fer(face: FaceResult, info: SourceInfo) -> dict[str, Any]:
    """One face as `FER().detect_emotions` gives it: box [x, y, w, h] in whole pixels inside the picture, emotions in 0–1."""
    return {"box": list(box_xywh(face, info)), "emotions": emotions(face.prediction)}


def emotions(prediction: Prediction) -> dict[str, float]:
    """Scores 0–1 over the seven names, in their order. Raises LabelError for labels that can't be read as `fer7` (valence3, ckplus7 …)."""
    scores = prediction.labels.project(prediction.scores, FER7)
    return {name: float(scores[FER7.index(label)]) for name, label in NAMES.items()}


def box_xywh(face: FaceResult, info: SourceInfo) -> tuple[int, int, int, int]:
    """Left, top, width, height in whole pixels, cut at the border of the picture so that slicing with them is safe."""
    x1, y1, x2, y2 = (round(v) for v in face.face.box_xyxy)
    left, top = max(x1, 0), max(y1, 0)
    right = x2 if info.width is None else min(x2, info.width)
    bottom = y2 if info.height is None else min(y2, info.height)
    return left, top, max(right - left, 0), max(bottom - top, 0)
