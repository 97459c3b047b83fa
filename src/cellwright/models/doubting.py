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
    # One look at a time on any ground: the mean over mirror images is the same upside down.
    upright = replace(seen, source=pixels, bright=False)
    turned = replace(upright, source=np.ascontiguousarray(pixels[..., ::-1, ::-1]))
    table, labels = model.find_all(upright)
    _, again = model.find_all(turned)
    return doubt(table["confidence"], labels, again[..., ::-1, ::-1])
