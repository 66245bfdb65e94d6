"""A generator is loaded only if its checkpoint is what it says; nothing in it is executed."""

import pickle
import shutil
import zipfile
from pathlib import Path

import pytest
import torch
from messages import one_sentence

from pix2pix_utils.data.pairs import signed_colors
from pix2pix_utils.data.palette import CAMVID
from pix2pix_utils.errors import UserError
from pix2pix_utils.files import read_json, write_json
from pix2pix_utils.models import build_generator
from pix2pix_utils.tensors import load_tensors
from pix2pix_utils.training.checkpoints import load_checkpoint
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.trained_generator import load_generator

CPU = torch.device("cpu")


@pytest.fixture
def state():
    """A checkpoint's content: a baseline of 32x32 pixels and width 2."""
    config = configure("baseline", "smoke", settings=["width=2"])
    generator = build_generator(config.generator, config.image_size, config.width)
    return {
        "config": config.to_dict(),
        "palette": CAMVID.to_dict(),
        "generator": dict(generator.state_dict()),
    }


@pytest.fixture
def load(tmp_path):
    def load(state, **options):
        torch.save(state, tmp_path / "model.pt", **options)
        return load_generator(tmp_path / "model.pt", CPU)

    return load


class Payload:
    """Unpickling it would write a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.write_text, (self.path, "executed"))


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("place", ["generator", "config", "palette", "alone"])
def test_a_payload_is_refused_and_not_executed(tmp_path, state, legacy, place):
    trace, path = tmp_path / "trace", tmp_path / "model.pt"
    content = Payload(trace) if place == "alone" else {**state, place: Payload(trace)}
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    message = one_sentence(lambda: load_generator(path, CPU))
    assert str(path) in message and "not loaded" in message
    path.write_bytes(pickle.dumps(content, protocol=2))
    assert str(path) in one_sentence(lambda: load_generator(path, CPU))
    assert not trace.exists()
    pickle.loads(pickle.dumps(Payload(trace)))
    assert trace.read_text() == "executed"  # it would have worked


def test_a_whole_checkpoint_loads(load, state):
    generator, palette, size = load(state)
    assert size == 32 and palette.classes == CAMVID.classes
    torch.testing.assert_close(dict(generator.state_dict()), state["generator"])


def test_a_checkpoint_from_before_a_setting_was_invented_loads(load, state, finished_run, tmp_path):
    """Alone, and in a run, whose configuration is then as old."""
    new = {"label_input", "ssim_weight", "average_decay", "decay_from"}

    def older(values: dict) -> dict:
        return {key: value for key, value in values.items() if key not in new}

    assert load({**state, "config": older(state["config"])})[2] == 32
    folder = shutil.copytree(finished_run.folder, tmp_path / "run")
    best = load_checkpoint(folder / "checkpoints" / "best.pt")
    torch.save({**best, "config": older(best["config"])}, folder / "checkpoints" / "best.pt")
    write_json(folder / "config.json", older(read_json(folder / "config.json")))
    generator, _, _ = load_generator(folder, CPU)
    torch.testing.assert_close(dict(generator.state_dict()), dict(best["generator"]))


def test_a_generator_of_class_planes_gets_its_colours_from_the_palette(load, state):
    colors = signed_colors(CAMVID)
    state["config"]["label_input"] = "one-hot+coordinates"
    torch.manual_seed(0)
    network = build_generator("unet", 32, 2, "one-hot+coordinates", colors).eval()
    label = colors[torch.randint(len(colors), (1, 32, 32))].movedim(-1, 1)
    generator, _, _ = load({**state, "generator": dict(network.state_dict())})
    with torch.no_grad():
        torch.testing.assert_close(generator.eval()(label), network(label))


@pytest.mark.parametrize(
    ("lie", "truth"),
    [
        ({"width": 100_000}, r"'down\.0\.0\.weight' has the shape \(2, 3, 4, 4\) .* \(100000, 3"),
        ({"width": 2**40}, "does not fit its configuration"),
        ({"image_size": 256}, "'down.*' is missing"),
        ({"generator": "enhanced"}, "is missing"),
        ({"generator": "../../etc/passwd"}, "no generator '../../etc/passwd'"),
        ({"image_size": 33}, "image_size is 33"),
        ({"generator": "deeplab-mobilenet", "image_size": 2**30}, "image_size is 1073741824"),
        ({"label_input": "one-hot"}, "'network.down.0.0.weight' is missing"),
        ({"label_input": "one-hot+../x"}, "no part of label_input '../x'"),
        ({"label_input": "edges"}, "cannot tell the classes"),
        ({"width": 0}, "width is 0"),
        ({"width": "2"}, "width is '2'"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"widht": 2}, "did you mean 'width'"),
    ],
)
def test_a_configuration_that_contradicts_its_weights_is_refused(load, state, lie, truth, tmp_path):
    state["config"] |= lie
    with pytest.raises(UserError, match=truth) as error:
        load(state)
    assert str(tmp_path / "model.pt") in str(error.value) and "\n" not in str(error.value)


def test_a_lying_configuration_costs_no_memory(load, state, monkeypatch):
    """Nothing of the claimed size is made, not even for a moment."""
    largest = 0
    empty = torch.empty

    def watched(*shape, **options):
        nonlocal largest
        tensor = empty(*shape, **options)
        if tensor.device.type != "meta":
            largest = max(largest, tensor.numel())
        return tensor

    monkeypatch.setattr(torch, "empty", watched)
    state["config"]["width"] = 100_000  # its widest layer would have 10 TB
    with pytest.raises(UserError, match="instead of \\(100000, 3, 4, 4"):
        load(state)
    assert largest < 10**6


WRONG_PARTS = [None, 3, "x", [1, 2], (), {1: 2}, {"a": "b"}]


@pytest.mark.parametrize(
    ("part", "value"),
    [
        *((part, value) for part in ("config", "palette", "generator") for value in WRONG_PARTS),
        *(("palette", {}), ("generator", {})),
    ],
)
def test_parts_of_another_kind_are_refused(load, state, part, value):
    assert "model.pt" in one_sentence(lambda: load({**state, part: value}))


def test_weights_of_another_kind_are_refused(load, state):
    key = "down.0.0.weight"
    for wrong in (
        state["generator"][key].bool(),
        state["generator"][key].to_sparse(),
        state["generator"][key] * float("nan"),
        torch.zeros(1).expand(10**6, 10**6),
        torch.empty(2, 3, 4, 4, device="meta"),
        "text",
    ):
        changed = {**state, "generator": {**state["generator"], key: wrong}}
        assert "model.pt" in one_sentence(lambda changed=changed: load(changed))
    del state["generator"][key]
    assert f"'{key}' is missing" in one_sentence(lambda: load(state))


@pytest.mark.parametrize(
    "lie",
    [
        {"colors": [[0, 0, 300]] * 12},
        {"colors": [[0, 0, 10**30]] * 12},
        {"colors": [[0, 0, 0]] * 12},
        {"colors": [[0, 0]] * 12},
        {"classes": []},
        {"evaluated": 99},
        {"evaluated": -1},
        {"classes": [str(n) for n in range(300)], "colors": [[0, n // 2, n] for n in range(300)]},
    ],
)
def test_a_palette_that_is_none_is_refused(load, state, lie):
    state["palette"] |= lie
    assert "model.pt" in one_sentence(lambda: load(state))


def test_an_archive_that_unpacks_to_more_than_it_holds_is_refused(tmp_path, state):
    """torch would unpack compressed records; a bomb makes gigabytes of a megabyte."""
    whole, bomb = tmp_path / "model.pt", tmp_path / "bomb.pt"
    torch.save({**state, "extra": torch.zeros(2_000_000)}, whole)
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    assert bomb.stat().st_size < 200_000
    message = one_sentence(lambda: load_tensors(bomb, "checkpoint"))
    assert str(bomb) in message and "unpack to 8" in message
