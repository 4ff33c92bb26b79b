"""What a photo is of: one painter per category."""

from collections.abc import Callable

import numpy as np

from assets.landing.simulator.scene_canvas import Canvas
from assets.landing.simulator.scene_creatures import paint_animal, paint_person
from assets.landing.simulator.scene_layout import Layout
from assets.landing.simulator.scene_outdoors import paint_architecture, paint_scenery
from assets.landing.simulator.scene_palette import Palette
from assets.landing.simulator.scene_stills import paint_abstract, paint_object

Painter = Callable[[Canvas, Palette, Layout, np.random.Generator], None]

PAINTERS: dict[str, Painter] = {
    "scenery": paint_scenery,
    "animal": paint_animal,
    "object": paint_object,
    "person": paint_person,
    "architecture": paint_architecture,
    "abstract": paint_abstract,
}
