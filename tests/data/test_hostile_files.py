"""Files that lie, lure or never end: nothing is executed, nothing escapes, nothing hangs."""

import hashlib
import http.server
import io
import json
import os
import pickle
import stat
import threading
import time
import zipfile
from pathlib import Path

import pytest
import torch
from PIL import Image

from pix2pix_utils.data import camvid, download
from pix2pix_utils.data.camvid import download_camvid
from pix2pix_utils.data.dataset import load_data
from pix2pix_utils.data.discovery import open_source
from pix2pix_utils.data.palette import CAMVID
from pix2pix_utils.errors import UserError
from pix2pix_utils.files import atomic_write, read_json, write_json
from pix2pix_utils.models import build_generator
from pix2pix_utils.paths import cache_root, data_root, output_root
from pix2pix_utils.tensors import load_tensors
from pix2pix_utils.training import weights
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.trained_generator import load_generator
from pix2pix_utils.training.weights import WEIGHTS, PretrainedWeights, fetch
from pix2pix_utils.translation import translate

CPU = torch.device("cpu")


def one_sentence(call) -> str:
    with pytest.raises(UserError) as error:
        call()
    message = str(error.value)
    assert "\n" not in message
    return message


# --- Checkpoints ----------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("lie", "truth"),
    [
        ({"width": 100_000}, "it says width=100000, but its weights are those of width=2"),
        ({"width": 2**40}, "it says width=1099511627776, but"),
        ({"width": 3}, "it says width=3, but its weights are those of width=2"),
        ({"image_size": 256}, "it says image_size=256, but its weights are those of image_size=32"),
        ({"generator": "enhanced"}, "says generator=enhanced, but .* of generator=unet"),
        ({"generator": "pix2pix-unet", "width": 9}, "of generator=unet, width=2"),
        ({"generator": "../../etc/passwd"}, "no generator '../../etc/passwd'"),
        ({"image_size": 33}, "image_size is 33"),
        ({"generator": "deeplab-mobilenet", "image_size": 2**30}, "image_size is 1073741824"),
        ({"width": 0}, "width is 0"),
        ({"width": "2"}, "width is '2'"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"widht": 2}, "did you mean 'width'"),
    ],
)
def test_a_configuration_that_lies_about_its_weights_is_told(load, state, lie, truth, tmp_path):
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
    with pytest.raises(UserError, match="width=100000"):
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


def test_label_maps_of_another_palette_say_what_the_network_knows(tmp_path, load, state):
    load(state)
    label = tmp_path / "maps" / "label.png"
    label.parent.mkdir()
    Image.new("RGB", (8, 8), (0, 255, 255)).save(label)
    with pytest.raises(UserError, match=r"1 of .*trained on the classes of 'camvid'") as error:
        translate(tmp_path / "model.pt", [label], tmp_path / "out", CPU, progress=False)
    assert str(label) in str(error.value) and not (tmp_path / "out").exists()


def test_translating_names_every_bad_label_map_and_follows_no_circle(tmp_path, load, state):
    load(state)
    folder = tmp_path / "maps"
    (folder / "inner").mkdir(parents=True)
    for name in ("a.png", "inner/b.png"):
        Image.new("L", (8, 8)).save(folder / name)
    model, output = tmp_path / "model.pt", folder / "photos"
    try:
        (folder / "inner" / "loop").symlink_to(folder)
    except OSError:
        pytest.skip("this system makes no symbolic links")
    for _ in range(2):  # the second time the photos lie below the input folder
        written = translate(model, [folder], output, CPU, progress=False)
        assert sorted(str(p.relative_to(output)) for p in written) == ["a.png", "inner/b.png"]
    for name in ("a.png", "inner/b.png"):
        (folder / name).write_bytes(b"x")
    with pytest.raises(UserError, match=r"^2 of the label maps") as error:
        translate(model, [folder], tmp_path / "out", CPU, progress=False)
    assert str(folder / "a.png") in str(error.value) and "b.png" in str(error.value)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), OSError(30, "R/O")])
def test_photos_that_cannot_be_written_are_told_and_leave_nothing(
    tmp_path, load, state, monkeypatch, error
):
    load(state)
    Image.new("L", (8, 8)).save(tmp_path / "label.png")

    def refuse(self, path, **options):
        Path(path).write_bytes(b"half")
        raise error

    monkeypatch.setattr(Image.Image, "save", refuse)
    message = one_sentence(
        lambda: translate(
            tmp_path / "model.pt", [tmp_path / "label.png"], tmp_path / "out", CPU, progress=False
        )
    )
    assert "cannot write" in message and error.strerror in message and "--output" in message
    assert list((tmp_path / "out").iterdir()) == []


