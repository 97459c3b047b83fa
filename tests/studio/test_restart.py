"""Started again, the program is where it was, and open pages go on; nobody else gets in."""

import http.server
import os
import threading

import pytest

from cellwright._errors import UsageError
from cellwright.studio.address import address_of
from cellwright.studio.guard import seal, task_token
from cellwright.studio.serve import HOST, listening, listening_at

from .browser import Browser
from .conftest import TOKEN
from .test_page import READY, Page, pytestmark  # noqa: F401

NOTICE = "document.querySelector('#notice:not([hidden]) p')?.textContent ?? ''"


@pytest.fixture
def home(tmp_path_factory, monkeypatch):
    home = tmp_path_factory.mktemp("home")
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(home))
    return home


def said(address):
    return address.port, address.token(4711)


def test_the_address_of_a_folder_is_the_same_each_time_and_that_of_no_other(home, tmp_path):
    (tmp_path / "cells").mkdir()
    first = address_of(tmp_path / "cells")
    assert said(address_of(tmp_path / "cells" / ".." / "cells")) == said(first)
    other = address_of(tmp_path)
    assert other.port != first.port and other.token(4711) != first.token(4711)
    assert first.token(4712) != first.token(4711)  # what is known of one port opens no other
    assert 20_000 <= first.port < 32_000


@pytest.mark.skipif(os.name != "posix", reason="other systems keep homes apart")
def test_the_secret_of_an_account_is_for_its_owner_alone(home, tmp_path):
    before = address_of(tmp_path)
    (file,) = (home / ".cellwright").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600 and len(file.read_bytes()) == 32
    file.chmod(0o644)  # who has read it by now knows nothing
    after = address_of(tmp_path)
    assert said(after) != said(before) and file.stat().st_mode & 0o777 == 0o600
    file.write_bytes(b"")
    assert said(address_of(tmp_path)) not in (said(before), said(after))
    assert list(tmp_path.iterdir()) == []  # and nothing of it stands beside the images


def test_who_has_no_home_gets_an_address_for_this_time(home, tmp_path):
    (home / ".cellwright").write_text("no folder")
    addresses = [address_of(tmp_path) for _ in range(2)]
    assert addresses[0].token(1) != addresses[1].token(1)


def test_who_finds_the_usual_port_taken_listens_at_another():
    with listening(0) as taken:
        port = taken.getsockname()[1]
        with listening_at(0, port, HOST) as other:
            assert other.getsockname()[1] != port
        with pytest.raises(UsageError, match="in use"):  # of who asked for this one
            listening_at(port, port, HOST)
    with listening_at(0, port, HOST) as usual:
        assert usual.getsockname()[1] == port


def test_a_seal_opens_the_program_that_it_was_made_for_and_nothing_else(serve, folder):
    server = serve(folder)
    client = server.client

    def status(token, path="/api/project"):
        return client(path, headers={"X-Cellwright-Token": token})[0]

    start = client.done("/start")["start"]
    assert status(seal(TOKEN, start)) == 200
    volunteers = seal(task_token(TOKEN), start)
    assert status(volunteers, "/api/people") == 200
    forged = [
        *(seal("guessed", start), seal(TOKEN, start[:-1]), seal(TOKEN, ""), start, volunteers),
        *(seal(seal(TOKEN, start), start), seal(TOKEN, start)[:-1], seal(TOKEN, start) + "0"),
    ]
    assert [status(token) for token in forged] == [403] * len(forged)
    server.stop()
    again = serve(folder, port=server.port)
    assert again.client.done("/start")["start"] != start
    assert status(seal(TOKEN, start)) == status(volunteers, "/api/people") == 403
    assert client("/start", headers={"Host": "evil.example"})[0] == 403
    assert client("/start", headers={"Origin": "https://evil.example"})[0] == 403


def test_a_page_that_was_open_goes_on_when_the_program_is_started_again(serve, folder, tmp_path):
    server = serve(folder)
    (tmp_path / "chromium").mkdir()
    with Browser(tmp_path / "chromium") as browser:
        page = Page(browser, server)
        browser.key("s")
        browser.wait("!document.getElementById('proposed').hidden")
        server.stop()
        browser.wait(f"({NOTICE}).includes('does not answer')")
        again = serve(folder, port=server.port)
        browser.wait(f"!({NOTICE})")
        browser.wait("document.getElementById('proposed').hidden")  # the program has none now
        page.server = again
        browser.key("b")
        browser.drag(page.at(30, 100), page.at(30, 110))
        assert page.labels()[30, 105] == 1
        again.stop()
        last = serve(folder, port=server.port)
        browser.run("window.before = true")
        browser.call("Page.reload")
        browser.wait(f"!window.before && {READY}")
        page.server = last
        browser.key("z", "ctrl")
        browser.wait("document.getElementById('undo').disabled")
        assert not page.labels().any()


class Impostor(http.server.BaseHTTPRequestHandler):
    """Listens where the program was, and keeps all that it is told."""

    heard: list[str]

    def do_GET(self):
        self.heard.append(f"{self.path} {self.headers}")
        self.send_response(200 if self.path == "/start" else 403)
        self.end_headers()
        self.wfile.write(b'{"start": "of an impostor"}')

    do_POST = do_GET

    def log_message(self, *_):
        pass


def test_who_listens_in_place_of_the_program_learns_nothing_that_opens_it(serve, folder, tmp_path):
    server = serve(folder)
    Impostor.heard = []
    (tmp_path / "chromium").mkdir()
    with Browser(tmp_path / "chromium") as browser:
        page = Page(browser, server)
        server.stop()
        with listening(server.port) as listener:
            impostor = http.server.ThreadingHTTPServer(listener.getsockname(), Impostor, False)
            impostor.socket.close()
            impostor.socket = listener
            thread = threading.Thread(target=impostor.serve_forever)
            thread.start()
            browser.key("b")
            browser.drag(page.at(30, 100), page.at(30, 110))
            browser.wait("!document.getElementById('message').hidden")
            impostor.shutdown()
            thread.join()
        heard = "".join(Impostor.heard)
        assert seal(TOKEN, "of an impostor") in heard and TOKEN not in heard
        again = serve(folder, port=server.port)
        told = [line.split()[-1] for line in heard.splitlines() if "token" in line.lower()]
        assert {
            again.client("/api/project", headers={"X-Cellwright-Token": t})[0] for t in told
        } == {403}
