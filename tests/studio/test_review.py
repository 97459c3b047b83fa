"""Reviewing results over the server: tables, places, marks, crops, export."""

import io
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image as Picture
from starlette.routing import Route

import cellwright as cw
from cellwright._errors import InputError, OutputError, UsageError
from cellwright.images.read import read_labels
from cellwright.measure.tables import read_csv
from cellwright.runs.segment.options import SegmentOptions
from cellwright.runs.segment.run import segment_images
from cellwright.studio.project import find_project
from cellwright.studio.review_app import make_review_app
from cellwright.studio.review_open import open_result
from cellwright.studio.review_openapi import OPERATIONS
from cellwright.tracking.formats.ctc import read_ctc

from .reviewing import ReviewServer, detected, segmented, tracked


@pytest.fixture(scope="module")
def outlines(tmp_path_factory):
    return segmented(tmp_path_factory.mktemp("outlines"))


@pytest.fixture
def results(outlines, tmp_path):
    """A copy of a result of two images, which are where they were."""
    return shutil.copytree(outlines, tmp_path / "results")


@pytest.fixture
def review():
    """Start servers that end with the test."""
    servers = []

    def start(folder, images=None):
        servers.append(ReviewServer(folder, images))
        return servers[-1].client

    start.servers = servers
    yield start
    for server in servers:
        server.stop()


def rows(client, **query):
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    raw = client.done(f"/api/tables/objects/rows?{asked}")
    return np.frombuffer(raw, "<i4").tolist()


def column(client, name, table="objects"):
    return np.frombuffer(client.done(f"/api/tables/{table}/column?name={name}"), "<f8")


def geometry(client, number=0):
    names = client.done("/api/review")["geometry"]
    values = np.frombuffer(client.done(f"/api/images/{number}/objects"), "<f8")
    return {name: values.reshape(-1, len(names))[:, i] for i, name in enumerate(names)}


def test_tables_are_sorted_and_filtered(review, results):
    client = review(results)
    area = column(client, "area")
    assert rows(client, sort="area") == np.argsort(area, kind="stable").tolist()
    condition = "area%20%3E%20400%20and%20image%20=%20field_1"
    large = rows(client, where=condition, sort="area", descending=1)
    image = column(client, "image")
    expected = [row for row in np.argsort(-area, kind="stable") if area[row] > 400 and image[row]]
    assert large == expected and large
    told = client.done("/api/tables/objects/condition?where=aria%3E5")["wrong"]
    assert "area" in told and client("/api/tables/objects/rows?where=aria%3E5")[0] == 400
    about = client.done("/api/tables/objects")
    kinds = {one["name"]: one["kind"] for one in about["columns"]}
    assert kinds["image"] == "text" and kinds["confidence"] == "f" and kinds["excluded"] == "mark"


def test_an_object_is_where_its_labels_are(review, results):
    client = review(results)
    where = geometry(client, 1)
    tile = np.frombuffer(client.done("/api/images/1/labels?level=0&row=0&column=0"), "<i4")
    labels = tile.reshape(204, 264)[2:-2, 2:-2]
    assert sorted(np.unique(labels[labels > 0])) == sorted(where["label"])
    for i in range(0, len(where["row"]), 5):
        row = int(where["row"][i])
        y, x = np.argwhere(labels == where["label"][i])[0]
        assert client.done(f"/api/images/1/values?y={y}&x={x}")["row"] == row
        told = client.done(f"/api/objects/{row}")
        assert told["image"] == 1 and told["values"]["label"] == where["label"][i]
        middle = np.argwhere(labels == where["label"][i]).mean(axis=0) + 0.5
        np.testing.assert_allclose(told["centre"], middle)
    empty = np.argwhere(labels == 0)[0]
    assert client.done(f"/api/images/1/values?y={empty[0]}&x={empty[1]}")["row"] == -1


