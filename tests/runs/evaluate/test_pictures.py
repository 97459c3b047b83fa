from pathlib import Path
from types import SimpleNamespace

import numpy as np

from cellwright.datasets.records import Example
from cellwright.images.image import Image
from cellwright.runs.evaluate.pictures import drawn_plane, worst_and_best
from cellwright.runs.evaluate.subsets import facts_of, scores_of_each, subsets_of


class Evaluation:
    """One whose images have the scores 0 to 9, and whose objects have the number of the image."""

    def table(self):
        return {"image": np.array([str(i) for i in range(10)]), "F1": np.arange(10) / 10}

    def drawn(self, scored):
        number = int(scored.example.id)
        return np.full((8, 8), number), np.full((8, 8), -number)


def test_the_worst_and_the_best_are_shown_with_their_own_pictures():
    examples = [Example(str(i), (Path(f"{i}.tif"),)) for i in range(10)]

    def score(some):
        image = Image(np.zeros((1, 8, 8), np.uint8), "CYX")
        return [SimpleNamespace(example=one, image=image) for one in some]

    shown = worst_and_best(Evaluation(), "F1", examples, score, lambda row: f"F1 {row['F1']}")
    assert [one.name for one in shown] == ["0", "1", "2", "3", "6", "7", "8", "9"]
    assert shown[4].note == "F1 0.6"
    assert (shown[4].truth == 6).all() and (shown[4].predicted == -6).all()


def test_volumes_are_shown_by_their_middle_plane():
    depth = np.arange(5)[:, None, None] * np.ones((1, 4, 4), int)
    evaluation = SimpleNamespace(drawn=lambda _: (depth, depth + 10))
    scored = SimpleNamespace(image=Image(depth[None], "CZYX"))
    image, truth, found = drawn_plane(evaluation, scored)
    assert image.axes == "CYX" and (image.to_numpy() == 2).all()
    assert (truth == 2).all() and (found == 12).all()


def test_an_image_counts_in_all_its_kind_and_its_group():
    example = Example("a", (Path("a.tif"),), group="g", kind="k: l")
    assert subsets_of(example) == ("", "kind: k: l", "group: g")
    assert subsets_of(Example("a", (Path("a.tif"),))) == ("",)
    scores = {"": 1, "kind: k: l": 2, "group: g": 3}
    assert scores_of_each("kind", scores, lambda n: {"n": n}) == {"k: l": {"n": 2}}
    assert facts_of(example) == {"image": "a", "kind": "k: l", "group": "g"}
