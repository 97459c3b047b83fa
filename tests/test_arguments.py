"""Wrong calls from Python are told in words, before anything is read or written."""

from pathlib import Path

import numpy as np
import pytest

import cellwright as cw

PLANE = np.zeros((4, 5))
LABELS = np.zeros((2, 6, 6), int)
LABELS[:, 2:4, 2:4] = 1
IMAGE = cw.Image(LABELS.astype(np.int32), "TYX")
WRONG = {
    "pixels in a list": (lambda out: cw.Image([[1, 2]], "YX"), "an array, not a list"),
    "axes as a number": (lambda out: cw.Image(PLANE, 2), "letters, such as 'CYX', not 2"),
    "one pixel size": (lambda out: cw.Image(PLANE, "YX", pixel_size=0.5), "for each of the axes"),
    "one text of names": (
        lambda out: cw.Image(np.zeros((3, 4, 5)), "CYX", channel_names="RGB"),
        "channel names are several",
    ),
    "spots as a number": (lambda out: cw.detect(["a.tif"], out, spots=4), "SpotSettings"),
    "pixels to segment": (lambda out: cw.segment(PLANE, out), r"path.*shape \(4, 5\).*in memory"),
    "no output": (lambda out: cw.segment("a.tif", None), "output must be a path.*not None"),
    "a dictionary": (lambda out: cw.segment("a.tif", out, options={}), "SegmentOptions.*a dict"),
    "a text of a number": (lambda out: cw.SegmentOptions(threshold="0.5"), "must be a number"),
    "a channel between two": (lambda out: cw.SegmentOptions(channel=1.5), "name or the number"),
    "nothing to read": (lambda out: cw.read(None), "path must be a path"),
    "write, swapped": (lambda out: cw.write(PLANE, out), "path must be a path"),
    "a model without a name": (lambda out: cw.load_model(None), "model must be a path"),
    "another device": (lambda out: cw.load_model("nuclei", device="gpu"), "auto, cpu, cuda.*'gpu'"),
    "mirrors, no": (lambda out: cw.load_model("nuclei", tta="no"), "tta must be True or False"),
    "no threads": (lambda out: cw.load_model("nuclei", threads=0), "threads.*1 or more, not 0"),
    "device of detect": (lambda out: cw.detect(["a.tif"], out, device="gpu"), "device"),
    "no tile": (lambda out: cw.SegmentOptions(tile=0), "tile must be a whole number"),
    "half a tile": (lambda out: cw.SegmentOptions(tile=64.5), "tile must be a whole number"),
    "no as a text": (lambda out: cw.SegmentOptions(exclude_border="no"), "True or False, not 'no'"),
    "overlaps as 1": (lambda out: cw.SegmentOptions(overlaps=1), "overlaps must be True or False"),
    "no least size": (lambda out: cw.SegmentOptions(min_size=None), "min_size must be 0 px"),
    "endless objects": (lambda out: cw.SegmentOptions(diameter=float("inf")), "diameter must be"),
    "axes of options": (lambda out: cw.SegmentOptions(axes=3), "axes must be a text"),
    "half a job": (lambda out: cw.segment("a.tif", out, jobs=1.5), "jobs must be a whole number"),
    "dark as a text": (lambda out: cw.SpotSettings(4.0, dark="no"), "dark must be True or False"),
    "overwriting, no": (
        lambda out: cw.write(out.with_suffix(".tif"), PLANE, overwrite="no"),
        "overwrite must be True or False",
    ),
    "a level as a text": (lambda out: cw.read("a.tif", level="1"), "level must be a number"),
    "a region as a text": (lambda out: IMAGE.region(t="0"), "T must be a slice or a number"),
    "a frame too many": (lambda out: IMAGE.region(t=2), "T must be .* below 2, not 2"),
    "an image without name": (lambda out: cw.Image(PLANE, "YX", name=3), "name must be a text"),
    "path of labels": (lambda out: cw.measure("a.tif"), r"labels.*'a.tif'.*cellwright measure"),
    "labels as an image": (lambda out: cw.measure(IMAGE), r"an Image.*to_numpy\(\)"),
    "path of an image": (lambda out: cw.measure(LABELS[0], "a.tif"), "image.*cellwright.read"),
    "folder of a movie": (lambda out: cw.track("movie"), r"'movie'.*'cellwright track'"),
    "paths of frames": (lambda out: cw.track(["a.tif"]), "Frame 0 of labels must be an array"),
    "planes as a movie": (
        lambda out: cw.track(LABELS, cw.Image(LABELS.astype(np.int32), "ZYX")),
        r"images must be the frames of a movie.*no time axis.*axes='TYX'",
    ),
    "a number as an array": (lambda out: cw.track(np.array(3)), "labels must be the frames of"),
    "half of the sizes": (
        lambda out: cw.track(LABELS, pixel_size=[1.0, [1.0, 2.0]]),
        r"pixel_size\[1\] must be a number above 0, not a list",
    ),
    "divisions, no": (lambda out: cw.track(LABELS, divisions="no"), "divisions must be True or"),
    "half a gap": (lambda out: cw.track(LABELS, max_gap=1.5), "max_gap must be a whole number"),
    "distance, text": (lambda out: cw.track(LABELS, max_distance="5"), "max_distance must be a"),
    "one size": (lambda out: cw.track(LABELS, pixel_size=0.5), "pixel_size must be one number"),
    "sizes as texts": (
        lambda out: cw.track(LABELS, pixel_size=("a", "b")),
        r"pixel_size\[0\] must",
    ),
    "a region outside": (lambda out: IMAGE.region(y=slice(6, 9)), "Nothing of 'image'.* 0 to 5"),
    "a region of nothing": (lambda out: IMAGE.region(x=slice(3, 3)), "Nothing of 'image' lies"),
    "axes of nowhere": (
        lambda out: cw.SegmentOptions(axes="QYX"),
        "'QYX' must be different letters",
    ),
    "axes of a training": (lambda out: cw.TrainOptions(axes="YYX"), "must be different letters"),
    "workers below 0": (
        lambda out: cw.train("a", out, workers=-1),
        "workers must be a whole number",
    ),
    "no threads to learn": (lambda out: cw.train("a", out, threads=0), "threads must be a whole"),
    "device of train": (lambda out: cw.train("a", out, device="gpu"), "device is one of.*'gpu'"),
    "training over, no": (lambda out: cw.train("a", out, overwrite="no"), "overwrite must be True"),
    "threshold of scores": (
        lambda out: cw.evaluate("nuclei", "a", out, threshold=float("nan")),
        "threshold must be a number from 0 to 1, not nan",
    ),
    "a split as a number": (lambda out: cw.evaluate("nuclei", "a", out, split=3), "split must be"),
    "labels in a list": (lambda out: cw.write_labels(out, [[0, 1]]), "array of integers.*a list"),
    "labels in an image": (lambda out: cw.write_labels(out, IMAGE), r"image.to_numpy\(\)"),
    "labels in a row": (lambda out: cw.write_labels(out, LABELS[0, 0]), "axes Y and X"),
    "like a path": (
        lambda out: cw.write_labels(out, LABELS, like="a.tif"),
        "like must be an image",
    ),
    "no source": (lambda out: cw.import_model(None), "source must be a path"),
    "options of compare": (lambda out: cw.compare("a", out, {"minutes": 3}), "CompareOptions"),
    "no images to compare": (lambda out: cw.compare(None, out), "dataset must be a path"),
    "device of compare": (lambda out: cw.compare("a", out, device="gpu"), "device is one of"),
    "half a fold": (lambda out: cw.CompareOptions(folds=2.5), "folds must be a whole number"),
    "search, no": (lambda out: cw.CompareOptions(search="no"), "search must be True or False"),
}