def test_marks_are_made_taken_back_and_filtered(review, results):
    client = review(results)
    client.done("/api/marks", {"kind": "exclude", "rows": [2, 5], "why": "dust"})
    state = client.done("/api/marks", {"kind": "flag", "rows": [5]})
    expected = {"excluded": [2, 5], "flagged": [5], "can_undo": True, "can_redo": False}
    assert state == expected | {"solved": 0, "pins": 0}
    assert rows(client, where="excluded%20and%20not%20flagged") == [2]
    assert client.done("/api/undo", {})["flagged"] == []
    assert client.done("/api/redo", {})["flagged"] == [5]
    assert client.done("/api/objects/5")["values"]["excluded_why"] == "dust"
    assert [one["kind"] for one in client.done("/api/history")][:2] == ["exclude", "flag"]
    for wrong in ({"kind": "burn", "rows": [1]}, {"kind": "flag", "rows": [10**6]}, {"rows": 5}):
        assert client("/api/marks", wrong)[0] == 400


def test_the_result_itself_is_never_changed(review, results):
    before = {path: path.read_bytes() for path in results.rglob("*") if path.is_file()}
    client = review(results)
    client.done("/api/marks", {"kind": "exclude", "rows": [0]})
    client.done("/api/export", {"name": "mine"})
    assert {path: path.read_bytes() for path in before} == before
    new = {path.name for path in results.iterdir() if path not in before}
    assert new == {"labels", ".cellwright"}


def test_export_leaves_out_what_is_excluded_and_says_why(review, results):
    client = review(results)
    area = column(client, "area")
    shown = rows(client, where="area%20%3E%20300", sort="area")
    gone = shown[0]
    client.done("/api/marks", {"kind": "exclude", "rows": [gone], "why": "=touching"})
    answer = client.done("/api/export", {"name": "kept", "where": "area > 300", "sort": "area"})
    assert answer["objects"] == len(shown) and answer["excluded"] == 1
    folder = results.parent / "kept"
    table = read_csv(folder / "objects.csv", ("image", "class", "excluded_why"))
    np.testing.assert_array_equal(table["area"], area[shown])
    assert table["excluded"].tolist() == [True] + [False] * (len(shown) - 1)
    assert table["excluded_why"][0] == "=touching" and table["excluded_by"][0] == "Ada"
    for number in range(2):
        before, _ = read_labels(results / "labels" / f"field_{number}.tif")
        after, _ = read_labels(folder / "labels" / f"field_{number}.tif")
        where = geometry(client, number)
        own = where["label"][np.isin(where["row"], shown[1:])]
        np.testing.assert_array_equal(after, np.where(np.isin(before, own), before, 0))
    assert json.loads((folder / "review.json").read_text())["where"] == "area > 300"


def test_marks_of_an_earlier_run_are_not_put_on_other_objects(review, tmp_path):
    results = segmented(tmp_path)
    client = review(results)
    client.done("/api/marks", {"kind": "exclude", "rows": [0]})
    assert review(results).done("/api/review")["remark"] == ""
    options = SegmentOptions(threshold=0.7)
    segment_images([tmp_path / "images"], results, options, overwrite=True)
    client = review(results)
    assert client.done("/api/marks")["excluded"] == []
    assert "earlier run" in client.done("/api/review")["remark"]


def test_export_writes_over_nothing(review, results):
    client = review(results)
    (results.parent / "taken").mkdir()
    assert client("/api/export", {"name": "taken"})[0] == 400
    for name in ("", ".", "..", "../outside", "a/b", ".hidden", "nu\0ll", "long" * 60, "\ud800"):
        status, told = client("/api/export", {"name": name})
        assert status == 400 and "name" in told["error"], name
    assert client("/api/export", {"name": "none", "where": "area < 0"})[0] == 400
    assert sorted(path.name for path in results.parent.iterdir()) == ["results", "taken"]


