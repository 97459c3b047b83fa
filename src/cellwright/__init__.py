"""Cellwright: deep learning for microscopy images, as routine as a BLAST search.

Everything public is here and is imported when it is first used, so that ``import cellwright``
stays instant::

    import cellwright as cw

    image = cw.read("cells.tif")
    found = cw.load_model("nuclei").segment(image)

Images      read, write, write_labels, Image, measure
Models      load_model, import_model
Results     segment (SegmentOptions), detect (DetectOptions, SpotSettings)
Training    train (TrainOptions), evaluate, compare (CompareOptions)
Tracks      track, make_tracks, read_tracks, write_tracks, score_tracks, Tracks
Errors      CellwrightError, of which all others are kinds
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from cellwright._errors import (
    AxesError,
    CellwrightError,
    DatasetError,
    FormatError,
    InputError,
    ModelError,
    OutputError,
    TrainingError,
    UsageError,
    training_extra,
)

if TYPE_CHECKING:
    from cellwright.api import load_model, measure, read, segment, track, write, write_labels
    from cellwright.images.image import Image
    from cellwright.models.exchange import import_model
    from cellwright.models.spots import SpotSettings
    from cellwright.runs.compare.options import CompareOptions
    from cellwright.runs.compare.run import compare
    from cellwright.runs.detect.options import DetectOptions
    from cellwright.runs.detect.run import detect
    from cellwright.runs.evaluate.run import evaluate
    from cellwright.runs.segment.options import SegmentOptions
    from cellwright.runs.train.options import TrainOptions
    from cellwright.runs.train.run import train
    from cellwright.tracking.formats.files import read_tracks, write_tracks
    from cellwright.tracking.metrics.evaluate import score_tracks
    from cellwright.tracking.tracks import Tracks, make_tracks

__version__ = "0.1.0"

__all__ = [
    "AxesError",
    "CellwrightError",
    "CompareOptions",
    "DatasetError",
    "DetectOptions",
    "FormatError",
    "Image",
    "InputError",
    "ModelError",
    "OutputError",
    "SegmentOptions",
    "SpotSettings",
    "Tracks",
    "TrainOptions",
    "TrainingError",
    "UsageError",
    "compare",
    "detect",
    "evaluate",
    "import_model",
    "load_model",
    "make_tracks",
    "measure",
    "read",
    "read_tracks",
    "score_tracks",
    "segment",
    "track",
    "train",
    "write",
    "write_labels",
    "write_tracks",
]

_HOMES = {
    "CompareOptions": "cellwright.runs.compare.options",
    "DetectOptions": "cellwright.runs.detect.options",
    "Image": "cellwright.images.image",
    "SegmentOptions": "cellwright.runs.segment.options",
    "SpotSettings": "cellwright.models.spots",
    "Tracks": "cellwright.tracking.tracks",
    "TrainOptions": "cellwright.runs.train.options",
    "compare": "cellwright.runs.compare.run",
    "detect": "cellwright.runs.detect.run",
    "evaluate": "cellwright.runs.evaluate.run",
    "import_model": "cellwright.models.exchange",
    "load_model": "cellwright.api",
    "make_tracks": "cellwright.tracking.tracks",
    "measure": "cellwright.api",
    "read": "cellwright.api",
    "read_tracks": "cellwright.tracking.formats.files",
    "score_tracks": "cellwright.tracking.metrics.evaluate",
    "segment": "cellwright.api",
    "track": "cellwright.api",
    "train": "cellwright.runs.train.run",
    "write": "cellwright.api",
    "write_labels": "cellwright.api",
    "write_tracks": "cellwright.tracking.formats.files",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module 'cellwright' has no attribute '{name}'"
        raise AttributeError(message, name=name, obj=sys.modules[__name__])
    with training_extra():
        value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])


class _Package(ModuleType):
    def __setattr__(self, name: str, value: Any) -> None:
        # Importing the folder `measure` would put it in place of the function of that name.
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
