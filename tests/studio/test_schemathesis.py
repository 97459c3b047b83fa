"""Requests nobody thought of, made from what the servers say of themselves, right and wrong."""

from collections import Counter

import pytest

import cellwright as cw
from cellwright.simulation.nuclei import NucleiSimulation, simulate_field
from cellwright.studio.trainer import Trainer

from .conftest import TOKEN
from .reviewing import ReviewServer, tracked

schemathesis = pytest.importorskip("schemathesis", reason="Schemathesis is not installed")

EXAMPLES = 6  # of right requests to each address, and as many of wrong ones
OUT_OF_PLACE = {
    # A request can be of the right form and ask for what is not there: that is a 400 here.
    "positive_data_acceptance",
    # These follow links between addresses, of which the descriptions name none.
    *("use_after_free", "ensure_resource_availability", "object_level_authorization"),
}


def annotating(serve, folder):
    for number in range(2):
        pixels, _ = simulate_field(NucleiSimulation(size=(120, 150), diameter=24), seed=number)
        cw.write(folder / f"field_{number}.tif", cw.Image(pixels, "YX"))
    return serve(folder)


@pytest.fixture
def review(tmp_path):
    server = ReviewServer(tracked(tmp_path))
    yield server
    server.stop()


def test_annotation_answers_as_it_says(serve, tmp_path, monkeypatch):
    monkeypatch.setattr(Trainer, "_run", lambda self, one: None)  # trainings take minutes
    assert faults(annotating(serve, tmp_path)) == []


def test_review_answers_as_it_says(review):
    assert faults(review) == []


def test_what_is_looked_for_is_found(review, monkeypatch, caplog):
    monkeypatch.setattr(type(review.desk), "columns", lambda self, table: [1 / 0])
    assert any("Server error" in fault for fault in faults(review, "/api/tables/{table}"))
    assert "ZeroDivisionError" in caplog.text


def faults(server, *paths):
    """Return what is wrong with the answers of a server, once for each address and kind."""
    config = schemathesis.Config()
    # Fields that nobody described are passed over, which is no fault.
    config.projects.default.generation.allow_extra_parameters = False
    address = f"http://127.0.0.1:{server.port}/openapi.json"
    schema = schemathesis.openapi.from_url(address, config=config)
    schema = schema.include(path=list(paths)) if paths else schema
    for part in ("path_parameters", "query", "body"):
        schema.hook(f"map_{part}")(_near)
    found, codes = {}, Counter()
    for result in schema.get_all_operations():
        operation = result.ok()
        for mode in schemathesis.GenerationMode:
            for fault in _faults(operation, mode, codes):
                found.setdefault((operation.label, fault.split("\n")[0]), fault)
    assert paths or codes[200] > codes.total() / 8  # or little but refusals would be tried
    return list(found.values())


def _faults(operation, mode, codes):
    from hypothesis import HealthCheck, Phase, given, seed, settings
    from schemathesis.checks import CHECKS, load_all_checks

    load_all_checks()
    names = [name for name in CHECKS.get_all_names() if name not in OUT_OF_PLACE]
    checks, headers, found = CHECKS.get_by_names(names), {"X-Cellwright-Token": TOKEN}, []

    @seed(1)
    @settings(
        **{"max_examples": EXAMPLES, "database": None, "deadline": None},
        **{"phases": [Phase.generate], "suppress_health_check": list(HealthCheck)},
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case):
        response = case.call(headers=headers)
        codes[response.status_code] += 1
        try:
            case.validate_response(response, checks=checks, headers=headers)
        except schemathesis.errors.FailureGroup as group:
            found.extend(str(failure) for failure in group.exceptions)

    ask()
    return found


def _near(context, values):
    """Bring numbers to where there is something, so that requests come further."""
    if not isinstance(values, dict):
        return values
    numbers = {n: v % 3 for n, v in values.items() if type(v) is int and v > 2}
    tables = {"table": ("objects", "links")[len(values["table"]) % 2]} if "table" in values else {}
    return values | numbers | tables
