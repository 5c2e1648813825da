from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.core.errors import ArtifactError, OptionError, UnknownNameError
from mien.features.bag import BagOfWords
from mien.features.local import LocalScores, LocalSVM
from mien.features.registry import FEATURES, build, fingerprint, from_bytes, to_bytes, told

OPTIONS = {"bovw": {"words": 8, "size": 96, "kinds": ["sift", "orb"]}}


@pytest.mark.parametrize("name", FEATURES)
def test_what_was_fitted_comes_back_from_bytes(name: str, faces: NDArray[np.uint8]) -> None:
    features = build(name, OPTIONS.get(name)).fit(faces)
    again = from_bytes(to_bytes(features))
    np.testing.assert_array_equal(again.transform(faces), features.transform(faces))
    assert told(again) == told(features)
    assert fingerprint(again) == fingerprint(features)


@pytest.mark.slow
def test_the_number_of_processes_is_no_part_of_what_a_feature_is(faces: NDArray[np.uint8]) -> None:
    one, two = (BagOfWords(**OPTIONS["bovw"], n_jobs=jobs).fit(faces) for jobs in (None, 2))
    assert fingerprint(one) == fingerprint(two)
    assert fingerprint(one) != fingerprint(BagOfWords(**OPTIONS["bovw"], seed=1).fit(faces))


def test_local_scores_come_back_too(faces: NDArray[np.uint8]) -> None:
    hog = build("hog")
    before, shift = np.eye(1764)[:, :20], np.full(20, 0.5)
    local = LocalSVM(8).fit(hog.transform(faces) @ before + shift, np.arange(24) % 3)
    scores = LocalScores.of(hog, before, shift, local)
    np.testing.assert_allclose(scores.transform(faces), local.decision_function(hog.transform(faces) @ before + shift), rtol=1e-5)
    np.testing.assert_array_equal(from_bytes(to_bytes(scores)).transform(faces), scores.transform(faces))


def test_names_and_options_are_checked() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown feature 'hgo'\. Did you mean gabor or hog"):
        build("hgo")
    with pytest.raises(UnknownNameError, match=r"Unknown option of bovw 'word'\. Did you mean .*words"):
        build("bovw", {"word": 3})
    with pytest.raises(OptionError, match="words of bovw takes a whole number; received '9'"):
        build("bovw", {"words": "9"})
    with pytest.raises(OptionError, match="cell is 2 or more"):
        build("hog", {"cell": 0})


def _npz(**arrays: NDArray[np.generic]) -> bytes:
    file = io.BytesIO()
    np.savez(file, allow_pickle=True, **arrays)
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04 cut short",
        _npz(told=np.frombuffer(b'{"feature": "hog"}', np.uint8)),
        _npz(told=np.frombuffer(b'{"feature": "bovw", "options": {}}', np.uint8)),
        _npz(told=np.array([{"feature": "hog"}], dtype=object)),
    ],
    ids=["empty", "cut", "without options", "without a vocabulary", "a pickle"],
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ArtifactError, match="features of this model can't be read"):
        from_bytes(data)
