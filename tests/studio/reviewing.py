"""Results to review, and a server of one."""

import threading
import time

import numpy as np
import uvicorn

import cellwright as cw
from cellwright.runs.detect.run import detect
from cellwright.runs.segment.options import SegmentOptions
from cellwright.runs.segment.run import segment_images
from cellwright.runs.track.run import track_movie
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field
from cellwright.studio.review_app import make_review_app
from cellwright.studio.review_desk import ReviewDesk
from cellwright.studio.review_open import open_result
from cellwright.studio.serve import listening

from .conftest import TOKEN, Client


class ReviewServer:
    """A server of a result in a thread."""

    def __init__(self, folder, images=None):
        self.desk = ReviewDesk(open_result(folder, images), "Ada")
        listener = listening(0)
        self.port = listener.getsockname()[1]
        app = make_review_app(self.desk, TOKEN, self.port)
        config = uvicorn.Config(app, log_level="error", lifespan="off", access_log=False)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listener],), daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        self.client = Client(self.port)
        self.address = f"http://127.0.0.1:{self.port}/#token={TOKEN}"

    def stop(self):
        self._server.should_exit = True
        self._thread.join()
        self.desk.close()


def segmented(folder):
    """Segment two simulated fields; returns the result folder."""
    for number in range(2):
        pixels, _ = simulate_field(NucleiSimulation(size=(200, 260), diameter=24), seed=number)
        cw.write(folder / "images" / f"field_{number}.tif", cw.Image(pixels, "YX"))
    segment_images([folder / "images"], folder / "results", SegmentOptions())
    return folder / "results"


def detected(folder):
    """Find the boxes of nuclei in a simulated field."""
    pixels, _ = simulate_field(NucleiSimulation(size=(200, 260), diameter=24), seed=0)
    cw.write(folder / "field.tif", cw.Image(pixels, "YX"))
    detect(folder / "field.tif", folder / "results")
    return folder / "results"


def tracked(folder):
    """Track squares that move, one of which divides after the second of five frames."""
    labels = np.zeros((5, 60, 80), np.uint16)
    for t in range(5):
        labels[t, 10:20, 5 + 3 * t : 15 + 3 * t] = 1
        if t < 2:
            labels[t, 40:52, 40:52] = 2
        else:
            labels[t, 36 - t : 43 - t, 41:51] = 2
            labels[t, 48 + t : 55 + t, 41:51] = 3
    cw.write(folder / "movie.tif", cw.Image(labels, "TYX"))
    track_movie(folder / "movie.tif", folder / "results")
    return folder / "results"
