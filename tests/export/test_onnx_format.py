"""An ONNX file computes what torch does, says what it is, and replaces only when it is whole."""

import copy
import json
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from messages import one_sentence

from pix2pix_utils.data.palette import CAMVID
from pix2pix_utils.errors import UserError
from pix2pix_utils.export import onnx_format
from pix2pix_utils.export.onnx_format import TOLERANCE, onnx_model, write_onnx
from pix2pix_utils.files import WriteError
from pix2pix_utils.models import GENERATORS
from pix2pix_utils.training.trained_generator import read_generator

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

EVERYTHING = "rgb+one-hot+edges+coordinates+mirrored"


def photo_of(content: bytes, label: torch.Tensor) -> np.ndarray:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (photo,) = session.run(None, {"label": label.numpy()})
    return photo


def difference(content: bytes, trained, label: torch.Tensor) -> float:
    """How far the file's photo is from torch's; the latter must not be of one colour."""
    network = copy.deepcopy(trained.network).eval()
    with torch.no_grad():
        photo = network(label)
    assert photo.std() > 1e-3
    return float(np.abs(photo_of(content, label) - photo.numpy()).max())


@pytest.mark.parametrize("generator", GENERATORS)
def test_every_generator_paints_what_torch_does(trained, random_label_map, generator):
    network = trained(generator)
    model = onnx_model(network)
    assert difference(model.content, network, random_label_map(99)) <= TOLERANCE
    proto = onnx.load_from_string(model.content)
    onnx.checker.check_model(proto, full_check=True)
    (label,), (photo,) = proto.graph.input, proto.graph.output
    assert (label.name, photo.name) == ("label", "photo")
    for end in (label, photo):
        shape = [size.dim_value for size in end.type.tensor_type.shape.dim]
        assert shape == [1, 3, 32, 32] and end.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    operators = [node.op_type for node in proto.graph.node]
    assert not {"BatchNormalization", "Dropout"} & set(operators)


def test_what_a_network_sees_is_found_inside_the_graph(trained, random_label_map):
    network = trained("unet", EVERYTHING)
    model = onnx_model(network)
    label = random_label_map(99)
    assert difference(model.content, network, label) <= TOLERANCE
    # a colour that is none of the palette's counts as the nearest
    assert difference(model.content, network, label * 0.97) <= TOLERANCE


def test_half_the_bytes_nearly_the_photo(trained, random_label_map):
    network = trained("unet-resize", "one-hot+coordinates")
    half = onnx_model(network, half=True)
    weights = sum(value.numel() for value in network.network.parameters())
    assert len(half.content) < 0.6 * 4 * weights  # bytes
    found = difference(half.content, network, random_label_map(99))
    assert 0 < found < 1 / 255  # of a range of 2: half a level
    assert 0 < half.difference < 1 / 255
    onnx.checker.check_model(onnx.load_from_string(half.content), full_check=True)


def test_the_same_generator_gives_the_same_bytes(trained):
    assert onnx_model(trained("unet")).content == onnx_model(trained("unet")).content


def test_the_file_of_a_run_says_what_it_is(finished_run, tmp_path):
    trained = read_generator(finished_run.folder)
    write_onnx(trained, tmp_path / "model.onnx")
    content = (tmp_path / "model.onnx").read_bytes()
    proto = onnx.load_from_string(content)
    values = {prop.key: prop.value for prop in proto.metadata_props}
    palette = trained.palette
    assert json.loads(values["classes"]) == list(palette.classes)
    assert json.loads(values["colors"]) == palette.colors.tolist()
    assert values["experiment"] == "baseline" and values["title"] == "Baseline Model"
    assert (values["dataset"], values["train_pairs"], values["image_size"]) == (
        "synthetic",
        "12",
        "32",
    )
    assert json.loads(values["ssim"]) == finished_run.result()["ssim"]["eval"]
    assert "licence" not in values  # the streets are drawn
    assert [(opset.domain, opset.version) for opset in proto.opset_import] == [("", 18)]
    assert str(finished_run.folder.parent).encode() not in content
    assert b"pix2pix_utils/" not in content and b"site-packages" not in content  # of source lines


def test_a_checkpoint_on_its_own_says_what_it_knows(finished_run):
    model = onnx_model(read_generator(finished_run.best_checkpoint))
    keys = {prop.key for prop in onnx.load_from_string(model.content).metadata_props}
    assert {"classes", "colors", "image_size", "experiment"} <= keys
    assert not keys & {"dataset", "ssim", "licence"}


def test_a_generator_stays_as_it_was(trained):
    network = trained("unet")
    before = copy.deepcopy(network.network.state_dict())
    onnx_model(network, half=True)
    assert network.network.training
    torch.testing.assert_close(network.network.state_dict(), before, rtol=0, atol=0)


def test_a_file_that_differs_from_torch_is_not_written(trained, tmp_path, monkeypatch):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")
    network = trained("unet")
    monkeypatch.setattr(onnx_format, "_difference", lambda *_: float("nan"))
    message = one_sentence(lambda: write_onnx(network, path))
    assert "unet" in message and "1e-04" in message
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_a_network_that_torch_cannot_export_is_named(trained, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("no symbol for aten::strange\nand more")

    monkeypatch.setattr(torch.onnx, "export", fail)
    message = one_sentence(lambda: onnx_model(trained("unet")))
    assert "generator unet" in message and "aten::strange" in message


def test_a_folder_that_cannot_be_made_is_named(trained, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError, match="file"):
        write_onnx(trained("unet"), tmp_path / "file" / "model.onnx")


@pytest.mark.parametrize("package", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_package_is_named_with_the_remedy(trained, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    message = one_sentence(lambda: onnx_model(trained("unet")))
    assert f"needs the package {package}" in message and "pip install" in message


def test_classes_that_are_no_streets_are_compared_on_a_patchwork():
    palette = replace(CAMVID, classes=tuple(f"shape {i}" for i in range(len(CAMVID))))
    with pytest.raises(UserError):
        onnx_format.match_classes(palette)
    (patchwork,) = onnx_format._label_maps(palette, 32)
    found = {tuple(color) for color in patchwork[0].flatten(1).t().tolist()}
    assert len(found) == len(palette)  # every class occurs
