"""Who is refused."""

import http.client

import pytest


@pytest.mark.parametrize("token", ["", "wrong", "a-token-that-nobody-know"])
def test_a_request_for_data_needs_the_token(client, token):
    status, told = client("/api/project", headers={"X-Cellwright-Token": token})
    assert status == 403 and "token" in told["error"]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1.evil.example:80"])
def test_a_name_that_is_not_ours_is_refused_whatever_it_points_to(client, host):
    assert client("/api/project", headers={"Host": host})[0] == 403
    assert client("/", headers={"Host": host})[0] == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_a_page_from_elsewhere_is_refused(client, origin):
    assert client("/api/project", headers={"Origin": origin})[0] == 403
    assert client("/api/images/0/undo", {}, headers={"Origin": origin})[0] == 403


def test_our_own_page_is_answered(client):
    assert client("/api/project", headers={"Origin": f"http://127.0.0.1:{client.port}"})[0] == 200
    status, page = client("/")
    assert status == 200 and b"Cellwright" in page


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2f..%2f_files.py",
        "/static//etc/passwd",
    ],
)
def test_no_path_leads_out_of_the_page(client, path):
    connection = http.client.HTTPConnection("127.0.0.1", client.port)
    connection.request("GET", path)  # sent as it is
    answer = connection.getresponse()
    assert answer.status == 404 and b"import" not in answer.read()
    connection.close()


def test_a_body_that_is_too_large_is_refused(client):
    assert client("/api/images/0/edits", b" " * (5 * 1024**2))[0] in (403, 413)
    assert client("/api/project")[0] == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b'{"tool": 5}'])
def test_a_body_that_makes_no_sense_is_refused(client, body):
    status, told = client("/api/images/0/edits", body, method="POST")
    assert status == 400 and told["error"]


@pytest.mark.parametrize(
    "edit",
    [
        {"tool": "brush", "points": [[1, 2]], "radius": 1e30},
        {"tool": "brush", "points": [[1, 2]], "radius": True},
        {"tool": "brush", "points": [["1", 2]], "radius": 2},
        {"tool": "brush", "points": [], "radius": 2},
        {"tool": "lasso", "points": [[1, 2], [2, 3]]},
        {"tool": "delete", "point": [float("nan"), 1]},
        {"tool": "delete", "point": [1, 1], "z": "last"},
        {"tool": "../../etc"},
    ],
)
def test_an_edit_that_makes_no_sense_is_refused_and_changes_nothing(client, edit):
    status, told = client("/api/images/0/edits", edit)
    assert status == 400 and told["error"]
    assert client.done("/api/images/0/history") == []


@pytest.mark.parametrize(
    "path",
    [
        "/api/images/99",
        "/api/images/0/pixels?level=9&row=0&column=0",
        "/api/images/0/pixels?level=0&row=5&column=0",
        "/api/images/0/pixels?level=0&row=0&column=0&channel=4",
        "/api/images/2/labels?level=0&row=0&column=0&z=3",
        "/api/images/0/pixels?level=-1&row=0&column=0",
        "/api/images/0/values?y=nan&x=1",
    ],
)
def test_what_is_not_there_is_said(client, path):
    status, told = client(path)
    assert status == 400 and told["error"]


def test_answers_may_not_be_framed_kept_or_guessed(client):
    connection = http.client.HTTPConnection("127.0.0.1", client.port)
    connection.request("GET", "/")
    headers = connection.getresponse().headers
    connection.close()
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store" and headers["X-Content-Type-Options"] == "nosniff"
