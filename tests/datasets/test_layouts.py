import json
from pathlib import Path

import pytest

from cellwright._errors import DatasetError
from cellwright.datasets.dataset import LAYOUTS, open_dataset
from cellwright.datasets.examples import load_example
from cellwright.datasets.layouts.described import write_description
from cellwright.datasets.records import CocoLabels
from datasets.dataset_builders import discs, paired_folder, save, save_pair


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def pairs(root: Path) -> dict[str, str | None]:
    """Return the label file of each image, relative to the root."""
    found = {}
    for example in open_dataset(root).examples:
        label_file = example.label_file
        found[example.image.relative_to(root).as_posix()] = (
            label_file.relative_to(root).as_posix() if label_file else None
        )
    return found


@pytest.mark.parametrize("images", ["images", "Images", "source", "raw"])
@pytest.mark.parametrize("labels", ["labels", "masks", "target", "label"])
def test_two_folders_pair_by_stem(tmp_path, images, labels):
    touch(tmp_path, f"{images}/b.png", f"{images}/a.tif", f"{labels}/a.tif", f"{labels}/b.tif")
    assert pairs(tmp_path) == {
        f"{images}/a.tif": f"{labels}/a.tif",
        f"{images}/b.png": f"{labels}/b.tif",
    }


def test_split_folders_around_or_inside_of_the_pair(tmp_path):
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    touch(outside, "train/raw/a.tif", "train/label/a.tif", "test/raw/a.tif", "test/label/a.tif")
    touch(inside, "images/training/a.tif", "labels/training/a.tif")
    touch(inside, "images/validation/b.tif", "labels/validation/b.tif")
    assert open_dataset(outside).splits == {"test": 1, "train": 1}
    assert open_dataset(inside).splits == {"train": 1, "val": 1}


def test_files_that_do_not_pair_are_named(tmp_path):
    touch(tmp_path, "images/a.tif", "images/b.tif", "labels/a.tif", "labels/c.tif")
    with pytest.raises(
        DatasetError, match=r"1 image without labels \('b'\) and 1 label image .*'c'"
    ):
        open_dataset(tmp_path)


def test_many_files_that_do_not_pair_are_counted(tmp_path):
    touch(tmp_path, *(f"images/a{i}.tif" for i in range(20)), "labels/x.tif")
    with pytest.raises(DatasetError, match=r"20 images .*'a0', 'a1', 'a2' and 17 more"):
        open_dataset(tmp_path)


def test_one_stem_twice_is_refused(tmp_path):
    touch(tmp_path, "images/a.tif", "images/a.png", "labels/a.tif")
    with pytest.raises(DatasetError, match="same name but for the ending"):
        open_dataset(tmp_path)


def test_two_label_files_of_one_image_are_refused(tmp_path):
    touch(tmp_path, "images/a.tif", "labels/a.tif", "labels/a_mask.tif")
    with pytest.raises(DatasetError, match="both belong to the image 'a'"):
        open_dataset(tmp_path)


def test_cellpose_names(tmp_path):
    touch(tmp_path, "a.tif", "a_masks.tif", "b_img.png", "b_masks.png", "c.tif", "c_cp_masks.png")
    touch(tmp_path, "a_seg.npy", "a_flows.tif", "d_img.tif", "d_img_masks.tif")
    assert pairs(tmp_path) == {
        "a.tif": "a_masks.tif",
        "b_img.png": "b_masks.png",
        "c.tif": "c_cp_masks.png",
        "d_img.tif": "d_img_masks.tif",
    }


def test_cellpose_in_split_folders(tmp_path):
    touch(tmp_path, "train/a.tif", "train/a_masks.tif", "test/b.tif", "test/b_masks.tif")
    assert open_dataset(tmp_path).splits == {"test": 1, "train": 1}


def test_nnunet_channels_belong_to_one_example(tmp_path):
    touch(tmp_path, "dataset.json", "labelsTr/c_1.tif", "labelsTr/c_2.tif")
    touch(tmp_path, *(f"imagesTr/c_{i}_000{c}.tif" for i in (1, 2) for c in (0, 1)))
    dataset = open_dataset(tmp_path)
    assert dataset.layout == "nnU-Net" and dataset.task == "pixel classes"
    names = [[path.name for path in example.images] for example in dataset.examples]
    assert names == [["c_1_0000.tif", "c_1_0001.tif"], ["c_2_0000.tif", "c_2_0001.tif"]]