def test_crops_show_the_objects(review, results):
    client = review(results)
    largest = int(np.argmax(column(client, "area")))
    strip = np.asarray(Picture.open(io.BytesIO(client.done("/api/crops?rows=5,3,7&size=64"))))
    assert strip.shape == (64, 192, 3)
    for part in np.split(strip, 3, axis=1):
        grey = part.max(axis=2).astype(float)
        assert grey[24:40, 24:40].mean() > grey[[0, -1]].mean()  # the object is in the middle
        assert (part == (255, 214, 64)).all(axis=2).sum() > 40  # its outline
    blue = client.done(f"/api/crops?rows={largest}&size=64&colours=0000ff")
    drawn = np.asarray(Picture.open(io.BytesIO(blue))).astype(int)
    inside = drawn[28:36, 28:36]
    assert inside[..., 2].mean() > 20 and inside[..., :2].max() == 0
    for wrong in ("rows=", "rows=0&size=9", "rows=a", "rows=99999", "rows=0&colours=red"):
        assert client(f"/api/crops?{wrong}")[0] == 400, wrong


def test_boxes_are_reviewed_without_outlines(review, tmp_path):
    results = detected(tmp_path)
    client = review(results)
    assert client.done("/api/review")["shape"] == "boxes"
    where = geometry(client)
    table = read_csv(results / "objects.csv")
    np.testing.assert_allclose(where["top"], table["bbox-0"])
    np.testing.assert_allclose(where["right"], table["bbox-3"])
    assert client("/api/images/0/labels?level=0&row=0&column=0") == (204, b"")
    client.done("/api/marks", {"kind": "exclude", "rows": [0]})
    client.done("/api/export", {"name": "kept"})
    assert read_csv(results.parent / "kept" / "objects.csv")["excluded"].sum() == 1


def test_tracks_have_links_and_families(review, tmp_path):
    results = tracked(tmp_path)
    client = review(results)
    kinds = client.done("/api/tables/links")["columns"]
    texts = next(one["texts"] for one in kinds if one["name"] == "kind")
    assert texts == ["division", "link"]
    sure = column(client, "probability", "links")
    assert (np.diff(sure) >= 0).all()  # doubtful ones first
    where = geometry(client)
    mother = int(where["row"][(where["frame"] == 0) & (where["y"] > 40)][0])
    family = client.done(f"/api/objects/{mother}/family")
    assert [branch["parent"] for branch in family] == [-1, 0, 0]
    assert [branch["frames"] for branch in family] == [[0, 1], [2, 3, 4], [2, 3, 4]]
    assert mother == family[0]["rows"][0] and family[0]["at"] == 0.5
    assert client.done(f"/api/objects/{family[2]['rows'][1]}/family") == family
    # In the image, objects have the number of their track.
    told = client.done("/api/images/0/values?t=0&y=45&x=45")
    assert told["row"] == mother


def test_excluded_detections_leave_their_tracks(review, tmp_path):
    results = tracked(tmp_path)
    client = review(results)
    where = geometry(client)
    single = where["row"][where["y"] < 25].astype(int)
    client.done("/api/marks", {"kind": "exclude", "rows": [int(single[2])], "why": "wrong"})
    client.done("/api/export", {"name": "kept"})
    tracks = read_ctc(results.parent / "kept" / "ctc")
    whole = read_ctc(results / "ctc")
    assert len(tracks) == len(whole) - 1 and tracks.frame_count == 5
    assert tracks.out_degree().max() == 2  # the division is still there
    table = read_csv(results.parent / "kept" / "tracks.csv")
    assert table["excluded"].sum() == 1 and len(table["frame"]) == len(whole)


def test_raw_movies_are_shown_below_tracks_of_labels(review, tmp_path):
    results = tracked(tmp_path)
    raw = np.arange(5 * 60 * 80, dtype=np.uint16).reshape(5, 60, 80)
    cw.write(tmp_path / "raw.tif", cw.Image(raw, "TYX"))
    client = review(results, tmp_path / "raw.tif")
    assert client.done("/api/images/0/values?t=3&y=7&x=9")["values"] == [raw[3, 7, 9]]
    cw.write(tmp_path / "small.tif", cw.Image(raw[:, :50], "TYX"))
    with pytest.raises(AssertionError, match="--images"):
        review(results, tmp_path / "small.tif").done("/api/images/0")


