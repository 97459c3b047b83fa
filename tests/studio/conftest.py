"""A project to annotate, and a server that really listens."""

import json
import threading
import time
import urllib.error
import urllib.request

import numpy as np
import pytest
import uvicorn

import cellwright as cw
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field
from cellwright.studio.app import make_app
from cellwright.studio.assistant import Assistant
from cellwright.studio.desk import Desk
from cellwright.studio.project import find_project
from cellwright.studio.serve import listening

TOKEN = "a-token-that-nobody-knows"


class Client:
    """Sends requests as the page does, unless told otherwise."""

    def __init__(self, port: int):
        self.port = port

    def __call__(self, path, body=None, *, headers=None, method=None):
        """Return the status and the body: decoded JSON, or bytes."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data=body if body is None or isinstance(body, bytes) else json.dumps(body).encode(),
            headers={"X-Cellwright-Token": TOKEN} | (headers or {}),
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status, content, kind = answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            with error:
                status, content, kind = error.code, error.read(), error.headers
        is_json = "json" in kind.get("Content-Type", "")
        return status, json.loads(content) if is_json else content

    def done(self, path, body=None):
        """Return the body of an answer that must be a success."""
        status, content = self(path, body)
        assert status in (200, 204), content
        return content


class Server:
    """A server of a project in a thread."""

    def __init__(self, folder, names=(), port=0):
        self.desk = Desk(find_project(folder), Assistant("nuclei"), "Ada")
        listener = listening(port)
        self.port = listener.getsockname()[1]
        app = make_app(self.desk, TOKEN, self.port, names)
        config = uvicorn.Config(app, log_level="error", lifespan="off", access_log=False)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listener],), daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        self.client = Client(self.port)
        self.address = f"http://127.0.0.1:{self.port}/#token={TOKEN}"

    @property
    def is_running(self):
        return self._thread.is_alive()

    def stop(self):
        self._server.should_exit = True
        self._thread.join()
        self.desk.close()


@pytest.fixture
def folder(tmp_path):
    """Two fields of nuclei, and a stack of two channels."""
    for number in range(2):
        pixels, _ = simulate_field(NucleiSimulation(size=(240, 300), diameter=24), seed=number)
        image = cw.Image(pixels, "YX", pixel_size=(0.5, 0.5))
        cw.write(tmp_path / f"field_{number}.tif", image)
    stack = np.arange(2 * 3 * 40 * 50, dtype=np.uint16).reshape(2, 3, 40, 50)
    cw.write(tmp_path / "stack.ome.tif", cw.Image(stack, "CZYX", channel_names=("DAPI", "Actin")))
    return tmp_path


@pytest.fixture
def serve():
    """Start servers that end with the test."""
    servers = []

    def start(folder, **options):
        servers.append(Server(folder, **options))
        return servers[-1]

    yield start
    for server in servers:
        if server.is_running:
            server.stop()


@pytest.fixture
def client(serve, folder):
    """Sends requests to a server of `folder`."""
    return serve(folder).client