def test_nnunet_case_with_a_missing_channel(tmp_path):
    touch(tmp_path, "labelsTr/a.tif", "labelsTr/b.tif", "imagesTr/b_0000.tif")
    touch(tmp_path, "imagesTr/a_0000.tif", "imagesTr/a_0001.tif")
    with pytest.raises(DatasetError, match=r"fewer than 2 channel files \('b'\)"):
        open_dataset(tmp_path)


def test_challenge_movie_takes_gold_before_silver_and_notes_the_rest(tmp_path):
    touch(tmp_path, *(f"01/t00{i}.tif" for i in range(4)))
    touch(tmp_path, "01_ST/SEG/man_seg001.tif", "01_ST/SEG/man_seg002.tif")
    touch(tmp_path, "01_GT/SEG/man_seg002.tif", "01_GT/TRA/man_track000.tif")
    dataset = open_dataset(tmp_path)
    assert pairs(tmp_path) == {
        "01/t001.tif": "01_ST/SEG/man_seg001.tif",
        "01/t002.tif": "01_GT/SEG/man_seg002.tif",
    }
    assert {example.group for example in dataset.examples} == {"01"}
    assert "2 of 4 frames are not segmented" in dataset.notes[0]


def test_labels_of_single_planes_are_not_taken_for_those_of_other_frames(tmp_path):
    touch(tmp_path, *(f"01/t00{i}.tif" for i in range(4)), "01_GT/SEG/man_seg_000_003.tif")
    with pytest.raises(DatasetError, match=r"single planes of volumes only.*man_seg_000_003"):
        open_dataset(tmp_path)
    touch(tmp_path, "01_ST/SEG/man_seg003.tif")
    assert pairs(tmp_path) == {"01/t003.tif": "01_ST/SEG/man_seg003.tif"}
    assert "1 label image of single planes" in open_dataset(tmp_path).notes[0]
    touch(tmp_path, "01_ST/SEG/man_seg03.tif")
    with pytest.raises(DatasetError, match="both belong to the image '3'"):
        open_dataset(tmp_path)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("classes: cell", "must be a list of names, not 'cell'"),
        ("- {id: b, images: a.tif, split: held out}", "in the split 'held out'; use train, val"),
    ],
)
def test_a_description_that_would_be_misread_is_refused(tmp_path, line, told):
    touch(tmp_path, "a.tif")
    start = ["format: cellwright dataset 1", "task: instances"]
    listed = ["examples:", "- {id: a, images: a.tif, split: validation}"]
    path = tmp_path / "dataset.yaml"
    path.write_text("\n".join([*start, *listed]), encoding="utf-8")
    assert open_dataset(path).splits == {"val": 1}
    lines = [*start, *listed, line] if line.startswith("-") else [*start, line, *listed]
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(DatasetError, match=told):
        open_dataset(path)


def test_class_folders(tmp_path):
    touch(tmp_path, "train/mitosis/a.png", "train/other/b.png", "test/other/a.png")
    dataset = open_dataset(tmp_path)
    assert dataset.task == "classes of whole images"
    assert dataset.categories == {"mitosis": 1, "other": 2}
    assert dataset.splits == {"test": 1, "train": 2}


def test_views_of_the_same_fields_are_no_classes(tmp_path):
    touch(tmp_path, *(f"{view}/{i}.tif" for view in ("bright", "fluo") for i in range(3)))
    with pytest.raises(DatasetError, match="no known layout"):
        open_dataset(tmp_path)


def test_coco_annotations(tmp_path):
    save(tmp_path / "train" / "a.tif", discs())
    content = {
        "images": [{"id": 7, "file_name": "a.tif", "height": 96, "width": 96}],
        "annotations": [
            {"id": 1, "image_id": 7, "segmentation": [[10, 20, 30, 20, 30, 25, 10, 25]]}
        ],
        "categories": [],
    }
    path = tmp_path / "annotations" / "instances_train.json"
    path.parent.mkdir()
    path.write_text(json.dumps(content))
    (example,) = open_dataset(tmp_path).examples
    assert example.split == "train" and example.labels == CocoLabels(path, 7)
    labels = load_example(example)[1]
    assert labels.sum() == 20 * 5 and (labels[20:25, 10:30] == 1).all()


def test_what_a_run_found_is_no_annotation(tmp_path):
    touch(tmp_path / "images", "a.tif")
    touch(tmp_path / "labels", "a.tif")
    record = {"command": "evaluate", "inputs": [], "images": [], "finished": "now"}
    for name, content in (("run.json", record), ("metrics.json", {"images": 3})):
        (tmp_path / "images" / name).write_text(json.dumps(content))
    assert open_dataset(tmp_path).layout != "COCO"


