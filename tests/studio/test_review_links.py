"""Correcting tracks in the review: cut, join, divide, and solved again at once."""

import time

import numpy as np
import pytest
import tifffile

import cellwright as cw
from cellwright.images.read import read_labels
from cellwright.runs.track.run import track_movie
from cellwright.tracking.formats.files import read_tracks
from cellwright.tracking.formats.table import read_table, write_table
from cellwright.tracking.options import LinkOptions

from .reviewing import ReviewServer, tracked


@pytest.fixture
def review():
    servers = []

    def start(folder):
        servers.append(ReviewServer(folder))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def result(tmp_path):
    return tracked(tmp_path)


def links(client):
    """Return the links as pairs of (frame, label)."""
    columns = [
        np.frombuffer(client.done(f"/api/tables/links/column?name={name}"), "<f8").astype(int)
        for name in ("source_frame", "source_label", "target_frame", "target_label")
    ]
    return {((a, b), (c, d)) for a, b, c, d in np.stack(columns, axis=1).tolist()}


def row(client, frame, label):
    found = client.done(f"/api/tables/objects/rows?where=frame+%3D+{frame}+and+label+%3D+{label}")
    (number,) = np.frombuffer(found, "<i4").tolist()
    return number


def tracks(client):
    return np.frombuffer(client.done("/api/tables/objects/column?name=track"), "<f8").astype(int)


def test_a_link_is_cut_joined_again_and_all_of_it_undone(review, result):
    client = review(result).client
    before, numbers = links(client), tracks(client)
    ends = [row(client, 2, 1), row(client, 3, 1)]
    told = client.done("/api/pins", {"kind": "cut", "rows": ends[::-1], "why": "two cells"})
    assert told["solved"] == 1 and told["can_undo"] and told["pins"] == 1
    assert ((2, 1), (3, 1)) not in links(client)
    # Only what follows the cut has another number, and it is new.
    changed = tracks(client) != numbers
    assert changed.sum() == 2 and set(tracks(client)[changed]).isdisjoint(numbers)
    assert len(client.done(f"/api/objects/{ends[0]}/family")) == 1
    client.done("/api/pins", {"kind": "join", "rows": ends})
    assert links(client) == before and (tracks(client) == numbers).all()
    client.done("/api/undo", {})
    assert ((2, 1), (3, 1)) not in links(client)
    told = client.done("/api/undo", {})
    assert links(client) == before and told["pins"] == 0 and told["can_redo"]
    client.done("/api/redo", {})
    assert ((2, 1), (3, 1)) not in links(client)
    (last,) = [one for one in client.done("/api/history") if one["why"]]
    assert last["kind"] == "cut" and last["objects"] == 2


def test_a_division_is_taken_away_and_marked(review, result):
    client = review(result).client
    mother, one, other = row(client, 1, 2), row(client, 2, 2), row(client, 2, 3)
    assert {((1, 2), (2, 2)), ((1, 2), (2, 3))} <= links(client)
    client.done("/api/pins", {"kind": "cut", "rows": [mother, other]})
    assert ((1, 2), (2, 3)) not in links(client)
    client.done("/api/pins", {"kind": "divide", "rows": [other, one, mother]})
    assert {((1, 2), (2, 2)), ((1, 2), (2, 3))} <= links(client)
    family = client.done(f"/api/objects/{mother}/family")
    assert [branch["parent"] for branch in family] == [-1, 0, 0]


def test_pins_are_kept_and_give_the_same_tracks_to_the_program(review, result, tmp_path):
    first = review(result)
    first.client.done(
        "/api/pins", {"kind": "cut", "rows": [row(first.client, 2, 1), row(first.client, 3, 1)]}
    )
    expected = links(first.client)
    (tmp_path / "pins.csv").write_bytes(first.client.done("/api/pins"))
    exported = first.client.done("/api/export", {"name": "checked"})
    assert (tmp_path / "checked" / "pins.csv").is_file() and exported["objects"] == 13
    again = review(result)  # from the journal alone
    assert links(again.client) == expected
    track_movie(tmp_path / "movie.tif", tmp_path / "other", pins=tmp_path / "pins.csv")
    found = read_tracks(tmp_path / "other" / "tracks.geff")
    named = np.stack([found.frame, found.label], axis=1)[found.edges].tolist()
    assert {(tuple(a), tuple(b)) for a, b in named} == expected
    whole = read_tracks(tmp_path / "checked" / "ctc")
    assert len(whole.edges) == len(expected)
    # Pins of that run hold in its own review, too.
    assert links(review(tmp_path / "other").client) == expected


