"""LPIPS, KID and FID: what they need, and what is said where it cannot be had."""

import sys
import urllib.error
import urllib.request
from functools import partial

import pytest
import torch
import torchvision

from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation import perceptual
from pix2pix_utils.evaluation.perceptual import inception_distances, lpips

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
    monkeypatch.setattr(perceptual, "_lpips", None)
    return asked


def test_without_a_network_lpips_says_so_at_once_and_only_once(nothing_stored):
    for _ in range(3):
        with pytest.raises(UserError, match=r"LPIPS cannot be downloaded \(no route\).*squeezenet"):
            lpips(64, CPU)
    ((url, timeout),) = nothing_stored
    assert url.startswith("https://download.pytorch.org/") and timeout <= 5


def test_small_photos_are_refused_without_asking_the_network(nothing_stored):
    with pytest.raises(UserError, match="at least 64x64 pixels, these have 32x32"):
        lpips(32, CPU)
    assert not nothing_stored


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchmetrics.image.lpip", None)
    with pytest.raises(UserError, match="pip install torchmetrics"):
        lpips(64, CPU)


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
