"""Boxes: what pixels should say, what is read from it, and what a network learns."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import find_objects, gaussian_filter

torch = pytest.importorskip("torch")

from cellwright._errors import DatasetError, UsageError  # noqa: E402
from cellwright.datasets.boxes import Boxes  # noqa: E402
from cellwright.methods.boxes import geometry  # noqa: E402
from cellwright.methods.boxes.readout import BoxesReadout  # noqa: E402
from cellwright.methods.boxes.recipe import BoxesRecipe, overlaps  # noqa: E402
from cellwright.methods.boxes.suppression import central, rounds_of  # noqa: E402
from cellwright.metrics.detection import DetectionScores, box_iou  # noqa: E402
from cellwright.networks.registry import network_from_dict  # noqa: E402
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field  # noqa: E402

SMALL = BoxesReadout(("a", "b"), threshold=0.3, longest=6, unit=3.0)
COLOURS = ("red", "green", "blue")


def field(seed, size=(96, 96), diameter=14.0):
    """Return a picture of nuclei and their labels."""
    nuclei = NucleiSimulation(size=size, diameter=diameter, density=0.2)
    pixels, labels = simulate_field(nuclei, seed=seed)[:2]
    return pixels, labels.astype(np.int32)


def boxes(corners, names=None, known=None):
    corners = np.array(corners, np.float32).reshape(-1, 4)
    names = np.full(len(corners), "red") if names is None else np.array(names)
    known = np.ones(len(corners), bool) if known is None else np.array(known)
    return Boxes(corners, names, known)


def right_answer(recipe, targets):
    """Return the outputs that targets ask for, of one patch."""
    count = len(recipe.readout.classes)
    outputs = np.full((count + 5, *targets["class"].shape), 20.0, np.float32)
    sure = np.clip(targets["centrality"], 1e-7, 1 - 1e-7)
    for kind in range(count):
        outputs[kind] = np.where(targets["class"] == kind, np.log(sure / (1 - sure)), -20)
    outputs[count:-1] = np.log(np.maximum(targets["distances"], 1e-3) / recipe.readout.unit)
    return outputs


def batch_of(targets):
    return {name: torch.from_numpy(value)[None] for name, value in targets.items()}


def random_maps(seed, shape, readout=SMALL):
    """Return maps of many doubtful objects, most of them about as large as can be."""
    noise = np.random.default_rng(seed).standard_normal((len(readout.outputs), *shape))
    maps = np.stack([3 * gaussian_filter(plane, 0.8) for plane in noise])
    maps[-5:-1] = 0.2 * maps[-5:-1] + np.log(readout.longest / readout.unit)
    return maps.astype(np.float32)


# What is learned


def test_boxes_around_objects_are_those_of_scipy():
    labels = field(1)[1] * 3
    found = geometry.boxes_around(labels)
    expected = [box for box in find_objects(labels) if box is not None]
    assert found.tolist() == [[y.start, x.start, y.stop, x.stop] for y, x in expected]


@pytest.mark.parametrize("seed", range(5))
def test_pixels_belong_to_the_box_in_which_they_are_most_central(seed):
    rng = np.random.default_rng(seed)
    low = rng.uniform(-5, 25, (12, 2))
    corners = np.concatenate([low, low + rng.uniform(2, 20, (12, 2))], 1).astype(np.float32)
    known = rng.random(12) < 0.8
    owners, centrality = geometry.owners_of(corners, known, (30, 28))
    distances = geometry.distances_to_sides(owners, corners)
    for y in range(30):
        for x in range(28):
            best, owner = 0.0, 0
            for n, (top, left, bottom, right) in enumerate(corners, 1):
                sides = y + 0.5 - top, bottom - y - 0.5, x + 0.5 - left, right - x - 0.5
                if min(sides) <= 0:
                    continue
                shares = [min(pair) / max(pair) for pair in (sides[:2], sides[2:])]
                if known[n - 1] and np.sqrt(shares[0] * shares[1]) > best + 1e-6:
                    best, owner = np.sqrt(shares[0] * shares[1]), n
                elif not known[n - 1] and owner == 0:
                    owner = -1
            assert owners[y, x] == owner and centrality[y, x] == pytest.approx(best, abs=1e-5)
            if owner > 0:
                told = np.array([y, x, y, x]) + 0.5 + distances[:, y, x] * [-1, -1, 1, 1]
                assert told == pytest.approx(corners[owner - 1], abs=1e-4)


def test_objects_of_all_sizes_count_alike():
    recipe = BoxesRecipe(BoxesReadout(COLOURS))
    truth = boxes([[2, 2, 8, 8], [20, 20, 80, 80]], ["red", "blue"])
    targets = recipe.targets(replace(truth, size=(96, 96)))
    assert set(np.unique(targets["class"])) == {-1, 0, 2}
    small, large = (targets["weight"][targets["class"] == kind].sum() for kind in (0, 2))
    assert small == pytest.approx(1) and large == pytest.approx(1)


def test_what_is_not_known_has_no_say():
    recipe = BoxesRecipe(BoxesReadout(COLOURS))
    truth = boxes([[5, 5, 25, 25], [30, 30, 60, 60]], known=[True, False])
    batch = batch_of(recipe.targets(replace(truth, size=(64, 64))))
    outputs = torch.randn(1, 8, 64, 64)
    spoilt = outputs.clone()
    spoilt[..., 30:60, 30:60] *= -2
    assert recipe.loss(spoilt, batch)["loss"] == recipe.loss(outputs, batch)["loss"]
    spoilt[..., 5, 50] *= -2
    assert recipe.loss(spoilt, batch)["loss"] != recipe.loss(outputs, batch)["loss"]


def test_unknown_pixels_of_labels_have_no_say():
    labels = field(1)[1]
    labels[:, :40] = -1
    batch = batch_of(BoxesRecipe().targets(labels))
    outputs = torch.randn(1, 6, *labels.shape)
    spoilt = outputs.clone()
    spoilt[..., :40] *= -2
    losses = [BoxesRecipe().loss(o, batch)["loss"].item() for o in (outputs, spoilt)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_the_right_answer_costs_least_and_gives_back_the_boxes():
    recipe = BoxesRecipe(BoxesReadout.suited_to(2, 28.0))
    labels = field(2)[1]
    targets = recipe.targets(labels)
    right = right_answer(recipe, targets)
    found = recipe.readout.decode(right)
    true = geometry.boxes_around(labels)
    whole = (true[:, 2:] - true[:, :2]).min(1) >= 5
    best = box_iou(true[whole].astype(np.float64), found.boxes.astype(np.float64)).max(1)
    assert len(found) <= len(true) and (best > 0.9).mean() >= 0.95

    batch, right = batch_of(targets), torch.from_numpy(right)[None]
    least = recipe.loss(right, batch)["loss"].item()
    for other in (torch.zeros_like(right), -right, right + torch.randn_like(right)):
        assert recipe.loss(other, batch)["loss"].item() > least + 0.01


@pytest.mark.parametrize("axis", ["row", "column"])
def test_what_a_mirror_image_asks_for_is_put_right(axis):
    recipe, labels = BoxesRecipe(BoxesReadout.suited_to(2, 28.0)), field(2)[1]
    along = ("row", "column").index(axis)
    turned = np.ascontiguousarray(np.flip(labels, along))
    right, seen = (right_answer(recipe, recipe.targets(one)) for one in (labels, turned))
    known = recipe.readout.mirrored(axis)
    again = np.flip(seen, along + 1)[known.order] * known.signs[:, None, None]
    same = np.abs(again - right) < 1e-3
    assert same.mean() > 0.99  # where two boxes are as near, either may have the pixel
    assert (np.abs(np.flip(seen, along + 1) - right) < 1e-3).mean() < 0.95


def test_the_loss_is_the_sum_of_its_parts_and_moves_every_map():
    recipe = BoxesRecipe(BoxesReadout(COLOURS))
    batch = batch_of(recipe.targets(replace(boxes([[9, 9, 40, 30]]), size=(64, 64))))
    outputs = torch.randn(1, 8, 64, 64, requires_grad=True)
    parts = recipe.loss(outputs, batch)
    total = parts.pop("loss")
    assert total.item() == pytest.approx(sum(part.item() for part in parts.values()), rel=1e-5)
    (gradient,) = torch.autograd.grad(total, outputs)
    assert torch.isfinite(gradient).all() and (gradient.abs().flatten(2).sum(2) > 0).all()


@pytest.mark.parametrize("scale", [0.0, 100.0, -100.0])
@pytest.mark.parametrize("known", [True, False])
def test_the_loss_is_finite_for_any_patch_and_any_answer(scale, known):
    recipe = BoxesRecipe(BoxesReadout(COLOURS))
    everything = boxes([[0, 0, 32, 32]], known=[False])
    for truth in (boxes([]), boxes([[3, 3, 9, 9]]), everything):
        truth = truth if known else replace(truth, known=np.zeros(len(truth), bool))
        outputs = (torch.ones(1, 8, 32, 32) * scale).requires_grad_()
        loss = recipe.loss(outputs, batch_of(recipe.targets(replace(truth, size=(32, 32)))))["loss"]
        (gradient,) = torch.autograd.grad(loss, outputs)
        assert torch.isfinite(loss) and torch.isfinite(gradient).all()


def test_overlaps_are_those_of_boxes():
    random = torch.Generator().manual_seed(0)
    first, second = torch.rand(2, 1, 4, 5, 6, generator=random) * 9 + 0.1
    overlap, generalised = overlaps(first, second)
    sign = torch.tensor([-1.0, -1, 1, 1])
    corners = [
        (each[0] * sign[:, None, None]).flatten(1).T.double().numpy() for each in (first, second)
    ]
    assert overlap.flatten().numpy() == pytest.approx(np.diag(box_iou(*corners)), rel=1e-5)
    assert (generalised <= overlap + 1e-5).all() and (generalised > -1).all()
    inside = first * 0.5
    assert torch.allclose(*overlaps(first, inside))  # nothing around both is empty
    # A bar that lies and one that stands, 2 by 6 px each: 4 of 20 px shared, 36 around both.
    lying, standing = torch.tensor([[1.0, 3, 1, 3], [3, 1, 3, 1]]).reshape(2, 1, 4, 1, 1)
    cross = [value.item() for value in overlaps(lying, standing)]
    assert cross == pytest.approx([4 / 20, 4 / 20 - 16 / 36])


def test_classes_that_the_model_does_not_have_are_refused():
    with pytest.raises(DatasetError, match="'mauve'"):
        BoxesRecipe(BoxesReadout(COLOURS)).targets(
            replace(boxes([[1, 1, 9, 9]], ["mauve"]), size=(9, 9))
        )


# What is read


def test_nothing_is_read_from_empty_maps_and_the_smallest_image_does_not_break():
    empty = SMALL.decode(np.full((7, 40, 40), -9, np.float32))
    assert empty.boxes.shape == (0, 4) and empty.anchors.shape == (0, 2)
    assert empty.evidence.shape == (0, len(SMALL.evidence_names))
    one = SMALL.decode(np.zeros((7, 1, 1), np.float32))
    assert len(one) == 1 and one.boxes[0] == pytest.approx([-2.5, -2.5, 3.5, 3.5])


@pytest.mark.parametrize("scale", [1, 50])
@pytest.mark.parametrize("seed", range(3))
def test_detections_are_boxes_within_reach_the_surest_first(seed, scale):
    found = SMALL.decode(scale * random_maps(seed, (80, 70)))
    assert len(found) > 10 and len(np.unique(found.anchors, axis=0)) == len(found)
    for column in (found.boxes, found.scores, found.evidence):
        assert column.dtype == np.float32 and np.isfinite(column).all()
    assert (np.diff(found.scores) <= 0).all() and (found.scores >= SMALL.threshold).all()
    assert set(np.unique(found.classes)) <= {0, 1}
    from_anchor = np.abs(found.boxes.reshape(-1, 2, 2) - found.anchors[:, None] - 0.5)
    assert from_anchor.max() <= SMALL.reach + 1e-4
    overlaps = box_iou(*[found.boxes.astype(np.float64)] * 2) - np.eye(len(found))
    assert overlaps.max() <= SMALL.overlap + 1e-5


@pytest.mark.parametrize(("overlap", "nested"), [(0.3, 1.0), (0.5, 1.0), (0.7, 1.0), (0.7, 0.75)])
def test_detections_anchored_in_a_core_need_only_the_margin(overlap, nested):
    readout = replace(SMALL, overlap=overlap, nested=nested, threshold=0.1)
    margin, core, beyond = readout.margin, 30, 15
    compared = 0
    for seed in range(6):
        maps = random_maps(seed, (2 * (margin + beyond) + core, 90), readout)
        part = readout.decode(np.ascontiguousarray(maps[:, beyond:-beyond]))
        whole = readout.decode(maps)
        rows = range(margin + beyond, margin + beyond + core)
        told = [
            {
                (y + shift, x): (kind, score, *evidence)
                for (y, x), kind, score, evidence in zip(
                    found.anchors.tolist(),
                    found.classes.tolist(),
                    found.scores.tolist(),
                    found.evidence.tolist(),
                    strict=True,
                )
                if y + shift in rows
            }
            for found, shift in ((whole, 0), (part, beyond))
        ]
        assert told[0] == told[1]
        compared += len(told[0])
    assert compared > 50


def test_small_and_large_objects_are_found_in_one_image():
    recipe = BoxesRecipe(BoxesReadout(COLOURS, longest=160))
    truth = boxes(
        [[10, 10, 18, 18], [40, 30, 200, 190], [100, 90, 109, 100], [205, 5, 240, 12]],
        ["red", "green", "blue", "red"],
    )
    found = recipe.readout.decode(
        right_answer(recipe, recipe.targets(replace(truth, size=(250, 250))))
    )
    scores = DetectionScores()
    kinds = [COLOURS.index(name) for name in truth.names]
    scores.add(truth.corners, kinds, found.boxes, found.classes, found.scores)
    assert scores.average_precision() == 1 and len(found) == 4


def plain_rounds(corners, classes, threshold, nested):
    """Return the round in which each box is kept or, negative, dropped: all against all."""
    low = np.maximum(corners[:, None, :2], corners[:, :2])
    high = np.minimum(corners[:, None, 2:], corners[:, 2:])
    shared = (high - low).clip(0).prod(2)
    areas = (corners[:, 2:] - corners[:, :2]).prod(1)
    of_smaller = shared / np.minimum(areas[:, None], areas)
    within = (of_smaller > nested) & (classes[:, None] == classes) & (nested < 1)
    rivals = (box_iou(corners, corners) > threshold) | within
    better = np.tri(len(corners), k=-1, dtype=bool)
    rounds = np.zeros(len(corners), int)
    for number in range(1, len(corners) + 1):
        undecided = rounds == 0
        rounds[undecided & ~(rivals & better & undecided).any(1)] = number
        rounds[(rounds == 0) & (rivals & (rounds == number)).any(1)] = -number
    return rounds


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.05, 0.3, 0.5, 0.8]),
    st.sampled_from([0.75, 0.9, 1.0]),
    st.sampled_from([2, 20]),
)
def test_rounds_are_those_of_a_comparison_of_all_with_all(seed, threshold, nested, spread):
    rng = np.random.default_rng(seed)
    anchors = rng.integers(0, 70, (80, 2))
    distances = rng.uniform(1, 1.5, (80, 4)) * rng.uniform(1, spread, (80, 1))
    distances = distances.astype(np.float32)
    usable = central(distances)
    anchors, distances = anchors[usable], distances[usable]
    corners = np.tile(anchors, 2) + 0.5 + distances * np.array([-1.0, -1, 1, 1])
    classes = rng.integers(0, 2, len(anchors))
    found = rounds_of(anchors, distances, classes, threshold, nested)
    assert (found == plain_rounds(corners, classes, threshold, nested)).all()


def test_keeping_and_dropping_take_turns_along_a_chain():
    anchors = np.array([[10, 10 + 4 * n] for n in range(5)])
    distances = np.full((5, 4), 10, np.float32)
    kinds = np.zeros(5, np.int64)
    assert rounds_of(anchors, distances, kinds, 0.5, 1.0).tolist() == [1, -1, 2, -2, 3]


def test_of_nested_boxes_of_one_class_the_surest_is_kept():
    anchors = np.array([[50, 50], [45, 52], [60, 50], [50, 90]])
    distances = np.array([[40] * 4, [10] * 4, [12] * 4, [10] * 4], np.float32)
    kinds = np.array([0, 0, 1, 0])  # in the large one lie one of its class, another, and a half
    assert rounds_of(anchors, distances, kinds, 0.5, 0.75).tolist() == [1, -1, 1, 1]
    assert rounds_of(anchors, distances, kinds, 0.5, 1.0).tolist() == [1, 1, 1, 1]


def test_parameters_survive_the_card_and_are_checked():
    readout = BoxesReadout.suited_to(2, 90.0, COLOURS)
    assert BoxesReadout(**json.loads(json.dumps(asdict(readout)))) == readout
    assert readout.margin >= readout.reach == 90
    wrongs = ({"classes": ()}, {"classes": ("a", "a")}, {"threshold": 0.0}, {"overlap": 1.0})
    for wrong in (*wrongs, {"nested": 0.5}):
        with pytest.raises(UsageError):
            BoxesReadout(**wrong)
    with pytest.raises(UsageError, match="volumes"):
        BoxesReadout.suited_to(3, 20.0)


def test_a_network_learns_boxes():
    recipe = BoxesRecipe(BoxesReadout.suited_to(2, 28.0))
    description = {"name": "unet", "in_channels": 1, "out_channels": 6, "width": 8, "depth": 3}
    network = network_from_dict(description, seed=0)
    optimiser = torch.optim.AdamW(network.parameters(), 5e-3)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    losses = []
    for step in range(100):
        fields = [field(2 * step + i) for i in range(2)]
        pixels = torch.from_numpy(np.stack([p[None] / p.max() for p, _ in fields])).float()
        targets = [recipe.targets(labels) for _, labels in fields]
        batch = {
            name: torch.from_numpy(np.stack([t[name] for t in targets])) for name in targets[0]
        }
        loss = recipe.loss(network(pixels), batch)["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    torch.set_num_threads(threads)
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:5])

    scores = DetectionScores((0.5,))
    network.eval()
    for seed in range(1000, 1004):
        pixels, labels = field(seed)
        with torch.no_grad():
            maps = network(torch.from_numpy(pixels[None, None] / pixels.max()).float())[0].numpy()
        found = replace(recipe.readout, threshold=0.1).decode(maps)
        true = geometry.boxes_around(labels)
        kinds = np.zeros(len(true), int)
        scores.add(true, kinds, found.boxes, found.classes, found.scores)
    assert scores.average_precision() > 0.7
