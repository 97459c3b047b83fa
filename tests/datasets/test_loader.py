import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cellwright._errors import CellwrightError, DatasetError, UsageError
from cellwright.datasets.augmentation import augmentation
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.loader import balanced_weights, batches
from cellwright.datasets.records import Example
from cellwright.datasets.sampler import Patches
from cellwright.images.normalise import Normalisation
from datasets.dataset_builders import discs, paired_folder, save


def foreground(pixels, labels):
    return {"foreground": (labels > 0).astype(np.float32)}


def fail(pixels, labels):
    raise ZeroDivisionError("no luck")


PATCHES = Patches(
    shape=(32, 40),
    batch_size=3,
    augmentation=augmentation("standard"),
    normalisation=Normalisation(),
    transform=foreground,
)


@pytest.fixture
def examples(tmp_path):
    return open_dataset(paired_folder(tmp_path, 5)).examples


def same(first, second):
    return first.keys() == second.keys() and all(np.array_equal(first[k], second[k]) for k in first)


def test_batches_hold_pixels_and_targets(examples):
    found = list(batches(examples, PATCHES, steps=2))
    assert len(found) == 2
    assert found[0]["pixels"].shape == (3, 1, 32, 40) and found[0]["pixels"].dtype == np.float32
    assert found[0]["foreground"].shape == (3, 32, 40)
    plain = next(batches(examples, replace(PATCHES, transform=None), steps=1))
    assert plain["labels"].dtype == np.int32


def test_any_number_of_workers_gives_the_same(examples):
    alone = list(batches(examples, PATCHES, steps=5))
    together = list(batches(examples, PATCHES, steps=5, workers=2))
    assert len(together) == 5 and all(map(same, alone, together))


def test_resuming_goes_on_as_if_never_stopped(examples):
    through = list(batches(examples, PATCHES, steps=9))
    resumed = list(batches(examples, PATCHES, steps=9, first_step=6))
    assert len(resumed) == 3 and all(map(same, through[6:], resumed))
    assert not same(through[0], through[1])


def test_another_seed_gives_other_patches(examples):
    first = next(batches(examples, PATCHES, steps=1))
    other = next(batches(examples, PATCHES, seed=6, steps=1))
    assert not same(first, other)


def numbered(tmp_path, count):
    """Examples whose pixels are their number everywhere."""
    labels = save(tmp_path / "l.tif", np.zeros((16, 16), np.uint8))
    return [
        Example(str(i), (save(tmp_path / f"{i}.tif", np.full((16, 16), i, np.uint8)),), labels)
        for i in range(count)
    ]


class Unchanged(Normalisation):
    def apply(self, pixels, limits):
        return pixels.astype(np.float32)


PLAIN = Patches(
    shape=(8, 8), batch_size=2, augmentation=augmentation("none"), normalisation=Unchanged()
)


def test_every_example_is_visited_before_any_again(tmp_path):
    found = batches(numbered(tmp_path, 7), PLAIN, steps=7)
    order = [int(patch.flat[0]) for batch in found for patch in batch["pixels"]]
    assert sorted(order[:7]) == sorted(order[7:]) == list(range(7))
    assert order[:7] != order[7:]


def test_weights_decide_how_often(tmp_path):
    weights = [0, 1, 3, 0]
    found = batches(numbered(tmp_path, 4), replace(PLAIN, batch_size=50), steps=8, weights=weights)
    counts = np.bincount(
        [int(patch.flat[0]) for batch in found for patch in batch["pixels"]], minlength=4
    )
    assert counts[0] == counts[3] == 0 and 2 < counts[2] / counts[1] < 4.5


@pytest.mark.parametrize("weights", [[1, 2], [0, 0, 0, 0, 0], [1, 1, 1, 1, -1], [np.nan] * 5])
def test_impossible_weights_are_refused(examples, weights):
    with pytest.raises(UsageError, match="weights"):
        batches(examples, PATCHES, steps=1, weights=weights)


def test_balanced_weights_make_kinds_equally_likely():
    examples = [Example(str(i), (Path("x"),), kind="a" if i < 9 else "b") for i in range(10)]
    weights = balanced_weights(examples)
    assert weights[:9].sum() == pytest.approx(0.5) and weights.sum() == pytest.approx(1)