def test_coco_image_that_is_not_there(tmp_path):
    content = {
        "images": [{"id": 1, "file_name": "gone.tif", "height": 9, "width": 9}],
        "annotations": [],
    }
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(DatasetError, match=r"1 images that are not there \('gone.tif'\)"):
        open_dataset(tmp_path)


def test_unknown_layout_says_what_is_there_and_what_is_known(tmp_path):
    touch(tmp_path, "stuff/a.tif", "b.xyz", "c.xyz")
    with pytest.raises(DatasetError) as caught:
        open_dataset(tmp_path)
    message = str(caught.value)
    assert "'stuff/'" in message and "2 files with .xyz" in message
    assert all(layout in message for layout in LAYOUTS)


@pytest.mark.parametrize("name", ["empty", "absent"])
def test_nothing_there(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match=r"holds nothing|There is no file or folder"):
        open_dataset(tmp_path / name)


def test_hidden_files_are_not_images(tmp_path):
    touch(tmp_path, "images/a.tif", "images/._a.tif", "labels/a.tif", "labels/.DS_Store")
    assert len(open_dataset(tmp_path)) == 1


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_index_gives_splits_kinds_and_groups(tmp_path, delimiter):
    paired_folder(tmp_path, 3)
    text = "File,Split,Modality,plate,remark\na0.tif,training,fluo,p1,x\na1.tif,val,phase,p2,\n"
    (tmp_path / "index.csv").write_text(text.replace(",", delimiter))
    dataset = open_dataset(tmp_path)
    first, second, third = dataset.examples
    assert (first.split, first.kind, first.group) == ("train", "fluo", "p1")
    assert (second.split, second.kind, second.group) == ("val", "phase", "p2")
    assert third.split is None
    assert "Not in index.csv: 1 example ('a2')" in dataset.notes[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,split\na0,train\n", "has the columns x, split, but none for id"),
        ("id,split\na0,sometimes\n", "in the split 'sometimes'"),
        ("id,split\nzzz,train\n", "names none of the 2 examples"),
        ("id,split\na0,train\na0,val\n", "names 'a0' twice"),
    ],
)
def test_index_that_cannot_be_meant(tmp_path, text, message):
    paired_folder(tmp_path, 2)
    (tmp_path / "index.csv").write_text(text)
    with pytest.raises(DatasetError, match=message):
        open_dataset(tmp_path)


def test_description_round_trip(tmp_path):
    paired_folder(tmp_path / "data", 3)
    (tmp_path / "data" / "index.csv").write_text("id,split,kind\na0,train,ä: [x]\na1,val,b\n")
    dataset = open_dataset(tmp_path / "data")
    path = tmp_path / "elsewhere" / "dataset.yaml"
    write_description(dataset, path)
    again = open_dataset(path)
    assert again.task == dataset.task
    for old, new in zip(dataset.examples, again.examples, strict=True):
        assert (old.id, old.split, old.kind) == (new.id, new.split, new.kind)
        assert new.image.resolve() == old.image and new.label_file.resolve() == old.label_file
    assert open_dataset(path.parent).examples == again.examples


@pytest.mark.parametrize(
    "text",
    [
        "just words",
        "format: cellwright dataset 1\ntask: cooking\nexamples: []",
        "format: cellwright dataset 1\ntask: instances\nexamples: [{id: a, images: a.tif, x: 1}]",
        "format: cellwright dataset 1\ntask: instances\nexamples: [{id: a, images: gone.tif}]",
        "!!python/object/apply:os.system ['true']",
        "- a list",
    ],
)
def test_description_that_cannot_be_used(tmp_path, text):
    path = tmp_path / "dataset.yaml"
    path.write_text(text)
    with pytest.raises(DatasetError, match=r"dataset\.yaml"):
        open_dataset(path)


def test_axes_are_passed_to_every_example(tmp_path):
    save_pair(tmp_path / "images" / "a.tif", tmp_path / "labels" / "a.tif")
    assert open_dataset(tmp_path, axes="ZYX").examples[0].axes == "ZYX"


def test_truth_of_the_cell_tracking_challenge_is_no_folder_of_classes(tmp_path):
    touch(tmp_path, "01_GT/SEG/man_seg002.tif", "01_GT/TRA/man_track000.tif")
    with pytest.raises(DatasetError, match="no known layout"):
        open_dataset(tmp_path / "01_GT")


def test_images_alone_are_said_to_have_no_labels(tmp_path):
    touch(tmp_path, "a.tif", "b.tif")
    with pytest.raises(DatasetError, match="has no labels of its images"):
        open_dataset(tmp_path)
