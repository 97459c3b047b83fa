import numpy as np
import pytest

from cellwright._errors import ModelError, UsageError
from cellwright.inference.runtime import OnnxNetwork

onnx = pytest.importorskip("onnx", reason="builds its test networks with onnx")


def network_bytes(inputs=1):
    """A 3 × 3 box sum of one channel that also returns the pixel itself."""
    from onnx import TensorProto, helper, numpy_helper

    kernel = np.ones((2, 1, 3, 3), np.float32)
    kernel[1] = 0
    kernel[1, 0, 1, 1] = 1
    names = [f"pixels{i}" for i in range(inputs)]
    nodes = [helper.make_node("Conv", [names[0], "kernel"], ["maps"], pads=[1, 1, 1, 1])]
    graph = helper.make_graph(
        nodes,
        "box",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 1, "y", "x"]) for n in names],
        [helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["n", 2, "y", "x"])],
        [numpy_helper.from_array(kernel, "kernel")],
    )
    opset = helper.make_opsetid("", 17)
    return helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString()


def test_a_network_runs_from_bytes_and_from_a_file(tmp_path):
    pixels = np.random.default_rng(0).random((2, 1, 6, 7), dtype=np.float32)
    padded = np.pad(pixels[:, 0], ((0, 0), (1, 1), (1, 1)))
    box = sum(padded[:, y : y + 6, x : x + 7] for y in range(3) for x in range(3))
    path = tmp_path / "box.onnx"
    path.write_bytes(network_bytes())
    for model in (network_bytes(), path):
        network = OnnxNetwork(model, stride=(1, 1), halo=(1, 1), device="cpu", threads=1)
        maps = network(pixels)
        assert maps.dtype == np.float32
        np.testing.assert_allclose(maps[:, 0], box, rtol=1e-6)
        np.testing.assert_array_equal(maps[:, 1], pixels[:, 0])
        assert network.provider == "CPUExecutionProvider"


@pytest.mark.parametrize("content", [b"", b"no network", network_bytes()[:60]])
def test_a_broken_file_is_named(tmp_path, content):
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"broken\.onnx"):
        OnnxNetwork(path, stride=(1, 1), halo=(1, 1))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"gone\.onnx"):
        OnnxNetwork(tmp_path / "gone.onnx", stride=(1, 1), halo=(1, 1))


def test_a_network_with_two_inputs_is_refused():
    with pytest.raises(ModelError, match="one image"):
        OnnxNetwork(network_bytes(inputs=2), stride=(1, 1), halo=(1, 1))


def test_another_number_of_channels_is_refused_in_plain_words():
    network = OnnxNetwork(network_bytes(), stride=(1, 1), halo=(1, 1), threads=1)
    with pytest.raises(ModelError, match=r"1 channel\(s\), but this one has 3"):
        network(np.zeros((1, 3, 4, 4), np.float32))


def test_a_gpu_that_is_not_there_is_said():
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this installation can use a GPU")
    with pytest.raises(UsageError, match="onnxruntime-gpu"):
        OnnxNetwork(network_bytes(), stride=(1, 1), halo=(1, 1), device="cuda")
