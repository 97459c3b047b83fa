"""The checks that every method has to pass: a test class inherits them and says how to answer."""

import json
from dataclasses import asdict, fields

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, maximum_filter

torch = pytest.importorskip("torch")

from cellwright._errors import UsageError  # noqa: E402
from cellwright.methods.mirrors import AXES, MirrorReadout  # noqa: E402
from cellwright.methods.registry import METHODS  # noqa: E402
from cellwright.metrics.matching import match  # noqa: E402
from cellwright.simulation.nuclei import (  # noqa: E402
    NucleiSimulation,
    simulate_field,
    simulate_volume,
)

SLIVER = {2: 20, 3: 80}  # px
SIZE = {2: (96, 96), 3: (24, 48, 48)}


def simulated(dimensions, seed):
    """Return labels of simulated nuclei, about 14 px across, without slivers behind others."""
    simulate = simulate_field if dimensions == 2 else simulate_volume
    settings = NucleiSimulation(size=SIZE[dimensions], diameter=14.0, density=0.2)
    labels = simulate(settings, seed=seed)[1]
    sliver = np.bincount(labels.ravel()) < SLIVER[dimensions]
    return np.where(sliver[labels], 0, labels).astype(np.int32)


class MethodBattery:
    """What a user may expect of every method.

    Attributes
    ----------
    name : str
        As in the registry.
    dimensions : int
        2 or 3; a method for both has two test classes.
    small : Readout
        For objects of few pixels, so that windows smaller than the test image are possible.
    agreement : float
        IoU with the true objects of those read from the right answer.
    """

    name: str
    dimensions: int
    small: object
    agreement: float = 0.7

    def perfect_outputs(self, recipe, batch):
        """Return the outputs (N, K, [Z,] Y, X) that the targets in `batch` ask for."""
        raise NotImplementedError

    def recipe(self):
        """Return a recipe for objects such as `simulated` draws."""
        readout = METHODS[self.name].readout_class().suited_to(self.dimensions, 28.0)
        return METHODS[self.name].recipe_class()(readout)

    def batch_of(self, labels):
        """Return the targets of one patch as a batch."""
        targets = self.recipe().targets(labels)
        return {name: torch.from_numpy(np.asarray(value))[None] for name, value in targets.items()}

    def random_maps(self, seed, shape):
        """Return smooth random maps, which hold many doubtful objects."""
        noise = np.random.default_rng(seed).standard_normal((len(self.small.outputs), *shape))
        smooth = [gaussian_filter(plane, 2.0) * 4**self.dimensions / 2 for plane in noise]
        return np.stack(smooth).astype(np.float32)

    # What is learned

    @pytest.mark.parametrize("seed", [1, 2])
    def test_the_right_answer_gives_back_the_objects(self, seed):
        labels = simulated(self.dimensions, seed)
        recipe = self.recipe()
        outputs = self.perfect_outputs(recipe, self.batch_of(labels))[0]
        found = recipe.readout.decode(np.ascontiguousarray(outputs.numpy(), np.float32))
        matched = match(labels, found.labels, self.agreement)
        true = len(np.unique(labels)) - 1
        assert matched.counts.true_positives >= 0.95 * true
        assert matched.counts.false_positives <= 0.05 * true

    def test_the_right_answer_costs_less_than_any_other(self):
        batch = self.batch_of(simulated(self.dimensions, 1))
        right = self.perfect_outputs(self.recipe(), batch)
        least = self.recipe().loss(right, batch)["loss"].item()
        for other in (torch.zeros_like(right), -right, right + torch.randn_like(right)):
            assert self.recipe().loss(other, batch)["loss"].item() > least

    def test_the_loss_is_the_sum_of_its_parts_and_moves_every_map(self):
        batch = self.batch_of(simulated(self.dimensions, 1))
        outputs = torch.randn_like(self.perfect_outputs(self.recipe(), batch)).requires_grad_()
        parts = self.recipe().loss(outputs, batch)
        total = parts.pop("loss")
        assert total.item() == pytest.approx(sum(p.item() for p in parts.values()), rel=1e-4)
        (gradient,) = torch.autograd.grad(total, outputs)
        assert torch.isfinite(gradient).all()
        assert (gradient.abs().flatten(2).sum(2) > 0).all()

    def test_unknown_pixels_have_no_say(self):
        labels = simulated(self.dimensions, 1)
        half = labels.shape[-1] // 2
        labels[..., :half] = -1
        batch = self.batch_of(labels)
        outputs = torch.randn_like(self.perfect_outputs(self.recipe(), batch))
        spoilt = outputs.clone()
        spoilt[..., :half] = 3 - 2 * spoilt[..., :half]
        before, after = (self.recipe().loss(o, batch)["loss"].item() for o in (outputs, spoilt))
        assert after == pytest.approx(before, rel=1e-5)

    def test_a_few_annotated_objects_teach_nothing_about_the_rest(self):
        labels = simulated(self.dimensions, 1)
        kept = labels % 3 == 1
        near = maximum_filter(kept, 5)
        labels[~kept & ~(near & (labels == 0))] = -1
        batch = self.batch_of(labels)
        right = self.perfect_outputs(self.recipe(), batch)
        outputs = torch.randn_like(right).requires_grad_()
        (gradient,) = torch.autograd.grad(self.recipe().loss(outputs, batch)["loss"], outputs)
        unknown = torch.from_numpy(labels < 0)
        assert (gradient[..., unknown] == 0).all()
        assert (gradient[..., ~unknown] != 0).any()

    @pytest.mark.parametrize("value", [0, -1])
    def test_patches_without_objects_or_without_any_knowledge_are_harmless(self, value):
        batch = self.batch_of(np.full(SIZE[self.dimensions], value, np.int32))
        shape = (1, len(self.recipe().readout.outputs), *SIZE[self.dimensions])
        outputs = torch.zeros(shape, requires_grad=True)
        loss = self.recipe().loss(outputs, batch)["loss"]
        assert torch.isfinite(loss)
        (gradient,) = torch.autograd.grad(loss, outputs)
        assert torch.isfinite(gradient).all()

    def test_missing_numbers_and_input_do_not_matter(self):
        labels = simulated(self.dimensions, 1)
        before = labels.copy()
        gaps = np.where(labels > 0, labels * 3 + 5, labels).astype(np.int32)
        plain, sparse = self.recipe().targets(labels), self.recipe().targets(gaps)
        assert np.array_equal(labels, before)
        for name, value in plain.items():
            assert np.allclose(value, sparse[name], atol=1e-5), name

    def test_what_a_mirror_image_asks_for_is_put_right(self):
        recipe, labels = self.recipe(), simulated(self.dimensions, 1)
        right = self.perfect_outputs(recipe, self.batch_of(labels))[0].numpy()
        for axis, name in enumerate(AXES[3 - self.dimensions :], 1):
            known = mirrored(recipe.readout, name)
            if known is None:
                pytest.skip("cannot be averaged over mirror images")
            turned = np.ascontiguousarray(np.flip(labels, axis - 1))
            seen = np.flip(self.perfect_outputs(recipe, self.batch_of(turned))[0].numpy(), axis)
            again = seen[known.order] * known.signs.reshape(-1, *(1,) * self.dimensions)
            assert (np.abs(again - right) < 0.05 * right.std()).mean() > 0.98
            assert known.order.dtype == np.int64 and known.signs.dtype == np.float32

    # What is read

    def test_empty_maps_hold_nothing(self):
        background = np.full((len(self.small.outputs), *SIZE[self.dimensions]), -9, np.float32)
        found = self.small.decode(background)
        assert found.labels.shape == SIZE[self.dimensions] and not found.labels.any()
        assert found.anchors.shape == (0, self.dimensions)
        assert found.evidence.shape == (0, len(self.small.evidence_names))

    def test_the_smallest_image_does_not_break(self):
        maps = np.zeros((len(self.small.outputs), *([1] * self.dimensions)), np.float32)
        assert self.small.decode(maps).labels.shape == (1,) * self.dimensions

    @pytest.mark.parametrize("seed", range(4))
    def test_objects_are_numbered_anchored_and_within_reach(self, seed):
        found = self.small.decode(self.random_maps(seed, SIZE[self.dimensions]))
        assert found.labels.dtype == np.int32 and found.evidence.dtype == np.float32
        assert np.isfinite(found.evidence).all()
        present = np.unique(found.labels[found.labels > 0])
        assert present.tolist() == list(range(1, len(found.anchors) + 1)), "numbers have gaps"
        assert len(np.unique(found.anchors, axis=0)) == len(found.anchors)
        for number, anchor in enumerate(found.anchors, 1):
            assert np.abs(np.argwhere(found.labels == number) - anchor).max() <= self.small.reach

    def test_objects_anchored_in_a_core_need_only_the_margin(self):
        margin, core, beyond = self.small.margin, 12, 15
        shape = (2 * (margin + beyond) + core, *([30] if self.dimensions == 2 else [14, 14]))
        rows = range(margin + beyond, margin + beyond + core)
        compared = 0
        for seed in range(5):
            maps = self.random_maps(seed, shape)
            whole = owned(self.small.decode(maps), 0, rows)
            part = self.small.decode(np.ascontiguousarray(maps[:, beyond:-beyond]))
            assert owned(part, beyond, rows) == whole
            compared += len(whole)
        assert compared > 0

    def test_parameters_survive_the_card(self):
        kind = METHODS[self.name].readout_class()
        readout = kind.suited_to(self.dimensions, 40.0)
        again = kind(**json.loads(json.dumps(asdict(readout))))
        assert again == readout
        assert set(kind.tunable) <= {field.name for field in fields(kind)}
        assert len(set(readout.outputs)) == len(readout.outputs) > 0
        assert readout.margin >= readout.reach > 0


def mirrored(readout, axis):
    """Return what is known about its maps in a mirror image, if anything is."""
    try:
        return readout.mirrored(axis) if isinstance(readout, MirrorReadout) else None
    except UsageError:
        return None


def owned(found, shift, rows):
    """Return the pixels of the objects anchored in `rows`, by anchor, moved by `shift` rows."""
    return {
        (first + shift, *rest): {
            (row + shift, *others) for row, *others in np.argwhere(found.labels == i + 1).tolist()
        }
        for i, (first, *rest) in enumerate(found.anchors.tolist())
        if first + shift in rows
    }
