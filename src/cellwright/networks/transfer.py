"""Starting a network from the weights of another, and naming the stages that it learns by."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from cellwright._errors import UsageError
from cellwright._words import counted


@dataclass(frozen=True)
class Transferred:
    """What became of the weights of a network.

    Parameters
    ----------
    copied, adapted, fresh : tuple of str
        Names of the tensors that were taken as they are, that were fitted to another number of
        input channels, and that stayed as they were.
    share : float
        Of the network's numbers, how many were copied or adapted; 0 to 1.
    channels : tuple of int, optional
        Input channels of the other network and of this one, where they differ.
    more : int
        Maps that come to those of the other network.
    """

    copied: tuple[str, ...]
    adapted: tuple[str, ...]
    fresh: tuple[str, ...]
    share: float
    channels: tuple[int, int] | None = None
    more: int = 0

    @property
    def summary(self) -> str:
        """What was taken, what was adapted and what starts anew, for people."""
        total = len(self.copied) + len(self.adapted) + len(self.fresh)
        told = [f"{len(self.copied)} of {total} tensors are taken as they are"]
        if self.channels is not None:
            told.append("the first layer is adapted from {} to {} channels".format(*self.channels))
        if self.more:
            told.append(f"{counted(self.more, 'map')} more than those of before start anew")
        if self.fresh:
            told.append(f"new are: {', '.join(_stage_names(self.fresh))}")
        return "; ".join(told)


def transfer_weights(
    source: Mapping[str, Tensor], target: nn.Module, *, more: int = 0
) -> Transferred:
    """Take over the weights that fit, by name.

    A tensor of the same shape is copied. In the first stage, a convolution that differs in its
    input channels alone gets the mean over the source's channels, so that a grey image in every
    channel gives what it gave before. Anything else, such as the last layer of another method,
    stays as it is.

    Parameters
    ----------
    source : mapping of str to Tensor
        Weights and buffers of the other network, by name.
    target : nn.Module
        Changed in place.
    more : int
        How many maps the target makes after those that mean what the source's maps mean; the head
        of these is kept.

    Raises
    ------
    UsageError
        If no layer fits: it is a network of another kind.
    """
    at_pixels = {id(weights) for weights in stages(target)[0].parameters()}
    at_maps = {id(weights) for weights in stages(target)[-1].parameters()} if more else set()
    copied, adapted, fresh = [], [], []
    channels = None
    headed = False
    kept = total = layers = 0  # a bias of the same length is no common layer
    for name, weights in target.state_dict(keep_vars=True).items():
        total += weights.numel()
        other = source.get(name)
        if other is not None and other.shape == weights.shape:
            weights.data.copy_(other)
            copied.append(name)
            layers += weights.ndim > 1
        elif other is not None and id(weights) in at_pixels and _other_input(other, weights):
            mean = other.float().mean(1, keepdim=True) * (other.shape[1] / weights.shape[1])
            weights.data.copy_(mean.expand_as(weights))
            adapted.append(name)
            channels = (other.shape[1], weights.shape[1])
        elif other is not None and id(weights) in at_maps and _fewer_maps(other, weights, more):
            maps = weights.data if weights.ndim == 1 else weights.data.transpose(0, 1)
            maps[:-more].copy_(other if other.ndim == 1 else other.transpose(0, 1))
            adapted.append(name)
            headed = True
        else:
            fresh.append(name)
            continue
        kept += weights.numel()
    if not layers:
        raise UsageError(
            "The network shares no layer with the one to start from. Use a network of the same "
            "kind, width and depth, or start from another model."
        )
    return Transferred(
        tuple(copied),
        tuple(adapted),
        tuple(fresh),
        kept / total,
        channels,
        more if headed else 0,
    )


def _stage_names(tensors: tuple[str, ...]) -> list[str]:
    """Return the parts of a network that tensors belong to, such as ``encoders.2``."""
    parts = (name.split(".") for name in tensors)
    names = (".".join(part[: 2 if part[1].isdigit() else 1]) for part in parts)
    return list(dict.fromkeys(names))


def _fewer_maps(other: Tensor, weights: Tensor, more: int) -> bool:
    """Tell whether only maps are missing: the second axis of a head, the only one of its bias."""
    shape = list(weights.shape)
    shape[min(1, weights.ndim - 1)] -= more
    return list(other.shape) == shape


def _other_input(other: Tensor, weights: Tensor) -> bool:
    alike = other.shape[:1] + other.shape[2:] == weights.shape[:1] + weights.shape[2:]
    return other.ndim > 2 and alike


def stages(network: nn.Module) -> list[nn.Module]:
    """Return the parts of a network that hold weights, from the input to the output.

    They are its children, in the order in which it names them, and the members of its lists:
    for a U-Net the stem, the levels of the encoder, those of the decoder, and the head.
    """
    parts: list[nn.Module] = []
    for child in network.children():
        parts += child if isinstance(child, nn.ModuleList) else [child]
    return [part for part in parts if any(True for _ in part.parameters())]


def freeze(network: nn.Module, count: int) -> None:
    """Let the first `count` stages be as in use, without learning, and the others learn.

    Frozen norms keep their statistics, too.

    Parameters
    ----------
    network : Module
        Changed in place.
    count : int
        See `stages`.

    Raises
    ------
    UsageError
        If nothing would learn.
    """
    total = len(stages(network))
    if count >= total:
        raise UsageError(
            f"The network has {total} stages; at most {total - 1} of them can be frozen, not "
            f"{count}."
        )
    for index, part in enumerate(stages(network)):
        part.train(index >= count)
        for weights in part.parameters():
            weights.requires_grad_(index >= count)
