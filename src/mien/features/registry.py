"""The one registry of handcrafted features, and what a fitted one is kept as: numbers and names, never a pickle."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from mien.core.errors import ArtifactError, MienError, UnknownNameError
from mien.datasets.options import check_values
from mien.features.bag import BagOfWords
from mien.features.local import LocalScores
from mien.features.pictures import PictureTransformer
from mien.features.texture import HOG, LBP, Gabor, Pixels

FEATURES: dict[str, type[PictureTransformer]] = {"pixels": Pixels, "hog": HOG, "lbp": LBP, "gabor": Gabor, "bovw": BagOfWords}
_KEPT = FEATURES | {"local_svm": LocalScores}  # what may stand in a file; the last is made by training alone
_PROCESSES = "n_jobs"  # how a vector is reckoned, not what it is


def build(name: str, options: Mapping[str, Any] | None = None) -> PictureTransformer:
    """A new transformer of that name, a key of FEATURES.

    Raises UnknownNameError for a feature or an option that does not exist, OptionError for a value out of range.
    """
    return _built(FEATURES, name, options or {})


def _built(kinds: Mapping[str, type[PictureTransformer]], name: str, options: Mapping[str, Any]) -> PictureTransformer:
    if name not in kinds:
        raise UnknownNameError("feature", name, kinds)
    kind = kinds[name]
    for key in options:
        if key not in kind().get_params():
            raise UnknownNameError(f"option of {name}", key, kind().get_params())
    check_values(name, kind.__init__, options)
    made = kind(**options)
    made.check()
    return made


def to_bytes(features: PictureTransformer) -> bytes:
    """A fitted transformer as an npz file: its name and parameters as JSON, its arrays as they are. Equal ones give equal bytes."""
    text = json.dumps(told(features), sort_keys=True)
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, told=np.frombuffer(text.encode(), np.uint8), **features.state())
    return file.getvalue()


def from_bytes(data: bytes) -> PictureTransformer:
    """The transformer that `to_bytes` kept. Raises ArtifactError for other bytes."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            state = {name: file[name] for name in file.files}
        written = json.loads(state.pop("told").tobytes())
        features = _built(_KEPT, written["feature"], written["options"])
        features.restore(state)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, MienError) as error:
        raise ArtifactError(f"The features of this model can't be read ({type(error).__name__}: {error}). Export it again.") from error
    return features


def told(features: PictureTransformer) -> dict[str, Any]:
    """What the vectors are, as plain JSON values: the "feature" by name, and its "options"."""
    name = next(name for name, kind in _KEPT.items() if type(features) is kind)
    options = {key: value for key, value in features.get_params(deep=False).items() if key != _PROCESSES}
    return {"feature": name, "options": json.loads(json.dumps(options))}


def fingerprint(features: PictureTransformer) -> str:
    """SHA-256 of what a fitted transformer is: equal ones give equal vectors of equal pictures."""
    return hashlib.sha256(to_bytes(features)).hexdigest()
