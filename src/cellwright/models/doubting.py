"""How sure a model is of what it finds in an image that nobody annotated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cellwright.models.instances import InstanceModel
from cellwright.models.model import Seen
from cellwright.quality.selection import Doubt, doubt


def doubted(model: InstanceModel, seen: Seen) -> Doubt:
    """Let a model look at an image as it is and upside down, and return the doubt about it.

    Parameters
    ----------
    model : InstanceModel
    seen : Seen
        A plane or a part of one, as its network sees it; it is read into memory.
    """
    pixels = np.asarray(seen.source[(slice(None),) * (1 + len(seen.shape))])
    table, labels = model.find_all(replace(seen, source=pixels))
    turned = np.ascontiguousarray(pixels[..., ::-1, ::-1])
    _, again = model.find_all(replace(seen, source=turned))
    return doubt(table["confidence"], labels, again[..., ::-1, ::-1])
