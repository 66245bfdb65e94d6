"""A trained generator as an ONNX file, compared with torch before it is written.

The network has one input, `label`, the label map's colours, and one output, `photo`. Both are
(1, 3, S, S) float32 in [-1, 1]. A network that sees the classes, their borders or coordinates finds
them out of the colours inside the graph. Batch norm has its running statistics, and is part of the
convolution before it; there is no dropout.
"""

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

import pix2pix_utils
from pix2pix_utils.data.class_matching import match_classes
from pix2pix_utils.data.pairs import to_signed
from pix2pix_utils.data.palette import Palette
from pix2pix_utils.data.streets import draw_street
from pix2pix_utils.errors import UserError
from pix2pix_utils.export.description import describe, metadata
from pix2pix_utils.export.packages import require
from pix2pix_utils.files import atomic_write
from pix2pix_utils.training.trained_generator import TrainedGenerator

OPSET = 18  # the oldest that torch's exporter writes without a conversion
TOLERANCE = 1e-4  # of a photo in [-1, 1]; one of 256 levels is 8e-3
DRAWN_STREETS = 3  # label maps that the file is compared with torch on, and one of all classes
MIN_HALVED = 256  # numbers in a tensor of weights; smaller ones save nothing


@dataclass(frozen=True)
class OnnxModel:
    """The content of an ONNX file, and how far its photos are from torch's."""

    content: bytes
    difference: float  # the largest of any pixel and channel, for photos in [-1, 1]


def write_onnx(trained: TrainedGenerator, path: Path, half: bool = False) -> OnnxModel:
    """Write a generator to an ONNX file; an existing one is replaced only by a whole, tested one.

    Raises UserError as `onnx_model` does, and WriteError if the file cannot be written.
    """
    model = onnx_model(trained, half)
    with atomic_write(Path(path)) as temporary:
        temporary.write_bytes(model.content)
    return model


def onnx_model(trained: TrainedGenerator, half: bool = False) -> OnnxModel:
    """A generator as ONNX, with what is known about it as metadata (see `description.metadata`).

    With `half`, the weights of convolutions are stored in 16 bits and the graph makes 32 of them,
    which a runtime does once, when it loads the file: half the size at the same speed.

    The photos of a few label maps are compared with torch's. Raises UserError if they differ by
    more than `TOLERANCE`, before any weight is shortened; if torch or the installed packages cannot
    export the network; or if a package of the extra `export` is missing.
    """
    for name in ("onnx", "onnxscript", "onnxruntime"):
        require(name)
    import onnx

    network = _without_batch_norm(trained.network)
    labels = _label_maps(trained.palette, trained.config.image_size)
    with torch.no_grad():
        photos = [network(label) for label in labels]
    proto = _converted(network, labels[0], trained.config.generator)
    proto.producer_name, proto.producer_version = "pix2pix_utils", pix2pix_utils.__version__
    onnx.helper.set_model_props(proto, metadata(trained, describe(trained)))
    difference = _difference(proto.SerializeToString(deterministic=True), labels, photos)
    if not difference <= TOLERANCE:
        raise UserError(
            f"the exported {trained.config.generator} differs from torch's by {difference:.1e}, "
            f"more than {TOLERANCE:.0e}: export it with other versions of torch and onnxscript"
        )
    if half:
        _halve(proto)
        difference = _difference(proto.SerializeToString(deterministic=True), labels, photos)
    return OnnxModel(proto.SerializeToString(deterministic=True), difference)


class _ScaleAndShift(nn.Module):
    """What a batch norm does in evaluation mode: (N, C, H, W) to the same shape."""

    def __init__(self, norm: nn.BatchNorm2d):
        super().__init__()
        assert norm.running_mean is not None and norm.running_var is not None
        scale = (norm.running_var + norm.eps).rsqrt()
        shift = -norm.running_mean * scale
        if norm.affine:
            scale, shift = scale * norm.weight, shift * norm.weight + norm.bias
        self.scale, self.shift = (
            nn.Parameter(scale[:, None, None]),
            nn.Parameter(shift[:, None, None]),
        )

    def forward(self, features: Tensor) -> Tensor:
        return features * self.scale + self.shift


