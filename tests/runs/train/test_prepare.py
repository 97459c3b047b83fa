"""What is decided about the images before a network learns them."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image as Picture

from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.splits import split_dataset
from cellwright.images.image import Image
from cellwright.images.write import write
from cellwright.quality.novelty import Novelty, image_features
from cellwright.runs.train.prepare import novelty_of, object_contract
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field
from datasets.dataset_builders import discs, save


def dataset_of(root, radii):
    for i, radius in enumerate(radii):
        labels = discs((240, 240), radius, step=120)
        save(root / f"images/{i}.tif", (labels > 0).astype(np.uint8) * 100)
        save(root / f"labels/{i}.tif", labels.astype(np.uint16))
    return split_dataset(open_dataset(root), {"train": 1.0})


@pytest.mark.parametrize(
    ("radii", "scale"),
    [
        ((12, 14, 10, 13), 1.0),  # comfortable as they are
        ((45, 40, 50, 42), 48 / 87),  # too large for a network: all are reduced alike
        ((28, 28, 28, 44, 44), 76.8 / 87),  # the larger ones would be too large as they are
        ((4, 8, 16, 40), None),  # of no common size: each image needs its own scale
    ],
)
def test_images_alike_have_a_common_scale(tmp_path, radii, scale):
    contract, _ = object_contract(dataset_of(tmp_path, radii), seed=0)
    assert contract.scale == (None if scale is None else pytest.approx(scale, abs=0.01))


def test_images_alike_are_learned_at_the_scale_at_which_they_will_be_seen(tmp_path):
    """Also those whose objects are larger than is comfortable, instead of at another scale each."""
    pytest.importorskip("torch")
    from cellwright.runs.train.instances import InstanceTask
    from cellwright.runs.train.lesson import Lesson
    from cellwright.runs.train.options import TrainOptions

    radii = (28, 28, 28, 44, 44)
    dataset = dataset_of(tmp_path, radii)
    again = tuple(replace(example, split="val") for example in dataset.examples)
    dataset = replace(dataset, examples=(*dataset.examples, *again))
    contract, _ = object_contract(dataset, seed=0)
    options = TrainOptions(patch=256)
    lesson = Lesson(InstanceTask(), dataset, contract, "offsets", options, (240, 240))
    learning = lesson.task.learning(lesson, lesson.plan(), workers=0)
    seen = [
        2 * np.sqrt(np.max(np.bincount(one.ravel())[1:]) / np.pi)
        for batch in learning.validation_batches()
        for one in batch["labels"]
    ]
    expected = [2 * radius * contract.scale for radius in (28, 44)]
    assert np.unique(np.round(seen, -1)).tolist() == np.round(expected, -1).tolist()


@pytest.mark.parametrize("colours", [("blue", "green"), ("blue",), ()])
def test_a_model_knows_whether_it_learned_from_several_dyes(tmp_path, colours):
    for i in range(4):
        labels = discs((96, 96), 10 + i, step=40)
        pixels = np.zeros((96, 96, 3), np.uint8) if colours else np.full((96, 96, 3), 200, np.uint8)
        pixels[..., 2][labels > 0] = 150 + i
        if "green" in colours:
            pixels[..., 1][np.flip(labels) > 0] = 180
        (tmp_path / "images").mkdir(exist_ok=True)
        Picture.fromarray(pixels).save(tmp_path / f"images/{i}.png")
        save(tmp_path / f"labels/{i}.tif", labels.astype(np.uint16))
    learned = novelty_of(open_dataset(tmp_path).examples, seed=0)
    assert learned["several_dyes"] is (len(colours) == 2)


def test_an_image_that_is_there_several_times_is_not_all_that_a_kind_may_look_like(tmp_path):
    def image(name, seed):
        settings = NucleiSimulation(size=(96, 96), diameter=14, density=0.2)
        pixels, labels = simulate_field(settings, seed)
        write(tmp_path / f"images/{name}.tif", Image(pixels, "YX"))
        save(tmp_path / f"labels/{name}.tif", labels.astype(np.uint16))
        return pixels

    for number in range(4):
        image(f"simulated_{number}", number)
        image(f"rare_{number}", 10)
    (tmp_path / "index.csv").write_text(
        "image,kind\n"
        + "".join(f"{kind}_{i}.tif,{kind}\n" for kind in ("rare", "simulated") for i in range(4))
    )
    learned = Novelty.from_json(novelty_of(open_dataset(tmp_path).examples, seed=0))
    assert [group.name for group in learned.groups] == ["all"]
    assert learned.distance(image_features(image("another", 11)[None])) < 1
