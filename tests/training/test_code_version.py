"""The version of the code changes with what decides the numbers, and with nothing else."""

import inspect
import sys
import types
from dataclasses import replace

import pytest
from messages import one_sentence
from torch import nn

from pix2pix_utils import models
from pix2pix_utils.acceleration.batches import Batches
from pix2pix_utils.acceleration.convolution import accelerate_on_cpu
from pix2pix_utils.data.augmentation import build_augmentation
from pix2pix_utils.data.pairs import epoch_order
from pix2pix_utils.evaluation.metrics import ssim
from pix2pix_utils.losses.adversarial import AdversarialLoss
from pix2pix_utils.losses.feature_matching import feature_matching_loss
from pix2pix_utils.losses.objective import build_objective
from pix2pix_utils.losses.structural import ms_ssim_loss
from pix2pix_utils.models.initialization import init_normal
from pix2pix_utils.training import code_version as module
from pix2pix_utils.training.code_version import changed_parts, code_version
from pix2pix_utils.training.discriminator_augmentation import build_discriminator_augmentation
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.step import training_step
from pix2pix_utils.training.trainer import Trainer
from pix2pix_utils.training.validation import split_scores

UNET = "pix2pix_utils.models.unet"


@pytest.mark.parametrize(
    "decides",
    [
        models.UNet,
        models.PatchGAN,
        init_normal,
        build_objective,
        training_step,
        Trainer,
        split_scores,
        ssim,
        build_augmentation,
        build_discriminator_augmentation,
        feature_matching_loss,
        ms_ssim_loss,
        AdversarialLoss,
        epoch_order,
        Batches,
        accelerate_on_cpu,
    ],
    ids=lambda decides: decides.__name__,
)
def test_what_decides_a_baselines_numbers_is_in_its_version(decides):
    assert inspect.getmodule(decides).__name__ in code_version(configure("baseline", "smoke"))


def test_a_network_counts_with_the_models_that_it_imports_and_without_others():
    version = code_version(configure("enhanced", "smoke"))
    found = {name for name in version if name.startswith("pix2pix_utils.models.")}
    names = ("enhanced", "unet", "initialization", "patchgan")
    assert found == {f"pix2pix_utils.models.{name}" for name in names}


def test_the_options_of_a_network_in_its_table_count():
    late, without = (
        code_version(configure(f"enhanced-{name}-dropout", "smoke")) for name in ("late", "no")
    )
    assert changed_parts(late, without) == ["networks"]


def test_pretraining_counts_for_a_pretrained_run_alone():
    pretrained, scratch = (
        code_version(configure(name, "smoke")) for name in ("pretrained-unet", "scratch-unet")
    )
    assert changed_parts(pretrained, scratch) == ["training.pretraining", "training.weights"]


@pytest.mark.parametrize(
    ("setting", "parts"),
    [
        ("label_input=one-hot", ["models.label_input"]),
        ("perceptual_weight=1", ["losses.perceptual", "training.weights"]),
        ("ssim_weight=1", []),  # the modules of these count in every run
        ("discriminator_augmentation=color", []),
    ],
)
def test_the_module_of_a_setting_counts_where_it_is_used(setting, parts):
    plain, other = (
        code_version(configure("baseline", "smoke", settings=settings))
        for settings in ([], [setting])
    )
    assert changed_parts(plain, other) == parts


def test_the_classes_of_drawn_streets_count_for_a_run_that_starts_from_them():
    config = configure("baseline", "smoke")
    synthetic, streets = (
        code_version(replace(config, weights=weights)) for weights in ("synthetic", "streets")
    )
    assert changed_parts(synthetic, streets) == ["data.class_matching"]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("losses.structural", "SMALLEST_TERM = 1e-4", "SMALLEST_TERM = 1e-3"),
        ("losses.adversarial", "threshold=0.5", "threshold=0.4"),
        ("training.discriminator_augmentation", "brightness - 0.5", "brightness - 0.4"),
        ("training.validation", "STATISTICS_PAIRS = 128", "STATISTICS_PAIRS = 64"),
    ],
)
def test_an_edit_of_a_loss_or_of_the_training_is_named(edit_module, name, old, new):
    config = configure("baseline", "smoke")
    before = code_version(config)
    edit_module(f"pix2pix_utils.{name}", (old, new))
    assert changed_parts(before, code_version(config)) == [name]


def test_comments_docstrings_and_formatting_do_not_count(edit_module):
    config = configure("baseline", "smoke")
    before = code_version(config)
    edit_module(
        UNET,
        ("How many halvings", "The number of halvings that"),
        ("import torch\n", "import torch  # why\n\n"),
    )
    assert code_version(config) == before


def test_a_changed_statement_is_named(edit_module):
    config = configure("baseline", "smoke")
    before = code_version(config)
    edit_module(UNET, ("0.2", "0.3"))
    assert changed_parts(before, code_version(config)) == ["models.unet"]


def test_an_edit_of_an_imported_module_asks_for_a_restart(monkeypatch):
    """The process would train with the old code."""
    config, read = configure("baseline", "smoke"), module.read_source
    edited = read(UNET).replace("0.2", "0.3")
    monkeypatch.setattr(module, "read_source", lambda name: edited if name == UNET else read(name))
    message = one_sentence(lambda: code_version(config))
    assert f"{UNET} was edited after it was imported" in message and "restart" in message
    monkeypatch.setattr(module, "read_source", lambda name: read(name) + "# a comment\n")
    code_version(config)


def test_a_network_in_a_module_of_ones_own_counts(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_network.py").write_text("from torch import nn\nclass Mine(nn.Module): ...\n")
    monkeypatch.setitem(models.GENERATORS, "mine", __import__("my_network").Mine)
    assert "my_network" in code_version(configure("baseline", "smoke", settings=["generator=mine"]))
    sys.modules.pop("my_network")


def test_a_network_without_a_file_is_refused(monkeypatch):
    """A notebook's `__main__` has none, so an edited cell would go unnoticed."""
    monkeypatch.setitem(sys.modules, "__main__", types.ModuleType("__main__"))
    mine = type("Mine", (nn.Module,), {"__module__": "__main__"})
    monkeypatch.setitem(models.GENERATORS, "mine", mine)
    config = configure("baseline", "smoke", settings=["generator=mine"])
    message = one_sentence(lambda: code_version(config))
    assert "'__main__', which is not a file" in message and "pix2pix_utils/models" in message
