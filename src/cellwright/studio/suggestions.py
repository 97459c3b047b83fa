"""Which part of which image to annotate next, worked out in the background."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np

from cellwright._errors import CellwrightError, InputError
from cellwright._types import DoubleArray
from cellwright.models.doubting import doubted
from cellwright.models.instances import InstanceModel
from cellwright.quality.novelty import image_features
from cellwright.quality.selection import Doubt, next_to_annotate
from cellwright.studio.desk import Desk
from cellwright.studio.journal import Area
from cellwright.studio.levels import Levels, Place, open_levels, plane_of
from cellwright.studio.parts import Box
from cellwright.studio.project import Item

MOST_LOOKED_AT = 24
"""Parts that the model looks at, drawn by chance where there are more."""
SIDE = 512
"""Side of a part of an image that is larger, in px."""
_LARGEST_WHOLE = 768  # px


@dataclass(frozen=True, slots=True)
class Candidate:
    """A part of a plane that may be annotated next.

    Parameters
    ----------
    image : int
    place : Place
    box : Box
    """

    image: int
    place: Place
    box: Box


@dataclass(frozen=True, slots=True)
class Looks:
    """What the model makes of a candidate.

    Parameters
    ----------
    doubt : Doubt
    novelty : float
    features : ndarray, shape (F,)
    """

    doubt: Doubt
    novelty: float
    features: DoubleArray


class Suggestions:
    """Looks for what to annotate next, one search at a time.

    Attributes
    ----------
    state : {"none", "running", "ready", "failed"}
    done, total : int
        How many candidates were looked at, of how many.
    best : Candidate, optional
    message : str
        Why there is none.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = threading.Lock()
        self._known: dict[tuple[str, int | None, Candidate], Looks] = {}
        self.state, self.message = "none", ""
        self.done = self.total = 0
        self.best: Candidate | None = None

    def search(self, channel: int | None, seed: int = 0) -> None:
        """Start looking; nothing happens while a search is going on.

        Parameters
        ----------
        channel : int, optional
            What the model sees, where images have several.
        seed : int
            Of what is looked at, where there is much.
        """
        with self._lock:
            if self.state == "running":
                return
            self.state, self.message, self.best, self.done, self.total = "running", "", None, 0, 0
        threading.Thread(target=self._work, args=(channel, seed), daemon=True).start()

    def _work(self, channel: int | None, seed: int) -> None:
        try:
            self.best = self._found(channel, seed)
            self.state = "ready"
        except CellwrightError as error:
            self.state, self.message = "failed", str(error)
        except Exception:
            self.state, self.message = "failed", "The search failed; the terminal says more."
            raise

    def _found(self, channel: int | None, seed: int) -> Candidate:
        candidates = open_parts(self._desk, seed)
        self.total = len(candidates)
        seen, looks, problem = [], [], ""
        for candidate in candidates:
            try:
                looks.append(self._looks(candidate, channel))
                seen.append(candidate)
            except CellwrightError as error:  # one broken image is no reason to stop
                problem = str(error)
            self.done += 1
        if not seen:
            raise InputError(problem or "There is nothing left: all images are done.")
        features = np.stack([one.features for one in looks])
        known = [self._looks(one, channel).features for one in annotated(self._desk, seed)]
        best = next_to_annotate(
            [one.doubt for one in looks],
            features,
            np.stack(known) if known else features[:0],
            np.array([one.novelty for one in looks]),
        )
        return seen[int(best[0])]

    def _looks(self, candidate: Candidate, channel: int | None) -> Looks:
        """Let the model look at a candidate; in its own thread, between what people ask for."""
        assistant, item = self._desk.assistant, self._desk.project.items[candidate.image]

        def look(model: InstanceModel) -> Looks:
            key = (assistant.name, channel, candidate)  # which model that is, is known only here
            if key not in self._known:
                self._known[key] = _look(model, item, candidate, channel)
            return self._known[key]

        return assistant.run(look)


def open_parts(desk: Desk, seed: int) -> list[Candidate]:
    """Return parts of images that are not annotated yet; of many, some are drawn."""
    rng = np.random.default_rng(seed)
    done = desk.journal.finished()
    items = [n for n, item in enumerate(desk.project.items) if item.name not in done]
    items = [int(n) for n in rng.permutation(items)[:MOST_LOOKED_AT]]
    found: list[Candidate] = []
    for number in items:
        item = desk.project.items[number]
        try:
            levels = open_levels(item.path, item.scene, item.axes)
        except CellwrightError:  # the page says what is wrong with it
            continue
        parts = [
            part
            for part in _parts(number, levels)
            if not any(_overlap(part, levels, area) for area in desk.journal.areas(item.name))
        ]
        share = -(-MOST_LOOKED_AT // len(items))
        found += [parts[i] for i in np.sort(rng.permutation(len(parts))[:share])]
    return found


def annotated(desk: Desk, seed: int) -> list[Candidate]:
    """Return parts of images that are done; of many, some are drawn."""
    done = desk.journal.finished()
    items = [n for n, item in enumerate(desk.project.items) if item.name in done]
    found = []
    for number in np.random.default_rng(seed).permutation(items)[:MOST_LOOKED_AT].tolist():
        item = desk.project.items[number]
        with suppress(CellwrightError):  # the page says what is wrong with it
            found.append(_parts(number, open_levels(item.path, item.scene, item.axes))[0])
    return found


def _parts(number: int, levels: Levels) -> list[Candidate]:
    """Return all parts of an image, each of a size that is annotated in one go."""
    sizes, (height, width) = levels.image.sizes, levels.size(0)
    places = [Place(t, z) for t, z in product(*(range(sizes.get(a, 1)) for a in "TZ"))]
    ys, xs = (_cuts(size) for size in (height, width))
    boxes = [(y0, x0, y1, x1) for y0, y1 in pairwise(ys) for x0, x1 in pairwise(xs)]
    return [Candidate(number, place, box) for place in places for box in boxes]


def _cuts(size: int) -> list[int]:
    if size <= _LARGEST_WHOLE:
        return [0, size]
    count = -(-size // SIDE)
    return [round(size * i / count) for i in range(count + 1)]


def _overlap(part: Candidate, levels: Levels, area: Area) -> bool:
    axes = [axis for axis in levels.image.axes if axis in "TZ"]
    place = tuple({"T": part.place.t, "Z": part.place.z}[axis] for axis in axes)
    y0, x0, y1, x1 = part.box
    rows = area.y < y1 and y0 < area.y + area.height
    columns = area.x < x1 and x0 < area.x + area.width
    return place == area.place and rows and columns


def _look(model: InstanceModel, item: Item, candidate: Candidate, channel: int | None) -> Looks:
    levels = open_levels(item.path, item.scene, item.axes)
    plane = plane_of(levels.image, candidate.place)
    several = plane.sizes.get("C", 1) > 1 and not plane.is_rgb
    chosen = channel if several else None
    y0, x0, y1, x1 = candidate.box
    seen = model.seen(plane, chosen)
    part = seen.part((slice(y0, y1), slice(x0, x1)))
    return Looks(doubted(model, part), model.distance(seen.source), image_features(part.source))
