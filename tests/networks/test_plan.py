import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellwright.networks.plan import Fingerprint, plan_network
from cellwright.networks.registry import network_from_dict, planned_options


def test_planes_have_the_defaults():
    plan = plan_network(Fingerprint(diameter=20))
    assert (plan.patch, plan.sizes, plan.levels) == ((256, 256), {}, {})
    assert plan.batch == 4
    assert plan_network(Fingerprint(), side=128).patch == (128, 128)


def test_small_images_are_learned_in_small_patches_but_many_of_them():
    plan = plan_network(Fingerprint((120, 118), images=200))
    assert (plan.patch, plan.batch) == ((128, 128), 16)
    assert plan_network(Fingerprint((60, 900))).patch == (64, 256)
    assert plan_network(Fingerprint((2000, 900))) == plan_network(Fingerprint())


def test_a_step_takes_no_more_patches_than_there_are_views_of_the_images():
    assert plan_network(Fingerprint((64, 64), images=500)).batch == 32
    assert plan_network(Fingerprint((64, 64), images=5)).batch == 10
    assert plan_network(Fingerprint((64, 64), images=1)).batch == 4


def test_wide_networks_and_large_patches_leave_room_for_fewer_patches():
    assert plan_network(Fingerprint(), width=64).batch == 2
    assert plan_network(Fingerprint(), width=8).batch == 4
    assert plan_network(Fingerprint(), side=1024).batch == 2


def test_few_planes_make_for_more_patches_in_a_step():
    assert plan_network(Fingerprint((100, 200, 200), diameter=20)).batch == 2
    thin = plan_network(Fingerprint((16, 60, 60), diameter=20))
    assert (thin.patch, thin.batch) == ((16, 64, 64), 8)


def test_a_cube_of_large_objects():
    plan = plan_network(Fingerprint((100, 200, 200), diameter=20))
    assert plan.patch == (64, 64, 64)
    assert plan.levels["stem"] == (2, 2, 2)
    assert plan.levels["pooling"] == ((2, 2, 2), (2, 2, 2))
    assert plan.levels["kernel"] == ((3, 3, 3),) * 3


def test_small_objects_are_seen_on_the_grid_of_the_image():
    plan = plan_network(Fingerprint((100, 200, 200), diameter=11))
    assert plan.levels["stem"] == (1, 1, 1)
    assert plan.patch == (48, 48, 48)


def test_planes_far_apart_are_joined_late():
    plan = plan_network(Fingerprint((40, 300, 300), diameter=20, anisotropy=5))
    assert plan.levels["stem"] == (1, 2, 2)  # points 5 px apart through, 2 px within planes
    assert plan.levels["kernel"] == ((1, 3, 3), (3, 3, 3), (3, 3, 3))
    assert plan.levels["pooling"] == ((1, 2, 2), (2, 2, 2))
    assert plan.patch[0] == 16 and plan.patch[1] >= 56


def test_other_networks_keep_their_levels():
    plan = plan_network(Fingerprint((100, 200, 200), diameter=20))
    for name in ("unet", "nested", "fpn"):
        assert planned_options(name, plan) == {"width": 16, "depth": 3, **plan.levels}
    for name in ("light", "msd"):
        assert planned_options(name, plan) == {"width": 16, "depth": 3}
    assert plan_network(Fingerprint((100, 200, 200)), depth=2).levels["pooling"] == ((2, 2, 2),)


def test_few_planes_make_wide_patches_but_none_wider_than_the_images():
    assert plan_network(Fingerprint((16, 500, 500), diameter=20)).patch == (16, 128, 128)
    assert plan_network(Fingerprint((16, 90, 100), diameter=20)).patch == (16, 104, 104)
    assert plan_network(Fingerprint((16, 500, 500), diameter=20), side=64).patch == (16, 64, 64)


@settings(max_examples=20, deadline=None)
@given(
    st.tuples(st.integers(1, 300), st.integers(8, 999), st.integers(8, 999)),
    st.one_of(st.none(), st.floats(3, 60)),
    st.floats(0.2, 12),
    st.integers(1, 4),
)
def test_every_plan_of_a_volume_is_a_network(size, diameter, anisotropy, depth):
    pytest.importorskip("torch")
    plan = plan_network(Fingerprint(size, 9, diameter, anisotropy), depth=depth)
    network = network_from_dict(
        {
            "name": "unet",
            "dimensions": 3,
            "in_channels": 1,
            "out_channels": 1,
            **planned_options("unet", plan),
            "width": 8,
        }
    )
    assert len(network.stride) == 3
    if depth <= 3:  # the usual number of levels
        assert all(s % step == 0 for s, step in zip(plan.patch, network.stride, strict=True))
