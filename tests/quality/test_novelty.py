import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from cellwright._errors import InputError, ModelError
from cellwright.images.read import read
from cellwright.quality.novelty import Novelty, fit_novelty, image_features


def textures(kind, count, seed):
    """Small images of smooth waves or of sparse dots, every one different."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:96, :96]
    for _ in range(count):
        noise = random.normal(0, 0.02, (1, 96, 96))
        if kind == "waves":
            yield noise + np.sin(y / random.uniform(6, 9)) * np.sin(x / random.uniform(6, 9))
        else:
            yield noise + (random.random((1, 96, 96)) < random.uniform(0.01, 0.02))


def features(kind, count, seed):
    return np.array([image_features(image) for image in textures(kind, count, seed)])


def test_features_do_not_change_with_brightness_and_contrast():
    (image,) = textures("dots", 1, seed=0)
    np.testing.assert_allclose(
        image_features(image), image_features(image * 300 + 1000), rtol=1e-3, atol=1e-3
    )


def test_other_images_are_far_and_new_ones_of_the_same_kind_near():
    novelty = fit_novelty(features("waves", 60, seed=1), ["waves"] * 60)
    same = [novelty.distance(each) for each in features("waves", 30, seed=2)]
    other = [novelty.distance(each) for each in features("dots", 30, seed=3)]
    assert np.median(same) < 1 < 2 < min(other)


def test_what_lies_between_two_kinds_is_like_neither():
    both = np.vstack([features("waves", 60, seed=1), features("dots", 60, seed=2)])
    between = both[:60].mean(axis=0) / 2 + both[60:].mean(axis=0) / 2
    kinds = ["waves"] * 60 + ["dots"] * 60
    assert fit_novelty(both, ["any"] * 120).distance(between) < 1
    assert fit_novelty(both, kinds).distance(between) > 1


@pytest.mark.parametrize(("count", "most"), [(3, 0.2), (5, 0.2), (10, 0.1), (40, 0.05)])
@pytest.mark.parametrize("kind", ["dots", "waves"])
def test_new_images_of_the_kind_are_hardly_ever_called_unlike(kind, count, most):
    new = features(kind, 40, seed=5)
    beyond = []
    for seed in range(5):
        novelty = fit_novelty(features(kind, count, seed), [kind] * count)
        beyond += [novelty.distance(each) > 1 for each in new]
    assert np.mean(beyond) < most


@pytest.mark.parametrize("count", [5, 10, 40])
def test_other_images_are_called_unlike_after_few_training_images(count):
    novelty = fit_novelty(features("waves", count, seed=1), ["waves"] * count)
    other = [novelty.distance(each) > 1 for each in features("dots", 20, seed=3)]
    assert np.mean(other) > 0.9


def test_a_record_survives_json():
    novelty = fit_novelty(features("dots", 10, seed=5), ["dots"] * 10)
    for one in (novelty, replace(novelty, several_dyes=True)):
        assert Novelty.from_json(json.loads(json.dumps(one.to_json()))) == one


def test_a_record_of_older_models_is_read():
    content = fit_novelty(features("dots", 5, seed=5), ["dots"] * 5).to_json()
    del content["several_dyes"]
    assert not Novelty.from_json(content).several_dyes


@pytest.mark.parametrize("change", [{"groups": []}, {"groups": [{"name": "x"}]}, {"limit": None}])
def test_a_damaged_record_is_refused(change):
    content = fit_novelty(features("dots", 5, seed=5), ["dots"] * 5).to_json() | change
    with pytest.raises(ModelError, match="damaged"):
        Novelty.from_json(content)


def test_a_kind_of_two_images_is_refused():
    with pytest.raises(InputError, match="'waves'"):
        fit_novelty(features("waves", 2, seed=0), ["waves"] * 2)


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 2, 5), (1, 40, 3)])
def test_tiny_and_constant_images_have_finite_features(shape):
    assert np.isfinite(image_features(np.zeros(shape, np.uint8))).all()


@pytest.mark.data
def test_other_microscopes_are_told_from_fluorescence_of_another_lab(data_folder):
    with (data_folder / "dsb2018" / "index.csv").open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["modality"].startswith("fluo")]
    novelty = fit_novelty(
        np.array([of_file(data_folder / "dsb2018" / "images", row["id"]) for row in rows[::4]]),
        [row["modality"] for row in rows[::4]],
    )
    near = folder_features(data_folder / "focus_bbbc006" / "sharp")
    far = [
        *folder_features(data_folder / "em_sstem" / "raw"),
        *folder_features(data_folder / "usiigaci_phase" / "images"),
    ]
    assert max(novelty.distance(each) for each in near) < 1
    assert min(novelty.distance(each) for each in far) > 1


def of_file(folder, stem):
    (path,) = folder.glob(f"{stem}.*")
    pixels = read(path).to_numpy()
    return image_features(pixels if pixels.ndim == 3 else pixels[np.newaxis])


def folder_features(folder):
    return [of_file(folder, path.stem) for path in sorted(folder.iterdir())[:4]]
