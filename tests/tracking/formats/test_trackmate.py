"""TrackMate XML: round trips, files as TrackMate writes them, and hostile ones."""

import numpy as np
import pytest

from cellwright._errors import FormatError
from cellwright.tracking.formats.trackmate import read_trackmate, write_trackmate
from cellwright.tracking.tracks import make_tracks
from tracking.formats.battery import assert_same, lineage

FIJI = """<?xml version="1.0" encoding="UTF-8"?>
<TrackMate version="7.11.1"><Model spatialunits="micron" timeunits="min">
<AllSpots nspots="4">
<SpotsInFrame frame="0"><Spot ID="75" name="ID75" QUALITY="12.5" POSITION_X="4.0" POSITION_Y="2.0"
 POSITION_Z="0.0" POSITION_T="0.0" FRAME="0" RADIUS="2.5" VISIBILITY="1" NOTE="mother"/>
<Spot ID="80" name="ID80" QUALITY="0.1" POSITION_X="9.0" POSITION_Y="9.0" POSITION_Z="0.0"
 POSITION_T="0.0" FRAME="0" VISIBILITY="0"/></SpotsInFrame>
<SpotsInFrame frame="1"><Spot ID="77" name="ID77" QUALITY="3" POSITION_X="5.0" POSITION_Y="2.0"
 POSITION_Z="0.0" POSITION_T="5.0" FRAME="1" RADIUS="2.5" VISIBILITY="1" NOTE=""/>
<Spot ID="79" name="ID79" POSITION_X="3.0" POSITION_Y="2.0"
 POSITION_Z="0.0" POSITION_T="5.0" FRAME="1" RADIUS="2.5" VISIBILITY="1" NOTE=""/></SpotsInFrame>
</AllSpots>
<AllTracks><Track name="Track_0" TRACK_ID="0"><Edge SPOT_SOURCE_ID="75" SPOT_TARGET_ID="77"
 LINK_COST="1.5"/></Track><Track name="Track_1" TRACK_ID="1"><Edge SPOT_SOURCE_ID="79"
 SPOT_TARGET_ID="75" LINK_COST="2.5"/></Track></AllTracks>
<FilteredTracks>{shown}</FilteredTracks></Model>
<Settings><ImageData filename="a.tif" folder="" width="64" height="64" nslices="1" nframes="12"
 pixelwidth="0.5" pixelheight="0.5" voxeldepth="1.0" timeinterval="5.0"/></Settings></TrackMate>
"""


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("scale", [None, (2.0, 0.5, 0.25)])
def test_everything_comes_back(dimensions, scale, tmp_path):
    size = scale and scale[-dimensions:]
    tracks = lineage(dimensions, pixel_size=size, frame_interval=scale and 30.0)
    tracks.properties["mean"][3] = np.nan
    write_trackmate(tmp_path / "a.xml", tracks)
    again = read_trackmate(tmp_path / "a.xml")
    assert_same(tracks, again)
    assert again.pixel_size == size and again.frame_interval == tracks.frame_interval
    assert again.frame_count == 6 and again.dimensions == dimensions


def test_what_trackmate_shows_is_read(tmp_path):
    path = tmp_path / "fiji.xml"
    path.write_text(FIJI.format(shown='<TrackID TRACK_ID="0"/><TrackID TRACK_ID="1"/>'))
    tracks = read_trackmate(path)
    assert tracks.frame.tolist() == [0, 1, 1] and tracks.frame_count == 12
    assert tracks.position.tolist() == [[4, 8], [4, 10], [4, 6]]
    assert tracks.pixel_size == (0.5, 0.5) and tracks.frame_interval == 300
    assert tracks.edges.tolist() == [[0, 1], [0, 2]]  # the second is written backwards
    assert tracks.edge_properties["LINK_COST"].tolist() == [1.5, 2.5]
    np.testing.assert_array_equal(tracks.properties["QUALITY"], [12.5, 3, np.nan])
    assert tracks.properties["NOTE"].tolist() == ["mother", "", ""]
    path.write_text(FIJI.format(shown='<TrackID TRACK_ID="1"/>'))
    assert read_trackmate(path).edges.tolist() == [[0, 2]]


def test_names_that_xml_does_not_allow_are_changed(tmp_path):
    tracks = make_tracks([0], [[1.0, 2.0]], properties={'a "b" <c>': [1], "2nd": [True], "ID": [7]})
    write_trackmate(tmp_path / "a.xml", tracks)
    again = read_trackmate(tmp_path / "a.xml").properties
    assert {name: column[0] for name, column in again.items()} == {
        "a__b___c_": 1,
        "_2nd": 1,
        "ID_": 7,
    }


def test_movies_without_cells(tmp_path):
    write_trackmate(tmp_path / "a.xml", make_tracks([], np.zeros((0, 2)), frame_count=3))
    assert len(read_trackmate(tmp_path / "a.xml")) == 0
    assert read_trackmate(tmp_path / "a.xml").frame_count == 3


BOMB = """<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>
<TrackMate><Model spatialunits="&b;"/></TrackMate>"""
LEAK = """<?xml version="1.0"?><!DOCTYPE b SYSTEM "file:///etc/passwd"><TrackMate><Model/></TrackMate>"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "document type"),
        (LEAK, "document type"),
        (BOMB.encode("utf-16"), "document type|encoding"),
        ("", "damaged"),
        (FIJI[:700], "damaged"),
        ("<a/>", "no TrackMate model"),
        (FIJI.replace('FRAME="1"', 'FRAME="one"').format(shown=""), "one"),
        (FIJI.replace('ID="77" name', 'ID="75" name').format(shown=""), "same ID"),
        (
            FIJI.replace('TARGET_ID="77"', 'TARGET_ID="99"').format(
                shown='<TrackID TRACK_ID="0"/>'
            ),
            "not there",
        ),
        (FIJI.replace('POSITION_X="5.0"', 'POSITION_X="nan"').format(shown=""), "not finite"),
        (FIJI.replace('FRAME="1"', 'FRAME="0"').format(shown='<TrackID TRACK_ID="0"/>'), "forward"),
        (FIJI.replace('FRAME="1"', "").format(shown=""), "FRAME"),
    ],
)
def test_hostile_files_are_refused(text, message, tmp_path):
    path = tmp_path / "bad.xml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(FormatError, match=message):
        read_trackmate(path)


def test_columns_that_differ_in_letters_xml_has_not(tmp_path):
    columns = {"intensity_mean-α": [1.0, 2.0], "intensity_mean-β": [3.0, 4.0]}
    tracks = make_tracks([0, 1], [[0, 0], [1, 1]], [[0, 1]], properties=columns)
    write_trackmate(tmp_path / "a.xml", tracks)
    again = read_trackmate(tmp_path / "a.xml").properties
    assert sorted(column.tolist() for column in again.values()) == [[1.0, 2.0], [3.0, 4.0]]
