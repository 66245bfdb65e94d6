"""LPIPS, DISTS, KID and FID: what they need, and what is said where it cannot be had."""

import sys
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path

import pytest
import torch
import torchvision

from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation import perceptual
from pix2pix_utils.evaluation.perceptual import (
    dists,
    inception_distances,
    lpips,
    perceptual_distances,
)

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def nothing_stored(monkeypatch, tmp_path):
    """No weights in torch's folder, no network, and nothing remembered."""
    asked = []

    def unreachable(request, timeout):
        asked.append((request.full_url, timeout))
        raise urllib.error.URLError("no route")

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr(perceptual, "_networks", {})
    return asked


def test_without_a_network_lpips_says_so_at_once_and_only_once(nothing_stored):
    for _ in range(3):
        with pytest.raises(UserError, match=r"LPIPS cannot be downloaded \(no route\).*squeezenet"):
            lpips(64, CPU)
    ((url, timeout),) = nothing_stored
    assert url.startswith("https://download.pytorch.org/") and timeout <= 5


def test_small_photos_are_refused_without_asking_the_network(nothing_stored):
    for find in (lpips, dists):
        with pytest.raises(UserError, match="at least 64x64 pixels, these have 32x32"):
            find(32, CPU)
    assert not nothing_stored


def test_what_cannot_be_had_has_a_reason_of_one_sentence(nothing_stored):
    available, missing = perceptual_distances(64, CPU)
    assert not available and list(missing) == ["lpips", "dists"]
    for reason in missing.values():
        assert "\n" not in reason and ". " not in reason and not reason.endswith(".")
    assert len(nothing_stored) == 1  # for LPIPS


def test_the_weights_of_dists_are_never_downloaded(nothing_stored, tmp_path):
    with pytest.raises(UserError, match=r"528 MB.*download https://.*vgg16.*hub/checkpoints/vgg16"):
        dists(64, CPU)
    assert not nothing_stored and not (tmp_path / "hub").exists()


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchmetrics.image.lpip", None)
    with pytest.raises(UserError, match="pip install torchmetrics"):
        lpips(64, CPU)
    monkeypatch.setitem(sys.modules, "torchmetrics.functional.image.dists", None)
    with pytest.raises(UserError, match="torchmetrics 1.8 .*pip install --upgrade torchmetrics"):
        dists(64, CPU)


def test_lpips_of_pairs_with_a_network_at_hand(monkeypatch):
    """Random weights in place of the released ones: the shapes and the plumbing are the same."""
    build = torchvision.models.squeezenet1_1
    monkeypatch.setattr(torchvision.models, "squeezenet1_1", lambda weights: build())
    monkeypatch.setattr(perceptual, "_require_download", lambda *arguments: None)
    distance = lpips(64, CPU)
    photos = torch.rand(3, 3, 64, 64) * 2 - 1
    assert torch.equal(distance(photos, photos), torch.zeros(3))
    near, far = (distance(photos + s * torch.randn_like(photos), photos) for s in (0.02, 0.5))
    assert near.shape == (3,) and (near > 0).all() and (near < far).all()
    torch.testing.assert_close(distance(photos[:1], -photos[:1]), distance(photos, -photos)[:1])


class _Texture(torch.nn.Module):
    """In place of DISTS: how far apart the photos' deviations are; says what range it was given."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, photos, others):
        self.seen += [photos.min().item(), photos.max().item()]
        return (photos.std(dim=(1, 2, 3)) - others.std(dim=(1, 2, 3))).abs().squeeze()


def test_dists_of_pairs_with_its_weights_at_hand(monkeypatch, tmp_path):
    dists_module = pytest.importorskip("torchmetrics.functional.image.dists")
    network, loaded = _Texture(), []
    monkeypatch.setattr(dists_module, "DISTSNetwork", lambda: loaded.append(1) or network)
    weights = torchvision.models.VGG16_Weights.DEFAULT.url.rpartition("/")[2]
    stored = tmp_path / "hub" / "checkpoints" / weights
    stored.parent.mkdir(parents=True)
    stored.touch()
    photos = torch.rand(3, 3, 64, 64) * 2 - 1
    for count in (3, 1):  # DISTS gives a single photo's distance without a dimension
        distance = dists(64, CPU)
        assert torch.equal(distance(photos[:count], photos[:count]), torch.zeros(count))
        assert distance(photos[:count], photos[:count] / 2).shape == (count,)
    assert min(network.seen) >= 0 and max(network.seen) <= 1  # it takes photos in [0, 1]
    assert loaded == [1]


def test_weights_that_cannot_be_loaded_are_said_to_be_so(monkeypatch, tmp_path):
    dists_module = pytest.importorskip("torchmetrics.functional.image.dists")

    def broken():
        raise RuntimeError("unexpected EOF\nsecond line")

    monkeypatch.setattr(dists_module, "DISTSNetwork", broken)
    monkeypatch.setattr(perceptual, "_stored", lambda url: Path(__file__))
    with pytest.raises(UserError, match=r"weights of DISTS could not be loaded: unexpected EOF$"):
        dists(64, CPU)


def test_kid_and_fid_name_the_command_that_installs_them(street_data, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    monkeypatch.setitem(sys.modules, "torch_fidelity.feature_extractor_inceptionv3", None)
    with pytest.raises(UserError, match="pip install torchmetrics torch-fidelity"):
        inception_distances(lambda batch: batch["photo"], street_data.val, CPU)


def test_kid_and_fid_without_a_network(street_data):
    pytest.importorskip("torch_fidelity")
    with pytest.raises(UserError, match=r"KID and FID cannot be downloaded \(no route\)"):
        inception_distances(lambda batch: batch["photo"], street_data.val, CPU)


class _Moments(torch.nn.Module):
    """In place of the Inception network: mean and deviation of each channel, (N, 6)."""

    num_features = 6

    def forward(self, images):
        images = images.float()
        return torch.cat([images.mean(dim=(2, 3)), images.std(dim=(2, 3))], dim=1)


@pytest.mark.parametrize("device", ["cpu", "mps"])  # FID's sums do not exist on an Apple GPU
def test_kid_and_fid_are_near_zero_for_the_photos_themselves(street_data, monkeypatch, device):
    pytest.importorskip("torch_fidelity")
    device = torch.device(device)
    from torchmetrics.image import fid, kid

    for module, name in ((fid, "FrechetInceptionDistance"), (kid, "KernelInceptionDistance")):
        metric = partial(getattr(module, name), feature=_Moments())
        monkeypatch.setattr(module, name, metric)
    monkeypatch.setattr(perceptual, "_require_download", lambda *arguments: None)
    state = torch.get_rng_state()
    same = inception_distances(lambda batch: batch["photo"], street_data.train, device)
    assert torch.equal(torch.get_rng_state(), state)
    dark = inception_distances(lambda batch: batch["photo"] / 4 - 0.75, street_data.train, device)
    assert same["images"] == len(street_data.train)
    assert abs(same["kid"]) < 0.1 * dark["kid"]
    assert abs(same["fid"]) < 0.1 * dark["fid"]
    again = inception_distances(lambda batch: batch["photo"] / 4 - 0.75, street_data.train, device)
    assert dark == again
