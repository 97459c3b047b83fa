"""Learned points: targets, loss, and what is read."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

torch = pytest.importorskip("torch")

from cellwright._errors import DatasetError, UsageError  # noqa: E402
from cellwright.datasets.points import Points, no_points  # noqa: E402
from cellwright.methods.points import heat  # noqa: E402
from cellwright.methods.points.readout import PIXELS, PointsReadout  # noqa: E402
from cellwright.methods.points.recipe import PointsRecipe  # noqa: E402
from cellwright.metrics.points import match_points  # noqa: E402

SIZE = {2: (72, 96), 3: (18, 40, 44)}


def scattered(dimensions, seed, apart=9.0):
    """Return points at random places between the pixels."""
    rng = np.random.default_rng(seed)
    points = []
    for place in rng.uniform(4, np.array(SIZE[dimensions]) - 5, (400, dimensions)):
        if all(np.hypot.reduce(place - other) > apart for other in points):
            points.append(place)
    return marked(np.stack(points))


def marked(positions, names=None):
    return Points(np.array(positions, float), np.full(len(positions), names or "object"))


def batch_of(recipe, points, shape):
    known = np.ones(shape, bool) if points.known is None else points.known
    targets = recipe.targets(replace(points, known=known))
    return {n: torch.from_numpy(np.asarray(v))[None] for n, v in targets.items()}


def perfect_outputs(batch):
    logit = torch.logit(batch["heat"].clamp(1e-6, 1 - 1e-6))
    return torch.cat([logit, batch["shifts"], (batch["density"] * PIXELS).clamp(1e-9).log()], 1)


def random_maps(seed, shape):
    """Return smooth random maps, which hold many doubtful points."""
    noise = np.random.default_rng(seed).standard_normal((2 + len(shape), *shape))
    return np.stack([gaussian_filter(plane, 1.0) * 8 for plane in noise]).astype(np.float32)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_the_right_answer_gives_back_positions_between_the_pixels(dimensions):
    truth = scattered(dimensions, 1)
    recipe = PointsRecipe(PointsReadout(dimensions=dimensions))
    maps = perfect_outputs(batch_of(recipe, truth, SIZE[dimensions]))[0].numpy()
    found = recipe.readout.decode(maps)
    matched = match_points(truth.positions, found.positions, 0.01)
    assert matched.counts.f1 == 1 and len(truth) > 15
    assert np.abs(found.positions - found.anchors).max() <= recipe.readout.reach
    assert recipe.readout.expected_counts(maps) == pytest.approx([len(truth)], rel=0.02)
    assert (found.scores == found.evidence[:, 0]).all() and found.evidence[:, 2].max() < 0.1


@pytest.mark.parametrize(("dimensions", "axis"), [(2, "row"), (2, "column"), (3, "plane")])
def test_what_a_mirror_image_asks_for_is_put_right(dimensions, axis):
    truth, recipe = scattered(dimensions, 2), PointsRecipe(PointsReadout(dimensions=dimensions))
    along = ("plane", "row", "column")[3 - dimensions :].index(axis)
    places = truth.positions.copy()
    places[:, along] = SIZE[dimensions][along] - 1 - places[:, along]
    right, seen = (
        perfect_outputs(batch_of(recipe, one, SIZE[dimensions]))[0].numpy()
        for one in (truth, replace(truth, positions=places))
    )
    known = recipe.readout.mirrored(axis)
    again = np.flip(seen, along + 1)[known.order] * known.signs.reshape(-1, *(1,) * dimensions)
    assert (np.abs(again - right) < 1e-3).mean() > 0.999
    assert (np.abs(np.flip(seen, along + 1) - right) < 1e-3).mean() < 0.97


def test_every_point_has_its_class():
    points = Points(np.array([[4, 7], [20, 21], [20, 26]]), np.array(["a", "b", "a"]))
    recipe = PointsRecipe(PointsReadout(classes=("a", "b")))
    maps = perfect_outputs(batch_of(recipe, points, (30, 30)))[0].numpy()
    found = recipe.readout.decode(maps)
    assert found.positions.tolist() == [[4, 7], [20, 21], [20, 26]]
    assert found.classes.tolist() == [0, 1, 0]
    assert recipe.readout.expected_counts(maps) == pytest.approx([2, 1], rel=0.02)
    with pytest.raises(DatasetError, match="class 'a', but the model knows only object"):
        batch_of(PointsRecipe(), points, (30, 30))


def test_heat_is_that_of_the_nearest_point():
    rng = np.random.default_rng(0)
    points, widths = rng.uniform(-1, 14, (9, 3)), np.array([0.8, 1.5, 2.0])
    warmth, shifts = heat.warm(points, (10, 12, 14), widths)
    away = points[:, :, None, None, None] - np.indices((10, 12, 14))
    squared = ((away / widths.reshape(3, 1, 1, 1)) ** 2).sum(1)
    nearest = squared.argmin(0)
    plain = np.where(squared.min(0) < heat.REACH**2, np.exp(-squared.min(0) / 2), 0)
    assert np.allclose(warmth, plain, atol=1e-6)
    way = np.take_along_axis(away, nearest[None, None], 0)[0]
    assert np.allclose(shifts, np.where(warmth > 0, way, 0), atol=1e-5)


def test_every_point_adds_one_to_the_density_however_close_they_are():
    rng = np.random.default_rng(1)
    widths = np.array([0.8, 1.5, 2.0])
    points = rng.uniform(7, 13, (50, 3))
    density = heat.crowd(points, (20, 20, 20), widths)
    assert density.sum() == pytest.approx(50, rel=1e-5)
    away = (
        (np.indices((20, 20, 20)) - points[:, :, None, None, None]) / widths[:, None, None, None]
    ) ** 2
    inside = (np.abs(away) <= heat.REACH**2).all(1)
    plain = np.where(inside, np.exp(-away.sum(1) / 2), 0)
    plain /= plain.sum((1, 2, 3), keepdims=True)
    assert np.allclose(density, plain.sum(0), atol=1e-6)
    assert heat.crowd(np.array([[-0.5, 9, 9]]), (20, 20, 20), widths).sum() == pytest.approx(
        0.5, abs=1e-6
    )


def test_planes_farther_apart_are_warmed_less():
    recipe = PointsRecipe(PointsReadout(dimensions=3, width=2.0, anisotropy=2.0))
    warmth = batch_of(recipe, marked([[4, 10, 10]]), (9, 21, 21))["heat"][0, 0]
    assert float(warmth[5, 10, 10]) == pytest.approx(float(warmth[4, 12, 10]))


def test_a_point_between_planes_far_apart_is_seen_in_both():
    recipe = PointsRecipe(PointsReadout(dimensions=3, width=1.0, anisotropy=10.0))
    batch = batch_of(recipe, marked([[4.5, 10, 10]]), (9, 21, 21))
    above, below = batch["heat"][0, 0, 4:6, 10, 10].tolist()
    assert above == below > 0.5
    assert float(batch["density"].sum()) == pytest.approx(1)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_the_right_answer_costs_less_than_any_other_and_the_unknown_nothing(dimensions):
    points, shape = scattered(dimensions, 2), SIZE[dimensions]
    recipe = PointsRecipe(PointsReadout(dimensions=dimensions))
    batch = batch_of(recipe, points, shape)
    right = perfect_outputs(batch)
    least = recipe.loss(right, batch)["loss"].item()
    for other in (torch.zeros_like(right), -right, right + torch.randn_like(right)):
        assert recipe.loss(other, batch)["loss"].item() > least
    known = np.ones(shape, bool)
    known[..., :20] = False
    batch = batch_of(recipe, replace(points, known=known), shape)
    spoilt = right.clone()
    spoilt[..., :20] = 3 - 2 * spoilt[..., :20]
    before, after = (recipe.loss(outputs, batch)["loss"].item() for outputs in (right, spoilt))
    assert after == pytest.approx(before, rel=1e-5)


@pytest.mark.parametrize("known", [True, False])
def test_patches_without_points_or_knowledge_are_harmless(known):
    recipe = PointsRecipe()
    outputs = torch.zeros(1, 4, 24, 24, requires_grad=True)
    nothing = replace(no_points(2), known=np.full((24, 24), known))
    parts = recipe.loss(outputs, batch_of(recipe, nothing, (24, 24)))
    (gradient,) = torch.autograd.grad(parts["loss"], outputs)
    assert torch.isfinite(parts["loss"]) and torch.isfinite(gradient).all()


@pytest.mark.parametrize("dimensions", [2, 3])
def test_points_anchored_in_a_core_need_only_the_margin(dimensions):
    readout = PointsReadout(dimensions=dimensions, apart=2, width=1.0)
    core, beyond = 10, 7
    shape = (2 * (readout.margin + beyond) + core, *([40] if dimensions == 2 else [12, 14]))
    rows = range(readout.margin + beyond, readout.margin + beyond + core)

    def owned(found, shift):
        return {
            (first + shift, *rest): (*(position - anchor).tolist(), *evidence.tolist())
            for (first, *rest), position, anchor, evidence in zip(
                found.anchors.tolist(),
                found.positions,
                found.anchors.astype(np.float32),
                found.evidence,
                strict=True,
            )
            if first + shift in rows
        }

    for seed in range(4):
        maps = random_maps(seed, shape)
        whole = owned(readout.decode(maps), 0)
        part = owned(readout.decode(maps[:, beyond:-beyond]), beyond)
        assert whole.keys() == part.keys() and len(whole) > 0
        for anchor, facts in whole.items():
            assert part[anchor] == pytest.approx(facts, abs=1e-5)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_of_close_points_the_hottest_is_kept(dimensions):
    readout = PointsReadout(dimensions=dimensions, apart=3, threshold=0.6)
    maps = random_maps(0, SIZE[dimensions])
    found = readout.decode(maps)
    distance = np.abs(found.positions[:, None] - found.positions[None]).max(2)
    np.fill_diagonal(distance, 99)
    assert distance.min() > 3 and found.scores.min() >= 0.6
    assert np.isfinite(found.evidence).all()
    assert maps[0].max() == maps[0][tuple(found.anchors.T)].max()


def test_two_peaks_that_point_to_one_place_are_one_point():
    maps = np.full((4, 20, 20), -4, np.float32)
    maps[1:] = 0
    maps[:3, 10, 8], maps[:3, 10, 11] = (3, 0, 1.6), (2, 0, -1.3)
    assert PointsReadout().decode(maps).positions == pytest.approx(np.array([[10, 9.6]]))


def test_points_in_planes_far_apart_are_not_taken_for_one():
    maps = np.full((5, 12, 20, 20), -4, np.float32)
    maps[1:4] = 0
    maps[0, 5, 9, 9], maps[0, 7, 9, 9] = 3, 2
    maps[1, 5, 9, 9], maps[1, 7, 9, 9] = 0.3, -0.3
    coarse = PointsReadout(dimensions=3, anisotropy=4.0)
    assert len(coarse.decode(maps).positions) == 2
    assert len(replace(coarse, anisotropy=1.0).decode(maps).positions) == 1


def test_empty_and_tiny_maps_do_not_break():
    readout = PointsReadout()
    found = readout.decode(np.full((4, 20, 20), -9, np.float32))
    assert found.positions.shape == (0, 2) and found.evidence.shape == (0, 3)
    assert readout.decode(np.zeros((4, 1, 1), np.float32)).positions.tolist() == [[0, 0]]


def test_parameters_survive_the_card():
    readout = PointsReadout.suited_to(3, 40.0, ("a", "b"))
    assert PointsReadout(**json.loads(json.dumps(asdict(readout)))) == readout
    assert len(readout.outputs) == 7 and readout.margin >= readout.reach > 0
    with pytest.raises(UsageError):
        PointsReadout(width=0)
    with pytest.raises(UsageError):
        PointsReadout(classes=("a", "a"))
