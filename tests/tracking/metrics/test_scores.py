"""Scores of tracks: equal to those of the reference programs, and to numbers derived by hand.

``oracle.json`` holds what py-ctcmetrics 1.3.3 and traccuracy 0.4.3 say (``tests/interop``).
"""

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from cellwright._errors import FormatError, InputError
from cellwright.images.write import write_labels
from cellwright.tracking.formats.ctc import open_ctc, read_ctc, write_ctc
from cellwright.tracking.metrics import biology
from cellwright.tracking.metrics.association import chota, share_lives
from cellwright.tracking.metrics.biology import match_tracklets
from cellwright.tracking.metrics.challenge import score_folders
from cellwright.tracking.metrics.evaluate import score_tracks
from cellwright.tracking.metrics.matching import match_near, match_same
from cellwright.tracking.metrics.scores import track_scores
from cellwright.tracking.tracks import make_tracks
from tracking.perturb import perturbed
from tracking.toys import RESULTS, Movie, merged, perfect

ORACLE = json.loads(Path(__file__).with_name("oracle.json").read_text(encoding="utf-8"))


def assert_as_the_oracle_says(scores, oracle):
    oracle = dict(oracle)
    divisions = oracle.pop("divisions")
    for name, value in oracle.items():
        assert scores[name] == pytest.approx(value, abs=1e-9), name
    if divisions is not None:
        names = ("right", "wrong_daughters", "surplus", "missed")
        assert [[row[name] for name in names] for row in scores["divisions"]] == divisions


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    return perfect().write_truth(tmp_path_factory.mktemp("truth"))


@pytest.mark.parametrize("name", RESULTS)
def test_toys_score_as_the_references_say(name, truth, tmp_path):
    scores = score_folders(RESULTS[name]().write(tmp_path), truth)
    assert_as_the_oracle_says(scores, ORACLE[name])


@pytest.mark.data
@pytest.mark.parametrize("movie", ["ctc_sim_ilastik/01_GT", "ctc_gowt1_02_sparse/02_GT"])
@pytest.mark.parametrize("errors", [{}, {"merge": 10**9}], ids=["all", "unmerged"])
def test_real_movies_with_errors_score_as_the_references_say(movie, errors, data_folder, tmp_path):
    truth = data_folder / movie
    tracks, frames = read_ctc(truth), open_ctc(truth).frames()
    write_ctc(tmp_path, *perturbed(tracks, frames, **errors))
    oracle = dict(ORACLE[f"{movie}/{'unmerged' if errors else 'all'}"])
    # py-ctcmetrics loses the mother of a cell whose label after a gap is lower than before, so
    # that even the truth does not score 1; what is stored here is traccuracy's CHOTA.
    assert_as_the_oracle_says(score_folders(tmp_path, truth), oracle)


def test_a_truth_scores_perfectly_against_itself(truth):
    scores = score_folders(truth, truth)
    perfect_ones = {name: value for name, value in scores.items() if name.isupper()}
    assert set(perfect_ones.values()) == {1.0}


def test_errors_are_counted(truth, tmp_path):
    """In frame 4 two daughters are one: a split, without links; one is linked over the gap."""
    errors = score_folders(merged().write(tmp_path), truth)["errors"]
    assert errors["splits"] == 1 and errors["missed"] == errors["surplus"] == 0
    assert (errors["missed_links"], errors["wrong_links"]) == (4, 1)
    assert errors["detections"] == 46 and errors["links"] == 42


def chain(frames, cell=0):
    """One cell that stays where it is."""
    edges = [[i, i + 1] for i in range(len(frames) - 1)]
    return make_tracks(frames, np.full((len(frames), 2), 50.0 * cell), edges, frame_count=10)


def test_half_a_track_by_hand():
    """Of a track of 10, the first 5 are found."""
    scores = track_scores(match_same(chain(range(10)), chain(range(5))))
    assert scores["DET"] == 0.5 and scores["LNK"] == pytest.approx(4 / 9)
    assert scores["TRA"] == pytest.approx(1 - (50 + 7.5) / (100 + 13.5))
    assert scores["CT"] == 0 and scores["TF"] == 0.5
    assert scores["HOTA"] == pytest.approx(0.5) and scores["IDF1"] == pytest.approx(10 / 15)
    assert scores["MOTA"] == 0.5 and scores["CCA"] is None and scores["BC(0)"] is None
    assert scores["BIO(0)"] == 0.25 and scores["SEG"] is None and scores["OP_CTB"] is None


