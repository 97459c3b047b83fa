import numba
import pytest
from numba.core import event

from cellwright import _compiling
from cellwright._compiling import tell_of_compiling


@pytest.fixture
def listening(monkeypatch):
    """Listen as a new process would, and forget it afterwards."""
    monkeypatch.setenv("CELLWRIGHT_PROGRESS", "1")
    registered, register = [], event.register
    monkeypatch.setattr(event, "register", lambda kind, one: registered.append((kind, one)))
    _compiling.tell_of_compiling.cache_clear()
    tell_of_compiling()
    tell_of_compiling()
    monkeypatch.setattr(event, "register", register)
    ((kind, one),) = registered
    with event.install_listener(kind, one):
        yield
    _compiling.tell_of_compiling.cache_clear()


def compile_something(number):
    kernel = numba.njit(lambda x: x + number)
    assert kernel(1) == 1 + number


def test_long_compiling_is_told_once(listening, monkeypatch, capsys):
    compile_something(2)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(_compiling, "_LONG", 0.0)
    compile_something(3)
    assert capsys.readouterr().err.startswith("Note: compiling for this processor")
    compile_something(4)
    assert capsys.readouterr().err == ""
