"""What people stumbled over in the pages."""

import base64
import io
import socket
import sys
import threading

import numpy as np
import pytest
from PIL import Image as Picture

import cellwright as cw
from cellwright._errors import OutputError
from cellwright.runs.segment.options import SegmentOptions
from cellwright.runs.segment.run import segment_images
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field
from cellwright.studio.assistant import Assistant
from cellwright.studio.serve import alone_in, listening

from .reviewing import ReviewServer, segmented


@pytest.fixture
def review():
    servers = []

    def start(folder):
        servers.append(ReviewServer(folder))
        return servers[-1].client

    yield start
    for server in servers:
        server.stop()


def test_grey_images_are_grey_in_the_gallery_beside_colours(review, tmp_path):
    pixels, _ = simulate_field(NucleiSimulation(size=(120, 150), diameter=24), seed=0)
    cw.write(tmp_path / "images" / "grey.tif", cw.Image(pixels, "YX"))
    segment_images([tmp_path / "images"], tmp_path / "results", SegmentOptions())
    client = review(tmp_path / "results")
    of_rgb = "ff0000,00ff00,0000ff"
    drawn = Picture.open(io.BytesIO(client.done(f"/api/crops?rows=0&size=64&colours={of_rgb}")))
    red, green, blue = np.moveaxis(np.asarray(drawn, int), -1, 0)
    grey = (red == green) & (green == blue)
    outline = (red == 255) & (blue == 64)
    assert (grey | outline).all() and red[grey].max() > 50
    own = Picture.open(io.BytesIO(client.done("/api/crops?rows=0&size=64&colours=ff0000")))
    assert (np.asarray(own)[..., 1] < np.asarray(own)[..., 0]).any()


def test_a_folder_that_is_open_says_where(tmp_path):
    address = "http://127.0.0.1:4711/#token=abc"
    with alone_in(tmp_path) as note:
        with pytest.raises(OutputError, match="Another run is going on"), alone_in(tmp_path):
            pass
        note(address)
        with pytest.raises(OutputError, match="open already") as told, alone_in(tmp_path):
            pass
        assert address in str(told.value)
        (file,) = (tmp_path / ".cellwright").glob("address")
        assert file.stat().st_mode & 0o077 == 0
    with alone_in(tmp_path) as note:
        assert not file.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="ports are free at once there")
def test_a_program_that_is_started_again_gets_its_port():
    with listening(0) as listener:
        port = listener.getsockname()[1]
        visitor = socket.create_connection(("127.0.0.1", port))
        listener.accept()[0].close()  # who ends a connection first keeps the port for a while
        visitor.close()
    with listening(port) as again:
        assert again.getsockname()[1] == port


def test_the_assistant_is_called_as_the_model_that_works(monkeypatch):
    assistant = Assistant("nuclei")
    going_on, may_end = threading.Event(), threading.Event()

    def job(model):
        going_on.set()
        may_end.wait(30)
        return assistant.name

    names = []
    working = threading.Thread(target=lambda: names.append(assistant.run(job)))
    working.start()
    going_on.wait(30)
    changing = threading.Thread(target=lambda: assistant.use("cells-phase", "round 1"))
    changing.start()
    changing.join(0.2)
    assert assistant.name == "nuclei"  # the other one does not work yet
    may_end.set()
    changing.join()
    working.join()
    assert (names, assistant.name) == (["nuclei"], "round 1")
    assistant.close()


def test_half_a_million_objects_are_marked_at_once(review, tmp_path, monkeypatch):
    client = review(segmented(tmp_path))
    count = client.done("/api/tables/objects")["rows"]
    chosen = np.arange(count) % 3 == 0
    bits = base64.b64encode(np.packbits(chosen, bitorder="little").tobytes()).decode()
    told = client.done("/api/marks", {"kind": "exclude", "bits": bits})
    assert told["excluded"] == np.flatnonzero(chosen).tolist()
    assert client("/api/marks", {"kind": "exclude", "bits": "///"})[0] == 400
    assert client("/api/marks", {"kind": "exclude", "bits": "/" * 4 * count})[0] == 400
    million = base64.b64encode(bytes(10**6 // 8))
    assert len(million) < 200_000  # bytes of a body that may have 4 MB
