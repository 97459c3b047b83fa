"""Downloads from a server on this computer that breaks off, forgets ranges, or lies."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cellwright import ModelError
from cellwright._errors import UsageError
from cellwright.models import download as module
from cellwright.models.download import download, is_url

CONTENT = bytes(range(256)) * 400
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server:
    """Serves `files`, as its flags say; `asked` are the ranges that were asked for."""

    def __init__(self):
        self.files = {"/model.zip": CONTENT}
        self.ranges, self.version, self.stops, self.length = True, '"one"', [], True
        self.asked, self.redirect = [], None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self)

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/model.zip"

    def answer(self, handler):
        content = self.files.get(handler.path)
        if content is None:
            return handler.send_error(404)
        if self.redirect:
            handler.send_response(302)
            handler.send_header("Location", self.redirect)
            return handler.end_headers()
        span = handler.headers.get("Range")
        start = 0
        if handler.path == "/model.zip":
            self.asked.append(span)
        if span and self.ranges and handler.headers.get("If-Range") in (None, self.version):
            start = int(span.removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                return handler.send_error(416)
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            handler.send_response(200)
        if self.version:
            handler.send_header("ETag", self.version)
        if self.length:
            handler.send_header("Content-Length", str(len(content) - start))
        handler.end_headers()
        end = self.stops.pop(0) if self.stops and handler.path == "/model.zip" else len(content)
        handler.wfile.write(content[start:end])


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("CELLWRIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(module, "_PAUSE", 0)
    made = Server()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_a_file_is_fetched_once_and_found_again_without_a_network(server):
    first = download(server.url)
    assert first.path.read_bytes() == CONTENT and first.path.name.endswith("model.zip")
    assert first.sha256 == SHA256 and first.fetched and not first.verified
    server.server.shutdown()
    server.server.server_close()
    again = download(server.url, sha256=SHA256)
    assert again.path == first.path and again.verified and not again.fetched
    with pytest.raises(ModelError, match=r"cannot be reached.*by its path"):
        download(server.url + "?other")


def test_an_interrupted_download_goes_on_where_it_was(server):
    server.stops = [1000, 5000]
    assert download(server.url).path.read_bytes() == CONTENT
    assert server.asked == [None, "bytes=1000-", "bytes=5000-"]


def test_what_was_fetched_outlives_the_process(server):
    server.stops = [1000] * 4
    with pytest.raises(ModelError, match=r"broke off after 1,000 bytes .*same command"):
        download(server.url)
    assert download(server.url).path.read_bytes() == CONTENT
    assert server.asked[-1] == "bytes=1000-"


@pytest.mark.parametrize("change", ["no ranges", "new version"])
def test_where_resuming_is_impossible_the_file_is_fetched_anew(server, change):
    server.stops = [1000] * 4
    with pytest.raises(ModelError, match="broke off"):
        download(server.url)
    if change == "no ranges":
        server.ranges = False
    else:
        server.files["/model.zip"] = CONTENT[::-1]
        server.version = '"two"'
    assert download(server.url).path.read_bytes() == server.files["/model.zip"]


def test_a_part_of_something_else_is_found_out_by_the_hash(server):
    server.version = None
    server.stops = [1000] * 4
    with pytest.raises(ModelError, match="broke off"):
        download(server.url, sha256=SHA256)
    server.files["/model.zip"] = CONTENT[::-1]
    with pytest.raises(ModelError, match=r"is not what it should be"):
        download(server.url, sha256=SHA256)
    server.files["/model.zip"] = CONTENT
    assert download(server.url, sha256=SHA256).verified  # nothing of the wrong one is left


def test_a_part_that_is_longer_than_the_file_is_given_up(server):
    server.stops = [5000] * 4
    with pytest.raises(ModelError, match="broke off"):
        download(server.url)
    server.files["/model.zip"] = CONTENT[:4000]
    assert download(server.url).path.read_bytes() == CONTENT[:4000]


@pytest.mark.parametrize("how", ["option", "fragment", "beside"])
def test_a_wrong_hash_is_refused_and_nothing_is_kept(server, how):
    wrong = "0" * 64
    url, options = server.url, {}
    if how == "option":
        options = {"sha256": wrong}
    elif how == "fragment":
        url += f"#sha256={wrong}"
    else:
        server.files["/model.zip.sha256"] = f"{wrong}  model.zip\n".encode()
    with pytest.raises(ModelError, match=rf"SHA-256 is {SHA256}, not 0+"):
        download(url, **options)
    server.files.pop("/model.zip.sha256", None)
    assert download(server.url).fetched


def test_a_hash_beside_the_file_verifies_it(server):
    server.files["/model.zip.sha256"] = f"{SHA256.upper()} *model.zip\n".encode()
    assert download(server.url).verified


def test_a_kept_file_that_was_changed_is_fetched_again(server):
    kept = download(server.url).path
    kept.write_bytes(b"changed")
    assert download(server.url).fetched and kept.read_bytes() == CONTENT


@pytest.mark.parametrize("stated", [True, False])
def test_a_file_that_is_too_large_is_not_read_to_its_end(server, stated):
    server.length = stated
    with pytest.raises(ModelError, match=r"more than 1,000 bytes"):
        download(server.url, largest=1000)


def test_a_missing_file_and_bad_options_are_told(server):
    with pytest.raises(ModelError, match=r"the server says 404"):
        download(server.url + "x")
    with pytest.raises(UsageError, match=r"is not a SHA-256"):
        download(server.url, sha256="abc")


@pytest.mark.parametrize("address", ["http://example.org/m.zip", "file:///m.zip", "ftp://a/m.zip"])
def test_addresses_that_are_not_safe_are_refused(server, address):
    assert is_url(address) and not is_url("C:\\models\\m.zip") and not is_url("models/m.zip")
    with pytest.raises(UsageError, match="must begin with https"):
        download(address)
    server.redirect = address
    with pytest.raises((UsageError, ModelError), match=r"must begin with https|not allowed"):
        download(server.url)
