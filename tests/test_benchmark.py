"""The benchmark measures what it claims; no test depends on speed."""

import json

import pytest
import torch

from pix2pix_utils.__main__ import main
from pix2pix_utils.benchmark import measuring, steps
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.step import Networks

CPU = torch.device("cpu")


def test_the_command_prints_and_writes_every_measurement(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(measuring, "PAIR_COUNTS", (4, 8))
    file = tmp_path / "benchmark.json"
    options = ["--image-size", "32", "--width", "4", "--repeats", "2", "--device", "cpu"]
    assert main(["benchmark", *options, "--json", str(file)]) == 0
    said = capsys.readouterr().out
    result = json.loads(file.read_text())
    names = [row["step"] for row in result["steps"]]
    assert names[:3] == ["as [3] writes it", "as [4] writes it", "fp32"]
    assert all(name in said for name in names)
    reference, _, ours = result["steps"][:3]
    assert ours["times_as_fast_as_3"] == pytest.approx(
        reference["median_seconds"] / ours["median_seconds"]
    )
    # [3] runs the generator twice, and its backward pass once more
    assert 1.3 < reference["flops"] / ours["flops"] < 2.2
    assert ours["peak_memory_bytes"] > 50e6
    assert ours["bytes_moved"] > 4 * parameters_of_both_networks()  # each is at least read
    assert 0 < ours["share_of_matrix_product_rate"] <= ours["share_of_roofline"]
    for how in ("each_step", "in_a_row", "two_adams"):
        assert result["same_losses"][how] < 1e-4
    assert [row["pairs"] for row in result["by_pairs"]] == [4, 8]
    assert 0 < result["data"]["share_of_the_step"] < 1


@pytest.mark.parametrize("variant", [steps.REFERENCE_3, steps.REFERENCE_4])
def test_the_reference_steps_train_both_networks(variant, monkeypatch):
    built = []
    build = Networks.build
    monkeypatch.setattr(steps.Networks, "build", lambda *a: built.append(build(*a)) or built[-1])
    step = steps.make_step(variant, 32, 4, CPU)
    networks = [built[0].generator, built[0].discriminator]
    before = [[p.detach().clone() for p in network.parameters()] for network in networks]
    step()
    for network, old in zip(networks, before, strict=True):
        assert any(not torch.equal(p, q) for p, q in zip(network.parameters(), old, strict=True))
        assert not any(type(m).__module__.startswith("pix2pix") for m in leaves(network))


def parameters_of_both_networks() -> int:
    networks = Networks.build(configure("baseline", "full", 0, ["image_size=32", "width=4"]), CPU)
    both = (*networks.generator.parameters(), *networks.discriminator.parameters())
    return sum(parameter.numel() for parameter in both)


def test_the_byte_counter_counts_what_is_read_and_written_and_no_views():
    a, b = torch.rand(2, 10, 10)
    with steps.ByteCounter() as counter:
        (a + b).view(100)
    assert counter.total == 3 * 4 * 100


def leaves(network):
    return [module for module in network.modules() if not list(module.children())]


def test_no_repeats_is_a_users_mistake(capsys):
    assert main(["benchmark", "--repeats", "0"]) == 2
    assert "--repeats is 0" in capsys.readouterr().err
