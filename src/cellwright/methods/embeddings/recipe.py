"""How a network learns seeds, offsets and bandwidths."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from cellwright._types import AnyArray, LabelArray
from cellwright.methods.embeddings import geometry
from cellwright.methods.embeddings.readout import WIDEST, EmbeddingsReadout
from cellwright.methods.losses import binary_cross_entropy
from cellwright.methods.numbering import consecutive

_SMALLEST = 2.0  # px; radius of the smallest objects, for the precision that is asked
_FAR = 1e-3  # a membership so low that it costs nothing


@dataclass(frozen=True, slots=True)
class EmbeddingsRecipe:
    """Targets and loss of spatial embeddings with learned bandwidths.

    The Gaussian around the centre of an object, as wide as its pixels say on average, has to hold
    the embeddings of these pixels and no others, which the Lovász hinge measures in terms of
    intersection over union. Every pixel competes for its own object and against the nearest other
    one, so the cost does not grow with the number of objects. Besides, the pixels of an object
    must agree on its bandwidths, and the seed map learns their membership, 0 in the background.
    Memberships far from a centre have no slope to learn from, so the distances of the embeddings
    from their centres, in radii of the object, count as well, and learning takes off sooner.

    Parameters
    ----------
    readout : EmbeddingsReadout
        Reads what the network learns; gives the units.
    agreement_weight : float
        Of the mean squared differences between the logarithms of an object's bandwidths.
    centre_weight : float
        Of the mean distance from the centre, in radii.

    References
    ----------
    Neven et al. (2019), "Instance segmentation by jointly optimizing spatial embeddings and
    clustering bandwidth", CVPR.
    Berman, Triki & Blaschko (2018), "The Lovász-softmax loss", CVPR.
    """

    readout: EmbeddingsReadout = field(default_factory=EmbeddingsReadout)
    agreement_weight: float = 1.0
    centre_weight: float = 1.0

    def targets(self, labels: LabelArray) -> dict[str, AnyArray]:
        """Return what the network should say about one patch.

        Parameters
        ----------
        labels : ndarray, shape ([Z,] Y, X), int32
            -1 is unknown and takes no part in the loss, 0 background, 1..N objects.

        Returns
        -------
        dict of ndarray
            ``object`` and ``rival`` ([Z,] Y, X) int32, the object of each pixel, -1 where unknown,
            and the nearest other one, 0 where there is none; ``offsets`` and ``rival_offsets``
            (D, [Z,] Y, X) float32, from each pixel to their centres in px.
        """
        volume = np.ascontiguousarray(labels if labels.ndim == 3 else labels[None])
        objects, count = consecutive(volume)
        centre = geometry.centres(objects, count)
        rival = geometry.rivals(objects)
        maps = {"offsets": objects, "rival_offsets": rival}
        ways = {
            name: geometry.ways(of, centre)[3 - labels.ndim :].reshape(labels.ndim, *labels.shape)
            for name, of in maps.items()
        }
        return {
            "object": objects.reshape(labels.shape),
            "rival": rival.reshape(labels.shape),
            **ways,
        }

    def whole_targets(self, layers: LabelArray) -> dict[str, AnyArray]:
        """Return what the network should say where objects may overlap.

        A pixel of several objects belongs to the two whose centres are nearest, in radii of the
        objects: it should lie within the bandwidths of both. Of a third, nothing is asked.

        Parameters
        ----------
        layers : ndarray, shape (L, [Z,] Y, X), int32
            See `OverlapRecipe`.

        Returns
        -------
        dict of ndarray
            As `targets`; and ``also`` and ``also_offsets``, the second of the objects of a pixel,
            0 where there is none, and its centre.
        """
        objects, count = consecutive(np.ascontiguousarray(layers).reshape(-1, *layers.shape[-2:]))
        depth = len(objects) // len(layers)
        centre = geometry.centres(objects, count)
        centre[:, 0] %= depth  # planes of all layers were counted in a row
        volumes = objects.reshape(len(layers), depth, *objects.shape[1:])
        ways = np.stack([geometry.ways(layer, centre) for layer in volumes])
        own, second = geometry.nearest_two(volumes, ways, count)
        rival = geometry.rivals(own)
        rival[(volumes == rival).any(0)] = 0
        shape = layers.shape[1:]

        def to_centres(of: LabelArray) -> AnyArray:
            way: AnyArray = geometry.ways(of, centre)[3 - len(shape) :]
            return way.reshape(len(shape), *shape)

        return {
            "object": own.reshape(shape),
            "rival": rival.reshape(shape),
            "offsets": to_centres(own),
            "rival_offsets": to_centres(rival),
            "also": second.reshape(shape),
            "also_offsets": to_centres(second),
        }

    def loss(self, outputs: Tensor, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss of one batch and its parts.

        Parameters
        ----------
        outputs : Tensor, shape (N, 1 + 2 D, [Z,] Y, X)
            What the network says.
        batch : dict of Tensor
            `targets` of N patches, stacked.

        Returns
        -------
        dict of Tensor
            ``loss`` and its summands ``gathering``, ``agreement``, ``centre``, ``seed``; scalars.
        """
        axes = outputs.ndim - 2
        logits, maps = outputs[:, 0].float().flatten(), _pixels(outputs[:, 1:].float())
        told = maps[:, :axes] * self.readout.unit
        widths = maps[:, axes:].clamp(-WIDEST, WIDEST) + math.log(self.readout.bandwidth)
        also = batch.get("also", torch.zeros_like(batch["object"]))
        own, (rival, also), count = _numbered(batch["object"], batch["rival"], also)
        inside, known, shared = own > 0, own >= 0, also > 0
        against = known & (rival > 0)
        own, rival = own[inside], rival[against]
        seen = torch.bincount(own, minlength=count + 1).clamp(min=1)
        object_widths = _sums(widths[inside], own, count) / seen[:, None]
        apart = (widths[inside] - object_widths[own].detach()).square().mean(1)

        member, way = own, (told - _pixels(batch["offsets"]))[inside]
        if shared.any():
            member = torch.cat([own, also[shared]])
            way = torch.cat([way, (told - _pixels(batch["also_offsets"]))[shared]])
        rival_way = (told - _pixels(batch["rival_offsets"]))[against]
        size = torch.bincount(member, minlength=count + 1)
        far = way.abs().sum(1) / _radius(size, axes)[member]
        right = _membership(way, object_widths[member])
        wrong = _membership(rival_way, object_widths[rival])
        certain = torch.zeros_like(logits)
        certain[inside] = right[: len(own)].detach()
        objects = max(count, 1)
        # Of a pixel in its object: all objects count alike.
        parts = {
            "gathering": _gathering(right, member, wrong, rival) / objects,
            "agreement": self.agreement_weight * (apart / seen[own]).sum() / objects,
            "centre": self.centre_weight * (far / size[member]).sum() / objects,
            "seed": binary_cross_entropy(logits, certain, known),
        }
        return {"loss": sum(parts.values(), outputs.new_zeros(())), **parts}


