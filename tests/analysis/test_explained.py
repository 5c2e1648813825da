"""Explanations of whole inputs: sources that go wrong, draws that repeat."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from mien.analysis.analyzer import Analyzer
from mien.analysis.explained import CHUNK, check_methods, draw_rows, explain_classes, explain_sources
from mien.core.errors import DatasetAbsentError, DecodeError, LabelError, OptionError, UnknownNameError
from mien.core.labels import FER7
from mien.core.types import Frame
from mien.datasets import Dataset
from tests.analysis.parts import COLOURS, ArraySource, ColourModel, FixedDetector, plain

OCCLUSION = {"occlusion": {"window": 20}}


class Past(ArraySource):
    """A video of which no frame is taken."""

    def __iter__(self) -> Iterator[Frame]:
        return iter(())


def reds(n: int = 9) -> Dataset:
    """Rows of the class red, of which every third picture is blue, one of green, none of blue; the last one has no label."""
    images = np.stack(
        [plain(0, 0, 200, 24, 24) if i % 3 == 0 else plain(200, 0, 0, 24, 24) for i in range(n)] + [plain(0, 99, 0, 24, 24)] * 2
    )
    targets = np.array([0] * n + [1, -1])
    return Dataset("reds", COLOURS, images, targets, np.array(["test"] * (n + 2)), np.arange(n + 2) + 100)


def test_what_cannot_be_explained_is_told_and_the_rest_is_finished() -> None:
    sources = [
        ArraySource("gone", [plain(9, 9, 9)], error=DecodeError("gone is no picture.")),
        ArraySource("black", [plain(0, 0, 0)]),
        ArraySource("clip", [plain(200, 0, 0), plain(0, 0, 200)], "video"),
        Past("past its end", [plain(1, 1, 1)], "video"),
    ]
    found = list(explain_sources(Analyzer(ColourModel(), FixedDetector()), sources, OCCLUSION))
    assert [one.error is None for one in found] == [False, False, True, False]
    assert found[0].error == "gone is no picture."
    assert "found no face in black" in str(found[1].error)
    assert "gives no frame there" in str(found[3].error)
    clip = found[2]
    assert sources[2].read == 1
    assert not any(source.is_open for source in sources)
    assert clip.image is not None
    assert clip.image[0, 0].tolist() == [200, 0, 0]
    assert [(face.name, face.maps[0].label, face.views) for face in clip.faces] == [("face 1", "red", ())]
    assert clip.faces[0].result is not None
    assert clip.faces[0].result.prediction.label == "red"


def test_a_label_is_explained_for_every_face() -> None:
    sources = [ArraySource("one", [plain(200, 0, 50)])]
    (found,) = explain_sources(Analyzer(ColourModel(), FixedDetector()), sources, OCCLUSION, label="blue")
    assert found.faces[0].maps[0].label == "blue"
    assert found.faces[0].maps[0].score == pytest.approx(0.2, abs=0.02)


@pytest.mark.parametrize(("methods", "label"), [({"occlusoin": {}}, None), ({"occlusion": {"windw": 3}}, None), (OCCLUSION, "rde")])
def test_wrong_names_are_known_before_there_is_a_face(methods: dict[str, dict[str, int]], label: str | None) -> None:
    with pytest.raises(UnknownNameError):
        check_methods(ColourModel(), methods, label)


def test_a_model_without_a_graph_has_no_random_weights() -> None:
    check_methods(ColourModel(), OCCLUSION)
    with pytest.raises(OptionError, match="sanity check"):
        check_methods(ColourModel(), OCCLUSION, sanity=True)


def test_the_draw_is_of_right_answers_and_repeats() -> None:
    model, data = ColourModel(), reds(30)
    drawn = draw_rows(model, data, "test", 5)
    assert list(drawn) == list(COLOURS)
    assert len(drawn["red"]) == 5
    assert all(row % 3 for row in drawn["red"].tolist())
    assert (drawn["green"].tolist(), drawn["blue"].tolist()) == ([30], [])
    assert draw_rows(model, data, "test", 3)["red"].tolist() == drawn["red"].tolist()[:3]
    assert draw_rows(model, data, "test", 5, seed=1)["red"].tolist() != drawn["red"].tolist()
    assert len(draw_rows(model, data, "test", 99)["red"]) == 20
    assert len(draw_rows(model, data, "test", 99, also_wrong=True)["red"]) == 30


def test_no_more_is_judged_than_the_draw_takes() -> None:
    model = ColourModel()
    draw_rows(model, reds(3 * CHUNK), "test", 2)
    assert model.batches == [CHUNK, 1]


def test_a_class_has_its_mean_its_examples_and_its_size() -> None:
    done: list[tuple[int, int]] = []
    red, green, blue = explain_classes(
        ColourModel(), reds(), "test", OCCLUSION, per_class=4, progress=lambda n, total: done.append((n, total))
    )
    assert (red.label, len(red.rows), red.available, red.maps[0].n, red.maps[0].method) == ("red", 4, 9, 4, "occlusion")
    assert [face.name for face in red.examples] == [f"row {row}" for row in red.rows.tolist()]
    assert red.maps[0].image[0, 0].tolist() == [200, 0, 0]
    assert (green.available, len(green.examples)) == (1, 1)
    assert (blue.available, blue.maps, blue.examples) == (0, (), ())
    assert done == [(0, 3), (1, 3), (2, 3)]


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(OptionError, match="per_class=0"):
        draw_rows(ColourModel(), reds(), "test", 0)
    with pytest.raises(OptionError, match="seed=-1"):
        draw_rows(ColourModel(), reds(), "test", 1, seed=-1)
    with pytest.raises(DatasetAbsentError):
        draw_rows(ColourModel(), reds(), "train", 1)
    data = Dataset("fer", FER7, reds().images, np.zeros(11, np.int64), np.array(["test"] * 11), np.arange(11))
    with pytest.raises(LabelError, match="fer7"):
        draw_rows(ColourModel(), data, "test", 1)
