"""A random forest on binned features: grown, stored and asked in compiled kernels.

References
----------
L. Breiman, Random forests, Machine Learning 45 (2001).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from cellwright._errors import ModelError
from cellwright._types import AnyArray, DoubleArray, FloatArray, IntArray

_BINS = 256
_NEVER = _BINS - 1  # no bin is greater
_BLOCK = 512  # samples whose bins stay in the nearest cache while all trees are asked
_CHILD, _FEATURE = np.uint64(24), np.uint64(8)  # where they begin within a node
_FEATURE_BITS, _CUT_BITS = np.uint64(0xFFFF), np.uint64(0xFF)


@dataclass(frozen=True, slots=True)
class Forest:
    """Trees whose nodes lie one after the other, each tree after the one before.

    A node is one word: ``child << 24 | feature << 8 | cut``. It asks whether the bin of one feature
    is greater than the cut: no leads to the child, yes to the node after the child. A leaf is its
    own child and its answer is always no.

    Parameters
    ----------
    roots : ndarray, shape (trees,), uint64
        First node of each tree.
    nodes : ndarray, shape (nodes,), uint64
    shares : ndarray, shape (nodes, classes), float32
        Share of each class among the training samples of a node.
    importance : ndarray, shape (F,), float64
        How much each feature has lowered the impurity, as a share of the total.

    Raises
    ------
    ModelError
        If the arrays are no forest: walking it would leave it, or never end.
    """

    roots: AnyArray
    nodes: AnyArray
    shares: FloatArray
    importance: DoubleArray

    def __post_init__(self) -> None:
        count = len(self.nodes)
        own = np.arange(count, dtype=np.uint64)
        child = self.nodes >> _CHILD
        leaf = child == own
        whole = (
            count > 0
            and len(self.roots) > 0
            and self.shares.shape[:1] == (count,)
            and bool(np.all(self.roots < count))
            and bool(np.all(leaf | ((child > own) & (child + np.uint64(1) < count))))
            and bool(np.all(~leaf | (self.nodes & _CUT_BITS == _NEVER)))
            and bool(np.all(self.nodes >> _FEATURE & _FEATURE_BITS < len(self.importance)))
        )
        if not whole:
            raise ModelError("The trees of the pixel classifier are damaged; train it again.")

    def probabilities(self, codes: AnyArray) -> FloatArray:
        """Return the mean share of each class over the trees.

        Parameters
        ----------
        codes : ndarray, shape (N, F), uint8
            Bins of the features of each sample.

        Returns
        -------
        ndarray, shape (classes, N), float32
        """
        result: FloatArray = _ask(codes, self.roots, self.nodes, self.shares)
        return result


def grow_forest(codes: AnyArray, classes: IntArray, count: int, *, trees: int, seed: int) -> Forest:
    """Grow trees, each on a bootstrap sample, each node on √F features drawn at random.

    Parameters
    ----------
    codes : ndarray, shape (N, F), uint8
        Bins of the features of each training sample.
    classes : ndarray, shape (N,), int64
        0..count-1.
    count : int
        Number of classes.
    trees : int
    seed : int
        The same seed gives the same forest.
    """
    rng = np.random.default_rng(seed)
    samples, features = codes.shape
    columns = np.ascontiguousarray(codes.T)
    tried = max(1, int(np.sqrt(features)))
    importance = np.zeros(features)
    grown = []
    for _ in range(trees):
        drawn = np.bincount(rng.integers(samples, size=samples), minlength=samples)
        state = rng.integers(1, 2**63, size=1, dtype=np.uint64)
        grown.append(_grow(columns, classes, count, drawn, tried, state, importance))
    sizes = [len(tree[0]) for tree in grown]
    roots = np.cumsum([0, *sizes[:-1]]).astype(np.uint64)
    nodes = np.concatenate([tree[0] for tree in grown])
    nodes += np.repeat(roots, sizes) << _CHILD
    shares = np.concatenate([tree[1] for tree in grown])
    return Forest(roots, nodes, shares, importance / max(importance.sum(), 1e-12))


@njit(cache=True)
def _grow(
    columns: AnyArray,
    classes: IntArray,
    count: int,
    drawn: IntArray,
    tried: int,
    state: AnyArray,
    importance: DoubleArray,
) -> tuple[AnyArray, FloatArray]:
    """Grow one tree on the samples that were drawn, each as often as it was drawn."""
    members = np.nonzero(drawn)[0]
    most = 2 * len(members)
    nodes, shares = np.empty(most, np.uint64), np.zeros((most, count), np.float32)
    begin, end = np.zeros(most, np.int64), np.zeros(most, np.int64)
    order = np.arange(len(columns))
    histogram = np.zeros((_BINS, count), np.int64)
    end[0] = len(members)
    known, node = 1, 0
    while node < known:
        own = members[begin[node] : end[node]]
        total = np.zeros(count, np.int64)
        for i in own:
            total[classes[i]] += drawn[i]
        size = total.sum()
        shares[node] = total / size
        nodes[node] = _node(node, 0, _NEVER)
        if total.max() < size:
            before = np.sum(total**2) / size
            best, split, cut = before + 1e-9 * size, -1, 0
            for k in range(len(order)):
                if k >= tried and split >= 0:
                    break
                other = k + _draw(state, len(order) - k)
                order[k], order[other] = order[other], order[k]
                column = columns[order[k]]
                score, at = _best_cut(column, own, classes, drawn, total, histogram)
                if score > best:
                    best, split, cut = score, order[k], at
            if split >= 0:
                importance[split] += best - before
                nodes[node] = _node(known, split, cut)
                middle = begin[node] + _partition(own, columns[split], cut)
                begin[known], end[known] = begin[node], middle
                begin[known + 1], end[known + 1] = middle, end[node]
                known += 2
        node += 1
    return nodes[:known].copy(), shares[:known].copy()


@njit(cache=True)
def _node(child: int, feature: int, cut: int) -> np.uint64:
    """Pack a node into one number: where its children are, what it asks, and where it cuts."""
    return (np.uint64(child) << _CHILD) | (np.uint64(feature) << _FEATURE) | np.uint64(cut)


@njit(cache=True)
def _best_cut(
    column: AnyArray,
    own: IntArray,
    classes: IntArray,
    drawn: IntArray,
    total: IntArray,
    histogram: IntArray,
) -> tuple[float, int]:
    """Return the purest cut of some samples by one feature, and how pure it is.

    Purity is Σ n(class)² / n, summed over both sides: it is highest where the Gini impurity,
    weighted by size, is lowest. `histogram` is all 0 before and after.
    """
    low, high = _BINS, -1
    for i in own:
        code = column[i]
        histogram[code, classes[i]] += drawn[i]
        low, high = min(low, code), max(high, code)
    size = total.sum()
    count = len(total)
    left = np.zeros(count, np.int64)
    best, at, previous, below = -1.0, 0, -1, 0
    for code in range(low, high + 1):
        here = histogram[code].sum()
        if here == 0:
            continue
        if below > 0:
            pure_left, pure_right = 0.0, 0.0
            for k in range(count):
                pure_left += float(left[k]) ** 2
                pure_right += float(total[k] - left[k]) ** 2
            score = pure_left / below + pure_right / (size - below)
            if score > best:
                best, at = score, (previous + code - 1) // 2
        for k in range(count):
            left[k] += histogram[code, k]
            histogram[code, k] = 0
        below += here
        previous = code
    return best, at


@njit(cache=True)
def _partition(own: IntArray, column: AnyArray, cut: int) -> int:
    """Move the samples that are not above `cut` to the front and return how many they are."""
    front, back = 0, len(own)
    while front < back:
        if column[own[front]] <= cut:
            front += 1
        else:
            back -= 1
            own[front], own[back] = own[back], own[front]
    return front


@njit(cache=True)
def _draw(state: AnyArray, bound: int) -> int:
    """Return a number below `bound` from a xorshift generator with one word of state."""
    word = state[0]
    word ^= word << np.uint64(13)
    word ^= word >> np.uint64(7)
    word ^= word << np.uint64(17)
    state[0] = word
    return int((word >> np.uint64(33)) % np.uint64(bound))


@njit(cache=True)
def _ask(codes: AnyArray, roots: AnyArray, nodes: AnyArray, shares: FloatArray) -> FloatArray:
    """Walk all samples down all trees and return the mean shares of the leaves they come to."""
    samples, count = len(codes), shares.shape[1]
    result = np.zeros((count, samples), np.float32)
    leaves = np.empty(_BLOCK, np.uint64)
    part = np.float32(1 / len(roots))
    for first in range(0, samples, _BLOCK):
        block = codes[first : first + _BLOCK]
        for root in roots:
            _walk(block, root, nodes, leaves)
            for k in range(count):
                target = result[k, first : first + _BLOCK]
                for i in range(len(block)):
                    target[i] += part * shares[leaves[i], k]
    return result


@njit(cache=True)
def _walk(codes: AnyArray, root: np.uint64, nodes: AnyArray, leaves: AnyArray) -> None:
    """Find the leaf of each sample: eight side by side, since each step waits for the last one."""
    eights = len(codes) - len(codes) % 8
    for i in range(0, eights, 8):
        r0, r1, r2, r3 = codes[i], codes[i + 1], codes[i + 2], codes[i + 3]
        r4, r5, r6, r7 = codes[i + 4], codes[i + 5], codes[i + 6], codes[i + 7]
        a0 = a1 = a2 = a3 = a4 = a5 = a6 = a7 = root
        while True:
            b0, b1 = _step(nodes[a0], r0), _step(nodes[a1], r1)
            b2, b3 = _step(nodes[a2], r2), _step(nodes[a3], r3)
            b4, b5 = _step(nodes[a4], r4), _step(nodes[a5], r5)
            b6, b7 = _step(nodes[a6], r6), _step(nodes[a7], r7)
            moved = (a0 ^ b0) | (a1 ^ b1) | (a2 ^ b2) | (a3 ^ b3)
            moved |= (a4 ^ b4) | (a5 ^ b5) | (a6 ^ b6) | (a7 ^ b7)
            if moved == 0:
                break
            a0, a1, a2, a3, a4, a5, a6, a7 = b0, b1, b2, b3, b4, b5, b6, b7
        leaves[i], leaves[i + 1], leaves[i + 2], leaves[i + 3] = a0, a1, a2, a3
        leaves[i + 4], leaves[i + 5], leaves[i + 6], leaves[i + 7] = a4, a5, a6, a7
    for i in range(eights, len(codes)):
        at, then = root, _step(nodes[root], codes[i])
        while at != then:
            at, then = then, _step(nodes[then], codes[i])
        leaves[i] = at


@njit(cache=True)
def _step(node: np.uint64, row: AnyArray) -> np.uint64:
    """Return where a node leads a sample."""
    above = row[(node >> _FEATURE) & _FEATURE_BITS] > (node & _CUT_BITS)
    return (node >> _CHILD) + np.uint64(above)
