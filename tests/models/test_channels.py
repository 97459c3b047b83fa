import numpy as np
import pytest

from cellwright import UsageError
from cellwright.images.image import Image
from cellwright.models.card import RGB
from cellwright.models.channels import channel_warnings, channels_for
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field

ALL = (slice(None), slice(0, 4), slice(0, 5))
PIXELS = np.arange(3 * 4 * 5).reshape(3, 4, 5)


def seen(image, wanted, channel=None):
    source = channels_for(image, wanted, channel)
    pixels = source[ALL]
    assert pixels.shape == source.shape == (len(wanted), 4, 5)
    return pixels


def test_one_channel_is_repeated():
    for image in (Image(PIXELS[0], "YX"), Image(PIXELS[:1], "CYX")):
        assert all(np.array_equal(channel, PIXELS[0]) for channel in seen(image, RGB))


def test_colours_go_to_a_colour_network_as_they_are_and_to_a_grey_one_as_their_mean():
    image = Image(PIXELS, "CYX", channel_names=RGB)
    assert np.array_equal(seen(image, RGB), PIXELS)
    assert np.allclose(seen(image, ("grey",))[0], PIXELS.mean(0))
    assert np.array_equal(seen(image, ("grey",), "green")[0], PIXELS[1])


def test_channels_are_chosen_by_number_or_name_and_in_any_order():
    image = Image(PIXELS, "CYX", channel_names=("DAPI", "GFP", "1"))
    assert np.array_equal(seen(image, ("grey",), "GFP")[0], PIXELS[1])
    assert np.array_equal(seen(image, ("grey",), 2)[0], PIXELS[2])
    assert np.array_equal(seen(image, ("grey",), "1")[0], PIXELS[2])  # a name goes first
    assert np.array_equal(seen(image, ("a", "b"), ("2", "DAPI")), PIXELS[[2, 0]])


def test_three_stains_are_no_colours():
    image = Image(PIXELS, "CYX", channel_names=("DAPI", "GFP", "RFP"))
    with pytest.raises(UsageError, match="a colour image or one channel"):
        channels_for(image, RGB, None)
    assert np.array_equal(seen(image, ("a", "b", "c")), PIXELS)
    with pytest.raises(UsageError, match="the model takes a, b"):
        channels_for(image, ("a", "b"), None)


def test_only_the_asked_region_is_read():
    class Lazy:
        shape, dtype = (2, 1000, 1000), np.dtype("u1")

        def __getitem__(self, key):
            assert key[1:] == (slice(3, 7), slice(5, 10))
            return np.ones((len(range(*key[0].indices(2))), 4, 5), "u1")

    source = channels_for(Image(Lazy(), "CYX"), ("grey",), 1)
    assert source[:, 3:7, 5:10].shape == (1, 4, 5)


@pytest.mark.parametrize("channel", ["DAPI", 1, "2"])
def test_there_is_nothing_to_choose_from_in_a_single_channel(channel):
    with pytest.raises(UsageError, match="a single one: leave out the argument channel"):
        channels_for(Image(PIXELS[0], "YX"), RGB, channel)


@pytest.mark.parametrize("wanted", [RGB, ("grey",)])
def test_a_composite_of_dyes_is_announced_until_one_is_chosen(wanted):
    blue, green = (simulate_field(NucleiSimulation(size=(90, 90)), seed)[0] for seed in (1, 2))
    dyes = np.stack([np.zeros_like(blue), green, blue])
    composite = Image(dyes, "CYX", channel_names=RGB)
    (said,) = channel_warnings(channels_for(composite, wanted, None))
    assert said.startswith("Several dyes") and "the argument channel" in said
    assert not channel_warnings(channels_for(composite, wanted, "blue"))
    grey = Image(np.stack([blue] * 3), "CYX", channel_names=RGB)
    assert not channel_warnings(channels_for(grey, wanted, None))