@pytest.mark.parametrize(("call", "said"), WRONG.values(), ids=WRONG)
def test_wrong_arguments_are_told(tmp_path: Path, call, said) -> None:
    with pytest.raises(cw.CellwrightError, match=said):
        call(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_channel_is_all_channels() -> None:
    assert cw.SegmentOptions(channel=None).channel == ()
    assert cw.SegmentOptions(channel=0).channel == ("0",)


@pytest.mark.parametrize("name", ["nuclei", "blood"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"tile": 0}, "tile must be a whole number, 32 or more, not 0"),
        ({"tile": -5}, "tile must be"),
        ({"tile": 100.5}, "tile must be"),
        ({"diameter": "30"}, "diameter must be 1 px or more, not '30'"),
        ({"diameter": 0}, "diameter must be 1 px or more, not 0"),
        ({"diameter": 1e9}, "1e\\+09 px across do not fit into an image of 40 × 40 px"),
        ({"exclude_border": "no"}, "exclude_border must be True or False"),
    ],
)
def test_a_model_refuses_wrong_arguments(name: str, arguments, said) -> None:
    with pytest.raises(cw.UsageError, match=said):
        cw.load_model(name).detect(np.zeros((40, 40, 3), np.uint8), **arguments)


@pytest.mark.parametrize("min_size", [-5, None, float("nan")])
def test_a_least_size_is_a_size(min_size) -> None:
    with pytest.raises(cw.UsageError, match="min_size must be 0 px or more"):
        cw.load_model("nuclei").segment(np.zeros((40, 40)), min_size=min_size)


def test_results_are_not_replaced_where_no_is_a_text(tmp_path: Path) -> None:
    cw.write(tmp_path / "images" / "a.tif", PLANE)
    out = tmp_path / "out"
    cw.segment(tmp_path / "images", out)
    with pytest.raises(cw.UsageError, match="overwrite must be True or False, not 'no'"):
        cw.segment(tmp_path / "images", out, options=cw.SegmentOptions(min_size=9), overwrite="no")
    assert (out / "labels" / "a.tif").exists()


def test_labels_are_written_as_they_are_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(cw.OutputError, match="labels from 0 to 70000"):
        cw.write_labels(tmp_path / "a.tif", LABELS * 70_000, largest=1)
    assert not (tmp_path / "a.tif").exists()


def test_labels_and_image_that_were_swapped_are_told() -> None:
    grey = np.random.default_rng(0).integers(1, 200, (40, 40))
    with pytest.warns(UserWarning, match=r"^Not labels: .*grey values, not objects"):
        cw.measure(grey, LABELS[0].repeat(7, 0).repeat(7, 1)[:40, :40])
