import pytest

from cellwright.runs.apply.outcome import size_fact


@pytest.mark.parametrize(
    ("shape", "axes", "told"),
    [
        ((3, 4), "YX", "4 × 3 px"),
        ((2, 3, 4), "TYX", "4 × 3 px, 2 frames"),
        ((5, 3, 4), "ZYX", "4 × 3 px, 5 planes"),
        ((1, 5, 3, 4), "TZYX", "4 × 3 px, 1 frame, 5 planes"),
    ],
)
def test_what_is_stacked_is_told_beside_the_size_in_pixels(shape, axes, told):
    assert size_fact(shape, axes) == {"size": told}