# --- Archives -------------------------------------------------------------------------------------


def hostile_archive(path: Path, camvid_folder: Path) -> None:
    """The names that an archive should not have, beside what it should."""
    with zipfile.ZipFile(path, "w") as content:
        for file in camvid_folder.rglob("*.png"):
            content.write(file, f"Tutorial-master/CamVid/{file.relative_to(camvid_folder)}")
        for name in (
            "Tutorial-master/CamVid/train/../../../../escaped.png",
            "../escaped.png",
            "/tmp/pix2pix-escaped.png",
            "C:\\escaped.png",
            "x/CamVid/train/..\\..\\escaped.png",
            "x/CamVid/train/C:escaped.png",
            "x/CamVid/train/.png",
            "x/CamVid/train/sub/escaped.png",
            "x/CamVid/other/escaped.png",
        ):
            content.writestr(name, b"escaped")
        for name, kind in (("link.png", stat.S_IFLNK), ("device.png", stat.S_IFCHR)):
            member = zipfile.ZipInfo(f"x/CamVid/train/{name}")
            member.create_system, member.external_attr = 3, (kind | 0o777) << 16
            content.writestr(member, "/etc/passwd")


def test_nothing_leaves_the_folder_that_an_archive_is_extracted_to(
    camvid_folder, tmp_path, monkeypatch
):
    archive = tmp_path / "hostile.zip"
    hostile_archive(archive, camvid_folder)
    monkeypatch.setattr(camvid, "folder_checksum", lambda *arguments: camvid.CAMVID_SHA256)
    folder = download_camvid(tmp_path / "data", archive.as_uri())
    files = [path for path in folder.rglob("*") if not path.is_dir()]
    expected = {path.relative_to(camvid_folder) for path in camvid_folder.rglob("*.png")}
    extra = {Path("train/link.png"), Path("train/device.png")}  # as the plain files that they hold
    assert {path.relative_to(folder) for path in files} == expected | extra
    assert all(stat.S_ISREG(path.lstat().st_mode) for path in files)
    assert not Path("/tmp/pix2pix-escaped.png").exists()
    assert not list(tmp_path.rglob("*escaped*"))


def test_no_other_archive_is_ever_extracted():
    """What is not there needs no filter."""
    package = Path(camvid.__file__).parent
    for path in package.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for call in ("tarfile", "extractall", "unpack_archive", ".extract(", "import yaml"):
            assert call not in text, (path, call)
        for call in ("pickle.load", "allow_pickle=True", "weights_only=False", "os.system"):
            assert call not in text, (path, call)


@pytest.mark.parametrize("kind", ["huge", "encrypted", "damaged inside", "no archive"])
def test_a_bad_archive_is_refused_and_leaves_nothing(camvid_folder, tmp_path, monkeypatch, kind):
    archive = tmp_path / "bad.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as content:
        content.writestr("x/CamVid/train/a.png", os.urandom(3000))
        if kind == "huge":
            content.writestr("x/CamVid/train/b.png", bytes(3_000_000))
    data = bytearray(archive.read_bytes())
    if kind == "huge":
        monkeypatch.setattr(camvid, "MAX_EXTRACTED_BYTES", 2_000_000)
    elif kind == "encrypted":
        data[6] |= 1
        data[data.index(b"PK\x01\x02") + 8] |= 1
    elif kind == "damaged inside":
        data[60:400] = bytes(340)
    else:
        data = b"<html>moved</html>"
    archive.write_bytes(data)
    message = one_sentence(lambda: download_camvid(tmp_path / "data", archive.as_uri()))
    assert "no whole archive" in message and archive.name in message
    assert list((tmp_path / "data").iterdir()) == []


# --- Downloads ------------------------------------------------------------------------------------


