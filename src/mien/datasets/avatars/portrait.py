"""A whole person, painted onto a picture from back to front."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.core.types import RGB
from mien.datasets.avatars import eyes, hair, lower, skull
from mien.datasets.avatars.actions import Actions
from mien.datasets.avatars.canvas import Canvas, Colour
from mien.datasets.avatars.curves import Points
from mien.datasets.avatars.people import Character
from mien.datasets.avatars.relief import Light, skin_light
from mien.datasets.avatars.rig import pose_face
from mien.datasets.avatars.view import View


@dataclass(frozen=True, eq=False)
class Portrait:
    """Where the painted face is.

    `face`: its outline from hairline to chin, (N, 2) in pixels. `cover`: uint8 (H, W), 255 where the person hides what is behind.
    """

    face: Points
    cover: NDArray[np.uint8]

    @property
    def box_xyxy(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of the face in pixels, forehead to chin, also beyond the border."""
        (x1, y1), (x2, y2) = self.face.min(axis=0), self.face.max(axis=0)
        return float(x1), float(y1), float(x2), float(y2)


def paint(
    image: RGB,
    who: Character,
    acts: Actions,
    view: View,
    *,
    light: Light | None = None,
    gaze: eyes.Gaze = (0.0, 0.0),
    cloth: Colour = (70, 84, 110),
) -> Portrait:
    """Paint a person onto `image`, uint8 (H, W, 3) RGB, in place."""
    light = light or Light()
    canvas, rig = Canvas(image, view), pose_face(who, acts)
    gain = skin_light(who, rig, acts, view, light, canvas.gain.shape)
    hair.draw_behind(canvas, who, light)
    skull.draw_body(canvas, who, light, cloth)
    skull.draw_head(canvas, who, rig, gain, ears=who.style not in hair.COVERS_EARS)
    lower.draw_lines(canvas, who, rig, acts)
    lower.draw_beard(canvas, who, rig)
    eyes.draw_eyes(canvas, who, rig, gaze)
    lower.draw_nose(canvas, who, rig, light)
    lower.draw_mouth(canvas, who, rig, acts)
    eyes.draw_brows(canvas, who, rig)
    hair.draw_cap(canvas, who, light)
    eyes.draw_glasses(canvas, who, rig)
    canvas.finish(0.018 * view.scale, 0.05 * view.scale)
    outline = skull.face_outline(who, rig)
    return Portrait(view.project(outline[outline[:, 1] > -0.9]), canvas.cover)
