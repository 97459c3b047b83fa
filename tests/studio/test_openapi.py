"""The description of the server says what there is, and what is said is there."""

import re

import pytest
from starlette.routing import Route

from cellwright.studio.app import OPERATIONS, make_app

from .browser import CHROMIUM, Browser


@pytest.fixture
def server(serve, folder):
    return serve(folder)


def test_every_address_is_described_and_no_other(server):
    guard = make_app(server.desk, "token", 1)
    there = {
        (method, re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path))
        for route in guard._app.routes
        if isinstance(route, Route) and route.path.startswith("/api/")
        for method in route.methods - {"HEAD"}
    }
    assert there == set(OPERATIONS)


def test_what_is_said_to_be_needed_is_needed_and_suffices(server):
    told = server.client.done("/openapi.json")
    assert told["openapi"].startswith("3.1")
    values = {"integer": 0, "number": 1.5, "string": "brush", "array": [], "boolean": True}
    for path, methods in told["paths"].items():
        if "get" not in methods:
            continue
        needed = [p for p in methods["get"]["parameters"] if p["required"] and p["in"] == "query"]
        address = path.replace("{number}", "0")
        query = "&".join(f"{p['name']}={values[p['schema']['type']]}" for p in needed)
        assert server.client(f"{address}?{query}")[0] in (200, 204), path
        for left_out in needed:
            fewer = "&".join(part for part in query.split("&") if left_out["name"] not in part)
            assert server.client(f"{address}?{fewer}")[0] == 400, (path, left_out["name"])


def test_a_wrong_type_of_any_field_is_refused(server):
    for (method, path), operation in OPERATIONS.items():
        for name in operation.takes if method == "POST" else ():
            if operation.takes[name].required:
                body = {"tool": "brush", "minutes": 1} | {name: {"a": 1}}
                assert server.client(path.replace("{number}", "0"), body)[0] == 400, (path, name)
    assert server.client.done("/api/images/0/history") == []


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_the_page_for_programs_lists_them_all(server, tmp_path):
    (tmp_path / "chromium").mkdir()
    with Browser(tmp_path / "chromium") as browser:
        browser.open(server.address.partition("#")[0] + "static/docs.html")
        count = "document.querySelectorAll('article').length"
        browser.wait(f"{count} === {len(OPERATIONS)}")
        assert browser.complaints == []
