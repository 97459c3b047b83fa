import sys

import pytest
import torch

from cellwright._errors import TrainingError
from cellwright.training.device import (
    arithmetic,
    choose_device,
    cores_left,
    cpu_threads,
    place,
    to_tensors,
    warn_of_broken_torchvision,
)
from training.toy import batch


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_missing_gpu():
    assert choose_device("auto").type == "cpu"
    with pytest.raises(TrainingError, match=r"Device 'cuda'.*choose the device 'cpu'"):
        choose_device("cuda")


@pytest.mark.parametrize(
    ("told", "mixed", "expected"),
    [
        ({"avx512_bf16": True, "amx_bf16": False}, True, torch.bfloat16),
        ({"avx512_bf16": False, "amx_bf16": True}, True, torch.bfloat16),
        ({"avx512_bf16": True}, False, torch.float32),
        ({"avx512_bf16": False, "amx_bf16": False}, True, torch.float32),
        ({}, True, torch.float32),
    ],
)
def test_half_precision_where_the_processor_has_it(told, mixed, expected, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: told, raising=False)
    assert arithmetic(torch.device("cpu"), mixed) is expected


def test_an_older_torch_does_not_tell_and_computes_in_floats(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert arithmetic(torch.device("cpu"), mixed=True) is torch.float32


@pytest.mark.parametrize("dimensions", [2, 3])
def test_place_changes_the_layout_only(dimensions):
    convolution = {2: torch.nn.Conv2d, 3: torch.nn.Conv3d}[dimensions](4, 8, 3)
    before = convolution.weight.detach().clone()
    place(convolution, torch.device("cpu"))
    assert torch.equal(convolution.weight, before)
    assert convolution.weight.stride(1) == 1  # channels are neighbours in memory


@pytest.mark.parametrize(("workers", "threads"), [(0, 4), (1, 4), (3, 3), (5, 1), (6, 1), (9, 1)])
def test_threads_and_workers_share_the_cores(workers, threads, monkeypatch):
    monkeypatch.setattr("cellwright.training.device.available_cores", lambda: 6)
    with cpu_threads(4):  # what torch would take, or the user has said
        assert cores_left(workers) == threads


def test_threads_are_given_back():
    before = torch.get_num_threads()
    with cpu_threads(1):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_reversed_arrays_become_tensors():
    flipped = {"image": batch(0)["image"][..., ::-1]}
    tensors = to_tensors(flipped, torch.device("cpu"))
    assert torch.equal(tensors["image"], torch.from_numpy(flipped["image"].copy()))


def test_a_broken_torchvision_is_pointed_out(tmp_path, monkeypatch):
    (tmp_path / "torchvision.py").write_text("raise RuntimeError('operator nms does not exist')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    with pytest.warns(UserWarning, match=r"nms does not exist.*pip uninstall torchvision"):
        warn_of_broken_torchvision()


def test_no_torchvision_no_word(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    warn_of_broken_torchvision()