def _membership(way: Tensor, widths: Tensor) -> Tensor:
    """Return memberships: 1 at the centre, one half at the bandwidth.

    Parameters
    ----------
    way : Tensor, shape (P, D)
        From the centre of an object to an embedding, in px.
    widths : Tensor, shape (P, D)
        Logarithms of the bandwidths of this object.
    """
    return torch.exp2(-(way * torch.exp(-widths)).square().sum(1))


def _gathering(right: Tensor, own: Tensor, wrong: Tensor, rival: Tensor) -> Tensor:
    """Return the sum over objects of their Lovász hinges.

    Parameters
    ----------
    right, own : Tensor, shape (P,)
        Memberships that should be 1, and the objects that they are of.
    wrong, rival : Tensor, shape (Q,)
        Those that should be 0.
    """
    near = wrong > _FAR  # the others cost nothing, and sorting them takes time
    wrong, rival = wrong[near], rival[near]
    positive = torch.cat([torch.ones_like(right), torch.zeros_like(wrong)])
    return lovasz_hinge(torch.cat([2 * (1 - right), 2 * wrong]), positive, torch.cat([own, rival]))


def lovasz_hinge(errors: Tensor, positive: Tensor, group: Tensor) -> Tensor:
    """Return the Lovász hinge losses of many sets of pixels at once, summed.

    Parameters
    ----------
    errors : Tensor, shape (P,)
        Hinge errors, at least 0.
    positive : Tensor, shape (P,)
        1 for pixels of the set that is to be found, 0 for others.
    group : Tensor of int, shape (P,)
        Which of the losses each pixel takes part in.

    Returns
    -------
    Tensor
        A scalar.

    References
    ----------
    Berman, Triki & Blaschko (2018), "The Lovász-softmax loss", CVPR.
    """
    if len(errors) == 0:
        return errors.sum()
    # By group, and within a group the largest errors, of at most 2, first.
    order = torch.argsort(4 * group.double() - errors.detach().double())
    errors, positive, group = errors[order], positive[order], group[order]
    first = functional.pad(group[1:] != group[:-1], (1, 0), value=True)
    start = torch.nonzero(first)[:, 0]
    which = first.cumsum(0) - 1

    def running(counts: Tensor) -> Tensor:
        """Return sums within each group up to and with each pixel."""
        total = counts.double().cumsum(0)
        return total - (total - counts)[start][which]

    hits, strays = running(positive), running(1 - positive)
    ends = functional.pad(start[1:] - 1, (0, 1), value=len(group) - 1)
    wanted = hits[ends][which]
    jaccard = 1 - (wanted - hits) / (wanted + strays)
    slope = jaccard - torch.where(first, 0, functional.pad(jaccard[:-1], (1, 0)))
    return (errors * slope.float()).sum()


def _pixels(maps: Tensor) -> Tensor:
    """Return the pixels of all patches, one a row: shape (N, K, ...) becomes (P, K)."""
    return maps.movedim(1, -1).reshape(-1, maps.shape[1])


def _numbered(objects: Tensor, *others: Tensor) -> tuple[Tensor, list[Tensor], int]:
    """Return the objects of all patches, numbered in one go.

    Returns
    -------
    own : Tensor of int64, shape (P,)
    others : list of such Tensor
        Objects that there are in `objects`, too; 0 for none.
    count : int
        Objects in all.
    """
    own = objects.long().flatten(1)
    counts = own.amax(1).clamp(min=0)
    before = (counts.cumsum(0) - counts)[:, None]
    moved = [torch.where(o.flatten(1) > 0, o.flatten(1) + before, 0).flatten() for o in others]
    return torch.where(own > 0, own + before, own).flatten(), moved, int(counts.sum())


def _radius(size: Tensor, dimensions: int) -> Tensor:
    """Return the radii of discs, or balls, of so many pixels; at least `_SMALLEST`."""
    full = math.pi if dimensions == 2 else 4 / 3 * math.pi
    return ((size / full) ** (1 / dimensions)).clamp(min=_SMALLEST)


def _sums(values: Tensor, group: Tensor, count: int) -> Tensor:
    """Return the sums of rows over groups 0..count."""
    return values.new_zeros(count + 1, values.shape[1]).index_add(0, group, values)