class Server(http.server.BaseHTTPRequestHandler):
    """Serves `content` as `behaviour` says; keeps the ranges that it was asked for."""

    content, behaviour, asked = b"", "well", []
    etag: str | None = '"1"'

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        cls = type(self)
        cls.asked.append(self.headers["Range"])
        start = 0
        if self.behaviour == "missing":
            return self.send_error(404)
        if self.headers["Range"] and self.headers["If-Range"] == self.etag:
            start = int(self.headers["Range"][6:-1])
            self.send_response(206)
            size = len(self.content)
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        else:
            self.send_response(200)
        if self.etag:
            self.send_header("ETag", self.etag)
        rest = self.content[start:]
        if self.behaviour != "endless":
            self.send_header("Content-Length", str(len(rest)))
        if self.behaviour == "lies about its length":
            self.send_header("Content-Length", "many")
        self.end_headers()
        drops = self.behaviour == "always drops" or (
            self.behaviour == "drops twice" and len(cls.asked) < 3
        )
        if self.behaviour == "changes":
            cls.behaviour, cls.etag = "well", '"2"'
            rest, drops = b"x" * 1000, True
        elif drops:
            rest = rest[: 1 + len(rest) // 3]
        if self.behaviour == "silent":
            time.sleep(2)
        try:
            if self.behaviour == "crawls":
                for byte in rest[:200]:
                    self.wfile.write(bytes([byte]))
                    time.sleep(0.02)
            elif self.behaviour == "endless":
                for _ in range(1000):
                    self.wfile.write(bytes(10_000))
            else:
                self.wfile.write(rest)
        except OSError:
            pass  # the client has hung up


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A released file 'small' on a server of this machine."""
    for name, value in (
        ("SECONDS_WITHOUT_ANSWER", 0.5),
        ("SECONDS_BETWEEN_ATTEMPTS", 0.01),
        ("TOO_SLOW_SECONDS", 0.2),
    ):
        monkeypatch.setattr(download, name, value)
    monkeypatch.setenv("no_proxy", "*")
    buffer = io.BytesIO()
    torch.save({"weight": torch.arange(50_000.0)}, buffer)
    handler = type("Handler", (Server,), {"content": buffer.getvalue(), "asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as http_server:
        http_server.daemon_threads = True
        threading.Thread(target=http_server.serve_forever, args=(0.02,), daemon=True).start()
        digest = hashlib.sha256(buffer.getvalue()).hexdigest()
        url = f"http://127.0.0.1:{http_server.server_port}/small-{digest[:8]}.pth"
        monkeypatch.setitem(WEIGHTS, "small", PretrainedWeights(url, "ResNet"))
        yield handler
        http_server.shutdown()


def fetch_small(folder: Path) -> Path:
    return fetch("small", folder, progress=False)


@pytest.mark.parametrize("behaviour", ["well", "drops twice", "changes"])
@pytest.mark.parametrize("etag", ['"1"', None])
def test_a_download_ends_with_the_right_file(tmp_path, server, behaviour, etag):
    server.behaviour, server.etag = behaviour, etag
    assert fetch_small(tmp_path).read_bytes() == server.content
    assert [path.name for path in tmp_path.iterdir()] == ["small.pth"]
    if behaviour == "drops twice":
        assert len(server.asked) == 3
        assert (server.asked[1] is not None) == (etag is not None)  # goes on where it broke


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("missing", "404"),
        ("always drops", r"of \d+ bytes arrived"),
        ("silent", "timed out"),
        ("crawls", "bytes in 0.2 s"),
        ("endless", "more than 100000 bytes"),
        ("lies about its length", ""),
    ],
)
def test_a_download_that_fails_ends_soon_and_leaves_nothing(
    tmp_path, server, monkeypatch, behaviour, reason
):
    monkeypatch.setattr(download, "MAX_BYTES", 100_000 if behaviour == "endless" else 1 << 30)
    server.behaviour = behaviour
    started = time.monotonic()
    if behaviour == "lies about its length":
        assert fetch_small(tmp_path).read_bytes() == server.content
        return
    with pytest.raises(UserError, match=reason) as error:
        fetch_small(tmp_path)
    assert "small.pth" in str(error.value) and "\n" not in str(error.value)
    assert time.monotonic() - started < 20
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_checksum_keeps_nothing(tmp_path, server):
    server.content = server.content[:-1] + b"x"
    assert "is not the released file" in one_sentence(lambda: fetch_small(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_no_failed_download(tmp_path, server, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(weights, "download", full)
    message = one_sentence(lambda: fetch_small(tmp_path))
    assert "cannot write" in message and "No space left" in message
    assert list(tmp_path.iterdir()) == []


# --- Tables and JSON ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"name,red,green,blue\n",
        b"name,red,green,blue\na,1,2,3\nb,1,2\n",
        b"name,red,green,blue\na,1,2,3\nb,1,2,-4\n",
        b"name,red,green,blue\na,1,2,3\nb,1,2,1e2\n",
        b"name,red,green,blue\na,1,2,3\nb,1,2,1_0\n",
        b"name,red,green,blue\na,1,2,3\nb,1,2,99999999999999999999\n",
        b"name,red,green,blue\na,1,2,3\nb,1,2,nan\n",
        b"name,red,green,blue\na,1,2,3\nb,1,2,256\n",
        b"name,red,green,blue\na,1,2,3\nb,1,2,3\n",
        b"name,red,green,blue\na,1,2,3\na,1,2,4\n",
        b"name,red,green,blue\na,1,2,3\n,1,2,4\n",
        b"name,red,green,blue\na,1,2,3\nb\0,1,2,4\n",
        b'name,red,green,blue\na,1,2,3\n"b\n\x1b[31m",1,2,4\n',
        b'name,red,green,blue\na,1,2,3\n"b,1,2,4\n',
        b"name;red;green;blue\na;1;2;3\nb;1;2;4\n",
        b"name,red,green,blue\na,1,2,3\nb\xff,1,2,4\n",
        "name,red,green,blue\na,1,2,3\nb,1,2,4\n".encode("utf-16"),
        b"name,red,green,blue\n" + b"".join(b"%d,%d,0,0\n" % (n, n) for n in range(256)),
        b"name,red,green,blue\n" + b"a" * 1_000_000,
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    ],
)
def test_a_palette_file_that_is_none_is_named(camvid_folder, content):
    (camvid_folder / "palette.csv").write_bytes(content)
    message = one_sentence(lambda: open_source(camvid_folder))
    assert str(camvid_folder / "palette.csv") in message


def test_a_palette_that_is_no_file_is_not_passed_over(camvid_folder):
    (camvid_folder / "palette.csv").mkdir()
    assert "palette.csv" in one_sentence(lambda: open_source(camvid_folder))


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[" * 100_000, b"[1]", b'"x"', b"\xff\xfe", b'{"a": ' + b"9" * 10_000 + b"}"],
)
def test_json_that_is_no_object_is_named(tmp_path, content):
    path = tmp_path / "config.json"
    path.write_bytes(content)
    assert str(path) in one_sentence(lambda: read_json(path))
    assert str(tmp_path) in one_sentence(lambda: Run.open(tmp_path))


# --- Names ----------------------------------------------------------------------------------------

ODD = ["..", "a:b", 'q"<>|?*', "ends in dots...", " space ", "new\nline", "路" * 60, "-rf", "CON"]


@pytest.mark.parametrize("name", ODD)
def test_a_run_stays_in_the_output_folder_whatever_the_data_set_is_called(
    camvid_folder, tmp_path, smoke_config, name, monkeypatch
):
    folder = tmp_path / "sets" / name
    if name == "..":
        folder = camvid_folder / "train" / ".."
    else:
        folder.parent.mkdir()
        camvid_folder.rename(folder)
    monkeypatch.setenv("PIX2PIX_CACHE", str(tmp_path / "cache"))
    data = load_data(str(folder), image_size=32, progress=False)
    run = Run.create(tmp_path / "output", smoke_config, data)
    assert run.folder.parent == tmp_path / "output" / "runs"
    assert run.folder.is_dir() and run.folder.resolve().is_relative_to(tmp_path / "output")
    written = [*(tmp_path / "cache").iterdir(), *(tmp_path / "output").rglob("*")]
    for path in written:
        assert not set('<>:"\\|?*\n') & set(path.name), path
        assert len(path.name.encode()) < 240 and path.name == path.name.rstrip(" .")


@pytest.mark.parametrize("dataset", ["", " ", "\0", "~nobody-here", "x" * 5000, "a/../../b\0"])
def test_names_that_no_folder_has_are_refused(tmp_path, dataset):
    assert one_sentence(lambda: open_source(dataset, tmp_path))


@pytest.mark.parametrize(
    "setting",
    [
        "weights=../../x",
        "generator=../../x",
        "discriminator=/etc/passwd",
        "augmentation=..",
        "distance=../x",
        "adversarial_loss=../x",
        "experiment=../../x",
    ],
)
def test_settings_cannot_name_a_place(tmp_path, setting, capsys):
    from pix2pix_utils.__main__ import main

    output = tmp_path / "output"
    arguments = ["train", "baseline", "--profile", "smoke", "--output", str(output)]
    assert main([*arguments, "--set", setting]) == 2
    assert setting.partition("=")[2] in capsys.readouterr().err or setting.startswith("experiment")
    assert {path.name for path in tmp_path.iterdir()} <= {"output"}
    for path in output.rglob("*"):
        assert path.resolve().is_relative_to(output)


def test_a_tilde_in_a_folders_variable_is_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for variable, folder in (
        ("PIX2PIX_CACHE", cache_root),
        ("PIX2PIX_DATA", data_root),
        ("PIX2PIX_OUTPUT", output_root),
    ):
        monkeypatch.setenv(variable, "~/here")
        assert folder() == tmp_path / "here"


def test_the_longest_file_name_can_be_written(tmp_path):
    path = tmp_path / ("n" * 250 + ".json")
    write_json(path, {"a": 1})
    assert json.loads(path.read_text()) == {"a": 1}


def test_a_temporary_file_keeps_the_suffix(tmp_path):
    with atomic_write(tmp_path / "a.png") as temporary:
        assert temporary.suffix == ".png" and temporary.parent == tmp_path
        temporary.write_bytes(b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