def test_labels_are_shown_with_the_numbers_of_their_tracks(review, result):
    server = review(result)
    client = server.client
    ends = [row(client, 2, 1), row(client, 3, 1)]
    client.done("/api/pins", {"kind": "cut", "rows": ends})
    number = int(tracks(client)[ends[1]])
    tile = client.done("/api/images/0/labels?level=0&row=0&column=0&t=3")
    shown = np.frombuffer(tile, "<i4").reshape(64, 84)[2:-2, 2:-2]
    own = read_labels(result.parent / "movie.tif", axes="TYX")[0][3] == 1
    assert (shown[own] == number).all() and (shown[~own] != number).all()
    geometry = np.frombuffer(client.done("/api/images/0/objects"), "<f8").reshape(-1, 11)
    assert geometry[ends[1], 1] == number


def test_what_makes_no_sense_is_refused_and_not_written_down(review, result, tmp_path):
    client = review(result).client
    one, other = row(client, 2, 1), row(client, 2, 2)
    for kind, rows in (
        *(("cut", [one]), ("join", [one, other]), ("divide", [one, other])),
        *(("join", [one, one]), ("melt", [one, other]), ("cut", [one, 10**6])),
    ):
        assert client("/api/pins", {"kind": kind, "rows": rows})[0] == 400, (kind, rows)
    assert client.done("/api/history") == []
    other_tracks = read_table(result / "tracks.csv")
    told = {name: column[:-1] for name, column in other_tracks.edge_properties.items()}
    write_table(result / "tracks.csv", other_tracks.with_edges(other_tracks.edges[:-1], told))
    status, told = review(result).client("/api/pins", {"kind": "cut", "rows": [one, one + 3]})
    assert status == 400 and "cannot be corrected" in told["error"]


def test_one_correction_takes_milliseconds(review, tmp_path):
    rng = np.random.default_rng(0)
    labels = np.zeros((12, 400, 400), np.uint16)
    places = np.stack(np.mgrid[0:20, 0:20], axis=-1).reshape(-1, 2) * 20 + 7
    for t in range(12):
        for number, (y, x) in enumerate(places + rng.integers(-2, 3, places.shape), 1):
            labels[t, y : y + 7, x : x + 7] = number
    cw.write(tmp_path / "movie.tif", cw.Image(labels, "TYX"))
    track_movie(tmp_path / "movie.tif", tmp_path / "results")
    client = review(tmp_path / "results").client
    spent = []
    for number in range(5):
        rows = [row(client, 5, 40 * number + 1), row(client, 6, 40 * number + 1)]
        begun = time.process_time()
        client.done("/api/pins", {"kind": "cut", "rows": rows})
        spent.append(time.process_time() - begun)
    assert np.median(spent) < 0.25  # s; 4,800 detections, tables and families included


def test_links_told_by_overlap_are_corrected_by_overlap(review, tmp_path):
    tracked(tmp_path)
    told = track_movie(
        tmp_path / "movie.tif", tmp_path / "overlap", LinkOptions(by="overlap")
    ).folder
    client = review(told).client
    before = links(client)
    ends = [row(client, 2, 1), row(client, 3, 1)]
    client.done("/api/pins", {"kind": "cut", "rows": ends})
    assert links(client) == before - {((2, 1), (3, 1))}
    client.done("/api/pins", {"kind": "join", "rows": ends})
    assert links(client) == before


def test_overlap_is_known_again_where_tracks_are_not_numbered_as_labels_are(review, tmp_path):
    frames = np.zeros((4, 60, 60), np.int32)
    for number in range(4):
        # What is first in one frame is last in the next: 1 and 3 change places in their order.
        for label, (y, x) in zip((1, 2, 3), ((5, 5), (5, 40), (40, 5)), strict=True):
            name = label if number % 2 == 0 else 4 - label
            frames[number, y : y + 12, x + number : x + number + 12] = name
    tifffile.imwrite(
        tmp_path / "labels.tif", frames, metadata={"axes": "TYX"}, photometric="minisblack"
    )
    options = LinkOptions(by="overlap", max_gap=0, divisions=False)
    told = track_movie(tmp_path / "labels.tif", tmp_path / "told", options).folder
    client = review(told).client
    before = links(client)
    assert len(before) == 9
    ends = [row(client, 1, 1), row(client, 2, 3)]
    client.done("/api/pins", {"kind": "cut", "rows": ends})
    assert links(client) == before - {((1, 1), (2, 3))}