def family(generations):
    """All cells divide every second frame, from a single one on."""
    cells = 2**generations - 1
    generation = np.floor(np.log2(np.arange(1, cells + 1))).astype(int)
    cell = np.arange(cells)
    lives = np.stack([cell, cell + cells], axis=1)
    births = np.stack([(cell[1:] - 1) // 2 + cells, cell[1:]], axis=1)
    return make_tracks(
        np.concatenate([2 * generation, 2 * generation + 1]),
        np.tile(np.stack([cell, 3.0 * cell], axis=1), (2, 1)),
        np.concatenate([lives, births]),
        label=np.tile(cell + 1, 2),
    )


def test_chota_of_families_is_that_of_its_definition():
    truth = family(5)
    cut = np.random.default_rng(2).random(len(truth.edges)) < 0.8
    matched = match_same(truth, truth.with_edges(truth.edges[cut]))
    shared = share_lives(matched)
    kin = [np.eye(len(lives), dtype=bool) for lives in (shared.truth, shared.result)]
    for one, lives in zip(kin, (shared.truth, shared.result), strict=True):
        for parent, child in lives.links.tolist():  # parents come before their children
            one[child] |= one[parent]
    kin = [one | one.T for one in kin]
    counts = np.zeros((len(shared.truth), len(shared.result)))
    counts[shared.true, shared.found] = shared.detections
    total = 0.0
    for i, j, size in zip(shared.true, shared.found, shared.detections, strict=True):
        common = counts[kin[0][i]][:, kin[1][j]].sum()
        union = shared.true_sizes[kin[0][i]].sum() + shared.found_sizes[kin[1][j]].sum() - common
        total += size * common / union
    assert 0.2 < chota(shared) < 0.9
    assert chota(shared) == pytest.approx(np.sqrt(total / shared.union))


def test_large_families_are_scored_in_little_memory():
    """Every two of 4,095 cells would make a table of hundreds of megabytes."""
    truth = family(12)
    matched = match_same(truth, truth)
    chota(share_lives(match_same(family(3), family(3))))  # compiled
    tracemalloc.start()
    assert chota(share_lives(matched)) == 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6


def test_cells_may_divide_into_three():
    position = [[5, 5], [5, 5], [3, 5], [7, 5], [5, 9]]
    edges = [[0, 1], [1, 2], [1, 3], [1, 4]]
    three = make_tracks([0, 1, 2, 2, 2], position, edges)
    two = three.with_edges(edges[:3])

    def counts(found, truth=three):
        row = track_scores(match_same(truth, found))["divisions"][0]
        return [row[name] for name in ("right", "wrong_daughters", "surplus", "missed")]

    assert counts(three) == [1, 0, 0, 0] and counts(two) == [0, 1, 0, 0]
    assert counts(two.with_edges(edges[:1])) == [0, 0, 0, 1]
    assert counts(three, two) == [1, 0, 0, 0]  # the link too many is an error of links


def test_a_late_division_into_three_is_right_within_the_tolerance():
    frame = [0, *[1] * 3, *[2] * 3, *[3] * 3]
    position = [[5, 5], *[[5 * i, 5] for _ in range(3) for i in range(3)]]
    lives = [[i, i + 3] for i in range(1, 7)]
    truth = make_tracks(frame, position, [[0, 1], [0, 2], [0, 3], *lives])
    late = truth.with_edges([[0, 1], [1, 4], [1, 5], [1, 6], *lives[3:]])
    rows = track_scores(match_same(truth, late), tolerance=1)["divisions"]
    assert [(row["right"], row["missed"]) for row in rows] == [(0, 1), (1, 0)]


def test_branches_are_those_of_the_definition():
    """Every true mother against every found one, at each tolerance."""
    truth = family(6)
    rng = np.random.default_rng(5)
    mothers = truth.edges[:, 0]
    births = np.flatnonzero(truth.out_degree()[mothers] > 1)
    before = np.full(len(truth), -1)
    before[truth.edges[:, 1]] = mothers
    found = truth.with_edges(truth.edges[rng.random(len(truth.edges)) < 0.9])
    early = truth.edges.copy()
    early[births[::3], 0] = before[mothers[births[::3]]]
    for result in (found, truth.with_edges(early)):
        pair = match_tracklets(match_same(truth, result))
        for tolerance in range(4):
            right = 0
            for true in np.flatnonzero(pair.truth.child_counts() > 1).tolist():
                for other in np.flatnonzero(pair.result.child_counts() > 1).tolist():
                    apart = abs(int(pair.truth.end[true]) - int(pair.result.end[other]))
                    if apart <= tolerance:
                        right += biology._same_division(pair, true, other, tolerance)
            assert biology.branches(pair, tolerance).right == right


def test_matching_by_distance():
    truth = chain(range(4))
    moved = make_tracks(truth.frame, truth.position + np.array([0, 1.5]), truth.edges)
    assert match_near(truth, moved, 2.0).partner.tolist() == [0, 1, 2, 3]
    assert match_near(truth, moved, 1.0).partner.tolist() == [-1] * 4
    assert track_scores(match_near(truth, moved, 2.0))["TRA"] == 1


def test_nothing_against_nothing_has_no_score():
    empty = make_tracks([], np.zeros((0, 2)), frame_count=3)
    scores = track_scores(match_same(empty, empty))
    assert scores["DET"] is None and scores["HOTA"] is None
    found = track_scores(match_same(empty, chain(range(3))))
    assert found["errors"]["surplus"] == 3
    assert track_scores(match_same(chain(range(3)), empty))["DET"] == 0


def test_seg_counts_annotated_frames_only(truth, tmp_path):
    movie = Movie()
    for key in list(movie.squares):
        if key[1] == 3 and key[0] == 4:
            movie.squares[key] = [(30, 30)]
    assert score_folders(movie.write(tmp_path), truth)["SEG"] == 1


def test_seg_of_single_planes_of_volumes(tmp_path):
    volume = np.zeros((5, 16, 16), np.uint16)
    volume[1:4, 4:8, 4:8] = 3
    for folder, name in (("res", "mask"), ("gt/TRA", "man_track")):
        for frame in (0, 1):
            write_labels(tmp_path / folder / f"{name}{frame:03}.tif", volume)
    for path in ("res/res_track.txt", "gt/TRA/man_track.txt"):
        (tmp_path / path).write_text("3 0 1 0\n")
    annotated = volume[2].copy()
    annotated[4:8, 8:10] = 3  # 24 px, of which 16 are found
    write_labels(tmp_path / "gt" / "SEG" / "man_seg_001_002.tif", annotated)
    assert score_folders(tmp_path / "res", tmp_path / "gt")["SEG"] == pytest.approx(16 / 24)


def test_planes_against_volumes_are_refused():
    flat = chain(range(3))
    deep = make_tracks(flat.frame, np.pad(flat.position, ((0, 0), (1, 0))), flat.edges)
    for radius in (None, 3.0):
        with pytest.raises(InputError, match="have 2 dimensions, the true ones 3"):
            score_tracks(flat, deep, radius=radius)


def test_another_movie_is_refused(truth, tmp_path):
    with pytest.raises(FormatError, match="neither"):
        score_folders(tmp_path, truth)
    movie = perfect()
    movie.squares = {key: one for key, one in movie.squares.items() if key[1] < 9}
    folder = movie.write(tmp_path / "short")
    (folder / "mask009.tif").unlink()
    with pytest.raises(InputError, match=r"10 frames and .* 9"):
        score_folders(folder, truth)
    for path in sorted(folder.glob("*.tif")):
        write_labels(path, np.pad(open_ctc_mask(path), 1), overwrite=True)
    write_labels(folder / "mask009.tif", np.zeros((66, 66), np.uint16))
    with pytest.raises(InputError, match="shape"):
        score_folders(folder, truth)


def open_ctc_mask(path):
    from cellwright.images.read import read_labels

    return read_labels(path, "YX")[0]