def test_normalisation_limits_come_from_the_whole_image(tmp_path):
    pixels = np.zeros((64, 64), np.uint8)
    pixels[:, 32:] = 200
    image = save(tmp_path / "i.tif", pixels)
    labels = save(tmp_path / "l.tif", np.zeros((64, 64), np.uint8))
    found = batches(
        [Example("i", (image,), labels)],
        replace(PLAIN, batch_size=40, normalisation=Normalisation()),
        steps=1,
    )
    assert set(np.unique(next(found)["pixels"])) == {0.0, 1.0}


def test_volumes_and_wrong_patch_shapes(tmp_path, examples):
    image = save(tmp_path / "v.tif", np.zeros((6, 20, 20), np.uint8))
    volume = [Example("v", (image,), image)]
    patches = replace(PATCHES, shape=(4, 16, 16))
    assert next(batches(volume, patches, steps=1))["pixels"].shape == (3, 1, 4, 16, 16)
    with pytest.raises(DatasetError, match=r"v\.tif' has 3 spatial axes, but patches have 2"):
        next(batches(volume, PATCHES, steps=1))


def test_channels_are_made_to_fit(tmp_path, examples):
    two = tuple(save(tmp_path / f"{c}.tif", discs().astype(np.uint8)) for c in "xy")
    mixed = [examples[0], replace(examples[1], images=two)]
    patches = replace(PATCHES, batch_size=2)
    with pytest.raises(DatasetError, match=r"number of channels \(1, 2\)"):
        next(batches(mixed, patches, steps=1))
    assert next(batches(mixed, replace(patches, channels=1), steps=1))["pixels"].shape[1] == 1


def test_empty_patches_hold_noise_and_no_objects(examples):
    patches = replace(PATCHES, augmentation=replace(augmentation("none"), empty=1.0))
    batch = next(batches(examples, patches, steps=1))
    assert not batch["foreground"].any()
    assert batch["pixels"].std() > 0.1 and batch["pixels"].min() >= -1


def test_nothing_to_train_on():
    with pytest.raises(DatasetError, match="no examples"):
        batches([], PATCHES, steps=1)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_broken_file_is_named(examples, workers):
    examples[2].image.write_bytes(b"II*\0 and no more")
    with pytest.raises(CellwrightError, match=r"a2\.tif"):
        list(batches(examples, PATCHES, steps=4, workers=workers))


def test_a_failing_transform_names_the_example(examples):
    patches = replace(PATCHES, transform=fail)
    with pytest.raises(DatasetError, match=r"a\d\.tif.*ZeroDivisionError: no luck"):
        list(batches(examples, patches, steps=1))


def test_stopping_early_leaves_no_process_behind(examples):
    import multiprocessing

    found = batches(examples, PATCHES, steps=1000, workers=1)
    next(found)
    found.close()
    assert not multiprocessing.active_children()


SCRIPT = """
import sys
from pathlib import Path
from cellwright.datasets.augmentation import augmentation
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.loader import batches
from cellwright.datasets.sampler import Patches
from cellwright.images.normalise import Normalisation

if __name__ == "__main__":
    import multiprocessing
    found = batches(
        open_dataset(Path(sys.argv[1])).examples,
        Patches((32, 32), 2, augmentation("light"), Normalisation()),
        steps=10**9,
        workers=1,
    )
    next(found)
    print(*(child.pid for child in multiprocessing.active_children()), flush=True)
    for batch in found:
        pass
"""


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def hear_interrupts():
    """What a shell starts in the background ignores Ctrl-C, and hands that down."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_their_parent(tmp_path, how):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    folder = paired_folder(tmp_path / "data", 2)
    parent = subprocess.Popen(
        [sys.executable, str(script), str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=hear_interrupts,
    )
    with parent:
        workers = [int(pid) for pid in parent.stdout.readline().split()]
        os.kill(parent.pid, how)
    assert workers
    deadline = time.monotonic() + 10
    while any(map(alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(alive, workers))


def test_memory_of_decoded_images_is_bounded(examples, monkeypatch):
    from cellwright.datasets import sampler

    caches = []
    new_cache = sampler.Sampler.new_cache
    monkeypatch.setattr(
        sampler.Sampler, "new_cache", lambda self: caches.append(new_cache(self)) or caches[-1]
    )
    limit = 2 * 96 * 96 * 2 + 2000
    list(batches(examples, PATCHES, steps=6, cache_bytes=limit))
    assert 0 < caches[0].used <= limit
