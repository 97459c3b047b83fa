"""A movie of squares with every event that tracks know, and results with one kind of error each.

Truth, 10 frames: cell 1 divides after frame 3 into 2 and 3; 2 divides after frame 6 into 7 and 8;
4 is there all the time; 5 is not seen in frame 3 and goes on as 6; 9 enters in frame 2.
"""

from pathlib import Path

import numpy as np

from cellwright._files import write_text
from cellwright.images.write import write_labels
from cellwright.tracking.detections import find_detections
from cellwright.tracking.formats.ctc import link_table

FRAMES, SIZE, HALF = 10, 64, 2
ROWS = {1: 10, 2: 6, 3: 14, 7: 4, 8: 10, 4: 26, 5: 38, 6: 38, 9: 50}
SPANS = {
    1: (0, 3),
    2: (4, 6),
    3: (4, 9),
    7: (7, 9),
    8: (7, 9),
    4: (0, 9),
    5: (0, 2),
    6: (4, 9),
    9: (2, 9),
}
PARENTS = {2: 1, 3: 1, 7: 2, 8: 2, 6: 5}


class Movie:
    """Centres of squares by (label, frame), and parents by label."""

    def __init__(self):
        self.squares = {
            (label, frame): [(ROWS[label], 5 + 5 * frame)]
            for label, (begin, end) in SPANS.items()
            for frame in range(begin, end + 1)
        }
        self.parents = dict(PARENTS)

    def rename(self, old, new, frames):
        """Let a label be another one in some frames; where both were, they trade places."""
        for frame in frames:
            first, second = self.squares.pop((old, frame)), self.squares.pop((new, frame), None)
            self.squares[new, frame] = first
            if second:
                self.squares[old, frame] = second

    def frames(self):
        frames = np.zeros((FRAMES, SIZE, SIZE), np.uint16)
        for (label, frame), centres in self.squares.items():
            for y, x in centres:
                frames[frame, y - HALF : y + HALF + 1, x - HALF : x + HALF + 1] = label
        return frames

    def table(self):
        spans = {}
        for label, frame in sorted(self.squares):
            spans.setdefault(label, []).append(frame)
        return np.array(
            [[k, min(v), max(v), self.parents.get(k, 0)] for k, v in sorted(spans.items())]
        ).reshape(-1, 4)

    def tracks(self):
        return link_table(find_detections(self.frames()), self.table(), Path("toy"))

    def write(self, folder, table="res_track.txt", masks="mask"):
        for frame, labels in enumerate(self.frames()):
            write_labels(folder / f"{masks}{frame:03}.tif", labels)
        write_text(
            folder / table, "".join(" ".join(map(str, r)) + "\n" for r in self.table().tolist())
        )
        return folder

    def write_truth(self, folder):
        self.write(folder / "TRA", "man_track.txt", "man_track")
        for frame in (0, 5):
            write_labels(folder / "SEG" / f"man_seg{frame:03}.tif", self.frames()[frame])
        return folder


def perfect():
    return Movie()


def missed():
    """Cell 4 is not found in frame 5 and goes on as 10; cell 9 is never found."""
    movie = Movie()
    del movie.squares[4, 5]
    movie.rename(4, 10, range(6, 10))
    movie.parents[10] = 4
    for frame in range(2, 10):
        del movie.squares[9, frame]
    return movie


def merged():
    """Cells 3 and 2 are one object in frame 4."""
    movie = Movie()
    movie.squares[2, 4] += movie.squares.pop((3, 4))
    return movie


def swapped():
    """Cells 4 and 6 trade their names in frame 7."""
    movie = Movie()
    movie.rename(4, 6, range(7, 10))
    return movie


def late():
    """The first division is found a frame late: its mother goes on in one daughter's place."""
    movie = Movie()
    movie.rename(2, 1, [4])
    del movie.squares[3, 4]
    return movie


def invented():
    """Cell 4 divides in frame 6 into itself and dirt; the first division is missed."""
    movie = Movie()
    movie.rename(4, 10, range(6, 10))
    movie.squares |= {(11, frame): [(57, 5 + 5 * frame)] for frame in range(6, 10)}
    movie.parents |= {10: 4, 11: 4}
    del movie.parents[3]
    return movie


def unlinked():
    """Every detection is a track of its own."""
    movie = Movie()
    squares = {(n, key[1]): one for n, (key, one) in enumerate(sorted(movie.squares.items()), 1)}
    movie.squares, movie.parents = squares, {}
    return movie


RESULTS = {
    one.__name__: one for one in (perfect, missed, merged, swapped, late, invented, unlinked)
}
