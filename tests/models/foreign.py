"""BioImage.IO packages as other programs write them, made by hand after the format's description.

The network blurs each channel over 3 × 3 pixels, halves and doubles the image, and adds both: its
stride is 2. Maps are its channels, so that an image can say what is to be found in it.
"""

import io
import zipfile
from hashlib import sha256

import numpy as np
import yaml

SIZE = 48  # px


def network(channels, *, axes="bcyx", softmax=False, sigmoid=False, opset=13, fixed=None):
    """Return the network as an ONNX model; `axes` are those of its input and output."""
    from onnx import TensorProto, helper, numpy_helper

    kernel = np.full((channels, 1, 3, 3), 1 / 9, np.float32)
    order = [axes.index(axis) for axis in "bcyx"]
    back = ["bcyx".index(axis) for axis in axes]
    constants = {
        "kernel": kernel,
        "scales": np.array([1, 1, 2, 2], np.float32),
        "half": np.array(0.5, np.float32),
    }
    make = helper.make_node
    nodes = [
        make("Transpose", ["raw"], ["planes"], perm=order),
        make("Conv", ["planes", "kernel"], ["blurred"], group=channels, pads=[1, 1, 1, 1]),
        make("AveragePool", ["blurred"], ["small"], kernel_shape=[2, 2], strides=[2, 2]),
        make("Resize", ["small", "", "scales"], ["coarse"], mode="nearest"),
        make("Add", ["blurred", "coarse"], ["both"]),
        make("Mul", ["both", "half"], ["mean"]),
    ]
    last = "mean"
    if softmax or sigmoid:
        last = "probabilities"
        kind = {"axis": 1} if softmax else {}
        nodes.append(make("Softmax" if softmax else "Sigmoid", ["mean"], [last], **kind))
    nodes.append(make("Transpose", [last], ["maps"], perm=back))
    free = {"b": "n", "c": channels, "y": fixed or "h", "x": fixed or "w"}
    ends = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [free[axis] for axis in axes])]
        for name in ("raw", "maps")
    ]
    stored = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "foreign", *ends, stored)
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def maps_of(pixels):
    """Return what the network makes of (C, Y, X), computed plainly."""
    padded = np.pad(pixels.astype(np.float64), ((0, 0), (1, 1), (1, 1)))
    height, width = pixels.shape[1:]
    shifted = [padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    blurred = sum(shifted) / 9
    small = blurred.reshape(len(pixels), height // 2, 2, width // 2, 2).mean((2, 4))
    return (blurred + small.repeat(2, 1).repeat(2, 2)) / 2


def array_file(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def image(channels, seed=0):
    """Return uint16 grey values (C, Y, X), each channel of another range."""
    rng = np.random.default_rng(seed)
    gains = 100 * (1 + np.arange(channels))[:, None, None]
    return (rng.gamma(2.0, 1.0, (channels, SIZE, SIZE)) * gains).astype(np.uint16)


def package_04(raw, expected, model, *, before=(), behind=(), axes="bcyx", **changes):
    """Return the files of a package of the format 0.4; arrays are (C, Y, X)."""
    channels, count = len(raw), len(expected)
    stored = [array_file(ours(array, axes)) for array in (raw, expected.astype(np.float32))]
    least = {"b": 1, "c": channels, "y": 16, "x": 16}
    step = {"b": 0, "c": 0, "y": 2, "x": 2}
    scale = {"b": 1.0, "c": 0.0, "y": 1.0, "x": 1.0}
    weights = model.SerializeToString()
    content = {
        "type": "model",
        "format_version": "0.4.10",
        "name": "Cell Boundary U-Net",
        "description": "Predicts foreground and boundaries of cells.",
        "authors": [{"name": "Ann Example", "affiliation": "Somewhere"}],
        "cite": [{"text": "Example et al. (2021)", "doi": "10.1234/example"}],
        "license": "CC-BY-4.0",
        "documentation": "README.md",
        "covers": ["cover.png"],
        "tags": ["cells", "2d"],
        "timestamp": "2022-01-01T00:00:00",
        "inputs": [
            {
                "name": "raw",
                "axes": axes,
                "data_type": "float32",
                "data_range": ["-inf", "inf"],
                "shape": {
                    "min": [least[axis] for axis in axes],
                    "step": [step[axis] for axis in axes],
                },
                "preprocessing": list(before),
            }
        ],
        "outputs": [
            {
                "name": "maps",
                "axes": axes,
                "data_type": "float32",
                "data_range": ["-inf", "inf"],
                "shape": {
                    "reference_tensor": "raw",
                    "scale": [scale[axis] for axis in axes],
                    "offset": [count / 2 if axis == "c" else 0.0 for axis in axes],
                },
                "halo": [4 if axis in "yx" else 0 for axis in axes],
                "postprocessing": list(behind),
            }
        ],
        "test_inputs": ["test_input.npy"],
        "test_outputs": ["test_output.npy"],
        "weights": {
            "onnx": {
                "source": "weights.onnx",
                "sha256": sha256(weights).hexdigest(),
                "opset_version": model.opset_import[0].version,
            }
        },
        **changes,
    }
    return package(content, weights, *stored)


def package_05(raw, expected, model, names, *, before=(), behind=(), **changes):
    """Return the files of a package of the format 0.5; `names` are those of the maps."""
    stored = [array_file(ours(array, "bcyx")) for array in (raw.astype(np.float32), expected)]
    weights = model.SerializeToString()

    def file(name, data):
        return {"source": name, "sha256": sha256(data).hexdigest()}

    inputs = [{"type": "batch"}, {"type": "channel", "channel_names": channel_names(len(raw))}]
    outputs = [{"type": "batch"}, {"type": "channel", "channel_names": list(names)}]
    for axis in ({"id": "y"}, {}):  # without a name it is x
        like = {"tensor_id": "raw", "axis_id": axis.get("id", "x")}
        inputs.append({"type": "space", **axis, "size": {"min": 16, "step": 2}})
        outputs.append({"type": "space", **axis, "size": like, "halo": 4})
    content = {
        "type": "model",
        "format_version": "0.5.11",
        "name": "Tissue classes",
        "version": "1.2",
        "description": "Says of every pixel what it is.",
        "authors": [{"name": "Bob Example"}],
        "cite": [{"text": "Example et al. (2024)", "doi": "10.1234/example.2"}],
        "license": "MIT",
        "documentation": {"source": "README.md"},
        "covers": [{"source": "cover.png"}],
        "tags": ["tissue"],
        "timestamp": "2024-01-01T00:00:00",
        "inputs": [
            {
                "id": "raw",
                "axes": inputs,
                "data": {"type": "float32"},
                "test_tensor": file("test_input.npy", stored[0]),
                "preprocessing": list(before),
            }
        ],
        "outputs": [
            {
                "id": "maps",
                "axes": outputs,
                "data": {"type": "float32"},
                "test_tensor": file("test_output.npy", stored[1]),
                "postprocessing": list(behind),
            }
        ],
        "weights": {
            "onnx": file("weights.onnx", weights) | {"opset_version": model.opset_import[0].version}
        },
        **changes,
    }
    return package(content, weights, *stored)


def package(content, weights, test_input, test_output):
    import imagecodecs

    return {
        "rdf.yaml": yaml.safe_dump(content).encode(),
        "weights.onnx": weights,
        "test_input.npy": test_input,
        "test_output.npy": test_output,
        "cover.png": imagecodecs.png_encode(np.zeros((256, 256, 3), np.uint8)),
        "README.md": b"# A model\n\n## Validation\n\nNone.\n",
    }


def ours(array, axes):
    """Return (C, Y, X) with a batch of one and other axes."""
    return array[np.newaxis].transpose(["bcyx".index(axis) for axis in axes])


def channel_names(count):
    return ["red", "green", "blue"] if count == 3 else [f"c{i}" for i in range(count)]


def zipped(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def unpacked(folder, files):
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder
