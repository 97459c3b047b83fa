import pytest

from cellwright import __version__
from cellwright.runs import doctor


def test_one_block_with_versions_devices_and_caches(run):
    result = run("doctor")
    assert result.code == 0
    for expected in (__version__, "onnxruntime", "CPU", "cores", "caches:"):
        assert expected in result.out
    assert "Azure" not in result.out
    torch = doctor.examine()["packages"]["torch"]
    assert result.out.count(torch) == 1


def test_the_build_for_gpus_stands_in_for_onnxruntime(monkeypatch):
    def version(name):
        if name == "onnxruntime":
            raise doctor.PackageNotFoundError
        return "1.2.3"

    monkeypatch.setattr(doctor, "version", version)
    assert doctor.examine()["packages"]["onnxruntime"] == "1.2.3 (onnxruntime-gpu)"


def test_json_has_the_same_sections(run):
    facts = run("doctor", "--json").json
    assert list(facts) == ["system", "packages", "devices", "caches", "problems"]


@pytest.mark.parametrize(
    ("torch", "vision", "broken"),
    [
        ("2.13.0+cpu", "0.28.0", True),
        ("2.13.0+cpu", "0.28.0+cpu", False),
        ("2.13.0", "0.28.0", False),
        (None, "0.28.0", False),
    ],
)
def test_a_torchvision_of_another_build_than_torch_is_a_problem(monkeypatch, torch, vision, broken):
    versions = {"torch": torch, "torchvision": vision}
    monkeypatch.setattr(doctor, "_version", lambda name: versions.get(name, "1.0"))
    problems = doctor.examine()["problems"]
    assert ("torchvision" in problems) == broken
    assert "does not need it" in problems.get("torchvision", "does not need it")
