"""Models that are added from the web."""

import functools
import shutil
import threading
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

pytest.importorskip("onnx")

from cellwright import ModelError, UsageError
from cellwright.models import find
from cellwright.models.exchange import import_model
from cellwright.models.package import load_package
from models.foreign import image, maps_of, network, package_05, unpacked
from models.oracle import oracle_package


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def web(tmp_path, monkeypatch):
    """A folder and the address under which a server on this computer shows it."""
    for name, folder in (("CELLWRIGHT_MODELS", "mine"), ("CELLWRIGHT_CACHE", "cache")):
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(find, "SHIPPED", tmp_path / "shipped")
    folder = tmp_path / "web"
    folder.mkdir()
    handler = functools.partial(Quiet, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_model_comes_from_the_web_once(web, tmp_path):
    folder, address = web
    oracle_package(folder / "oracle.cellwright")
    first = import_model(f"{address}/oracle.cellwright")
    stated = sha256((folder / "oracle.cellwright").read_bytes()).hexdigest()
    assert first.model.name == "oracle" and stated in first.notes[0]
    (folder / "oracle.cellwright").unlink()
    again = import_model(f"{address}/oracle.cellwright", sha256=stated)
    assert again.model == first.model and len(again.notes) == 1


def test_a_description_in_the_web_brings_the_files_that_it_names(web, tmp_path):
    folder, address = web
    raw = image(2)
    names = ("background", "stuff")
    unpacked(folder / "tissue", package_05(raw, maps_of(raw), network(2), names))
    done = import_model(f"{address}/tissue/rdf.yaml", method="classes", name="tissue")
    card = load_package(done.model.path).card
    assert card.name == "tissue" and card.readout["classes"] == ["stuff"]
    (folder / "tissue" / "weights.onnx").write_bytes(b"changed")
    assert (
        "was downloaded before"
        in import_model(f"{address}/tissue/rdf.yaml", method="classes", name="tissue").notes[-1]
    )
    shutil.rmtree(tmp_path / "cache")
    with pytest.raises(ModelError, match="SHA-256 is not the one in the description"):
        import_model(f"{address}/tissue/rdf.yaml", method="classes")


def test_what_is_no_model_is_told(web, tmp_path):
    folder, address = web
    (folder / "page.zip").write_text("<html>not here</html>")
    with pytest.raises(ModelError, match=r"is not a model"):
        import_model(f"{address}/page.zip")
    with pytest.raises(ModelError, match=r"There is no model at"):
        import_model(tmp_path / "gone.zip")
    oracle_package(folder / "oracle.zip")
    with pytest.raises(UsageError, match="keeps its method"):
        import_model(folder / "oracle.zip", method="classes")
    with pytest.raises(UsageError, match="the source is a path"):
        import_model(folder / "oracle.zip", sha256="0" * 64)


def test_segmenting_with_a_package_that_must_be_imported_first_says_so(web, tmp_path):
    from models.foreign import zipped

    raw = np.ones((2, 48, 48), np.uint16)
    files = package_05(raw, maps_of(raw), network(2), ("background", "stuff"))
    with pytest.raises(ModelError, match=r"Import it first.*cellwright models import"):
        load_package(zipped(tmp_path / "foreign.zip", files))