def _without_batch_norm(network: nn.Module) -> nn.Module:
    """A copy in evaluation mode, with each batch norm inside the convolution before it.

    That is the one before it among the parts of the same module, as in all networks here and in
    torchvision's. torch 2.6 could not export batch norm with today's onnxscript.
    """
    network = copy.deepcopy(network).eval()
    for module in list(network.modules()):
        before, name_before = None, ""
        for name, layer in list(module.named_children()):
            if isinstance(layer, nn.BatchNorm2d):
                if isinstance(before, nn.Conv2d | nn.ConvTranspose2d):
                    transposed = isinstance(before, nn.ConvTranspose2d)
                    setattr(module, name_before, fuse_conv_bn_eval(before, layer, transposed))
                    setattr(module, name, nn.Identity())
                else:
                    setattr(module, name, _ScaleAndShift(layer))
            before, name_before = layer, name
    return network


def _label_maps(palette: Palette, size: int) -> list[Tensor]:
    """Drawn streets in the palette's classes, if it has such, and a patchwork of all classes.

    (1, 3, S, S) each, in [-1, 1].
    """
    side = int(np.ceil(np.sqrt(len(palette))))  # patches
    place = np.arange(size) * side // size
    maps = [(place[:, None] * side + place) % len(palette)]
    with suppress(UserError):  # the classes are not of streets, or the size is none of theirs
        table = match_classes(palette).table
        maps += [table[draw_street(index, size=size)[0]] for index in range(DRAWN_STREETS)]
    return [to_signed(palette.encode(class_map))[None] for class_map in maps]


def _converted(network: nn.Module, label: Tensor, generator: str):
    """The network as an ONNX ModelProto, without traces of the machine that it was made on."""
    try:
        with _quiet():
            program = torch.onnx.export(
                network,
                (label,),
                dynamo=True,
                opset_version=OPSET,
                input_names=["label"],
                output_names=["photo"],
                verbose=False,
            )
            assert program is not None
            proto = program.model_proto
    except Exception as error:  # torch and onnxscript raise many kinds
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(
            f"torch {torch.__version__} cannot export the generator {generator} to ONNX: {reason}"
        ) from None
    _remove_traces(proto)
    return proto


def _remove_traces(proto) -> None:
    """Remove what torch notes for debugging: its lines of code, with the paths of their files."""
    graph = proto.graph
    del proto.metadata_props[:], graph.metadata_props[:], graph.value_info[:]
    parts = (*graph.node, *graph.initializer, *graph.input, *graph.output)
    for part in parts:
        part.ClearField("doc_string")
        part.ClearField("metadata_props")


@contextmanager
def _quiet() -> Iterator[None]:
    """Without torch's warnings about itself."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _halve(proto) -> None:
    """Store the weights of convolutions as float16, with a cast to float32 after each."""
    import onnx
    from onnx import numpy_helper

    graph = proto.graph
    weights = {n.input[1] for n in graph.node if n.op_type in ("Conv", "ConvTranspose")}
    casts = []
    for tensor in graph.initializer:
        if tensor.name in weights and np.prod(tensor.dims) >= MIN_HALVED:
            name, short = tensor.name, f"{tensor.name}_half"
            values = numpy_helper.to_array(tensor).astype(np.float16)
            tensor.CopyFrom(numpy_helper.from_array(values, short))
            casts.append(onnx.helper.make_node("Cast", [short], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _difference(content: bytes, labels: list[Tensor], photos: list[Tensor]) -> float:
    """The largest difference of onnxruntime's photos from torch's; not a number if one is."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    found = [session.run(["photo"], {"label": label.numpy()})[0] for label in labels]
    pairs = zip(found, photos, strict=True)
    return float(np.max([np.abs(ours - theirs.numpy()).max() for ours, theirs in pairs]))