def test_images_that_have_moved_are_asked_for(review, tmp_path):
    results = segmented(tmp_path)
    (tmp_path / "images").rename(tmp_path / "elsewhere")
    status, told = review(results)("/api/images/0")
    assert status == 400 and "--images" in told["error"]
    assert review(results, tmp_path / "elsewhere").done("/api/images/1")["name"] == "field_1"


def test_images_that_have_changed_are_told_of(review, tmp_path):
    results = segmented(tmp_path)
    file = tmp_path / "images" / "field_0.tif"
    cw.write(file, cw.Image(cw.read(file).to_numpy() // 2, "YX"), overwrite=True)
    client = review(results)
    assert "changed" in client.done("/api/images/0")["remark"]
    assert client.done("/api/images/1")["remark"] == ""


def test_an_image_of_another_size_is_not_shown_with_these_labels(outlines, review, tmp_path):
    folder = shutil.copytree(outlines.parent, tmp_path / "all")
    for file in (folder / "images").iterdir():
        cw.write(file, cw.Image(np.zeros((40, 50), np.uint8), "YX"), overwrite=True)
    status, told = review(folder / "results", folder / "images")("/api/images/0")
    assert status == 400 and "200, 260" in told["error"] and "--images" in told["error"]


def test_what_is_no_result_is_refused(tmp_path, results):
    with pytest.raises(InputError, match=r"run\.json"):
        open_result(tmp_path)
    with pytest.raises(InputError, match="cellwright review"):
        find_project(results)
    record = json.loads((results / "run.json").read_text())
    assert record["command"] == "segment"
    (results / "run.json").write_text(json.dumps(record | {"command": "train"}))
    with pytest.raises(OutputError, match="changed since"):
        open_result(results)


def test_results_without_objects_are_refused(tmp_path):
    cw.write(tmp_path / "black.tif", cw.Image(np.zeros((64, 64), np.uint8), "YX"))
    segment_images([tmp_path / "black.tif"], tmp_path / "results", SegmentOptions())
    with pytest.raises(UsageError, match="no objects"):
        open_result(tmp_path / "results")


@pytest.mark.parametrize("path", ["/api/review", "/api/tables/objects", "/api/marks"])
def test_only_who_has_the_token_is_told(review, results, path):
    client = review(results)
    assert client(path, headers={"X-Cellwright-Token": "wrong"})[0] == 403
    assert client(path, headers={"Origin": "http://evil.example"})[0] == 403


def test_every_address_is_described_and_no_other(review, tmp_path):
    client = review(tracked(tmp_path))
    app = make_review_app(review.servers[-1].desk, "token", 1)
    there = {
        (method, re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path))
        for route in app._app.routes
        if isinstance(route, Route) and route.path.startswith("/api/")
        for method in route.methods - {"HEAD"}
    }
    assert there == set(OPERATIONS)
    values = {"number": "0", "table": "objects", "row": "0"}
    asked = {
        "name": "area",
        "where": "area>0",
        "rows": "0",
        "level": 0,
        "column": 0,
        "y": 1,
        "x": 1,
    }
    asked["row"] = 0
    for path, methods in client.done("/openapi.json")["paths"].items():
        for method, told in methods.items():
            needed = [p["name"] for p in told["parameters"] if p["required"] and p["in"] == "query"]
            query = "&".join(f"{name}={asked[name]}" for name in needed)
            address = re.sub(r"\{(\w+)\}", lambda found: values[found[1]], path)
            if method == "get":
                assert client(f"{address}?{query}")[0] in (200, 204), path
            for left_out in needed:
                fewer = "&".join(one for one in query.split("&") if not one.startswith(left_out))
                assert client(f"{address}?{fewer}")[0] == 400, (path, left_out)
