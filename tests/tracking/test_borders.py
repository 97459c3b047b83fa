"""What is cut off by the border, and how probable it is that it leaves."""

import numpy as np
import pytest

from cellwright.tracking.frames import Movie
from cellwright.tracking.tracks import make_tracks


def test_of_what_is_cut_off_as_much_is_left_to_leave_as_is_seen():
    places = [[0.0, 50.0], [3.0, 50.0], [3.0, 80.0], [100.0, 0.0], [60.0, 100.0]]
    cut = np.array([True, True, False, True, False])
    movie = Movie(make_tracks([0] * 5, places, properties={"touches_border": cut}))
    assert movie.border == pytest.approx([0.0, 6.0, 3.0, 0.0, 0.0])
    assert Movie(make_tracks([0] * 5, places)).border == pytest.approx([0.0, 3.0, 3.0, 0.0, 0.0])
