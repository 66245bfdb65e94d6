"""A release holds what was trained, rounded and measured; only drawn streets are passed on."""

import json
import shutil

import numpy as np
import pytest
import torch
from messages import one_sentence
from PIL import Image

from pix2pix_utils.__main__ import build_parser, main
from pix2pix_utils.data.palette import CITYSCAPES
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation.predictors import generator_predictor, ssim_scores
from pix2pix_utils.files import read_json, write_json
from pix2pix_utils.release import making
from pix2pix_utils.release.making import make_release, rounded_weights, training_command
from pix2pix_utils.training.checkpoints import load_checkpoint
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.trained_generator import load_generator

CPU = torch.device("cpu")


def edit(path, **changes):
    write_json(path, read_json(path) | changes)


def test_the_released_model_is_the_runs_with_16_bit_kernels(released, run_folder, street_data):
    state = load_checkpoint(released / "baseline.pt")
    assert state.keys() == {"config", "palette", "generator"}
    trained = load_checkpoint(Run.open(run_folder).best_checkpoint)["generator"]
    for name, value in state["generator"].items():
        assert value.dtype == (torch.float16 if value.ndim > 1 else trained[name].dtype), name
        torch.testing.assert_close(
            value.to(trained[name].dtype), trained[name], rtol=5e-4, atol=1e-7
        )
    generator, palette, size = load_generator("released", CPU)
    assert palette.classes == CITYSCAPES.classes and size == 32
    assert all(one.dtype != torch.float16 for one in generator.state_dict().values())
    manifest = read_json(released / "manifest.json")
    model = manifest["models"]["baseline"]
    after = ssim_scores(generator_predictor(generator), street_data.test)
    assert model["rounding"]["after"] == pytest.approx(after.mean(), abs=1e-6)
    assert model["scores"]["ssim"]["mean"] == model["rounding"]["after"]
    before = Run.open(run_folder).result()["ssim"]["eval"]["test"]["mean"]
    assert model["rounding"]["before"] == pytest.approx(before, abs=1e-6)
    assert manifest["no_network"]["real photo"]["ssim"]["mean"] == 1


def test_the_card_names_every_model_score_floor_and_file(released):
    card = (released / "README.md").read_text(encoding="utf-8")
    manifest = read_json(released / "manifest.json")
    model = manifest["models"]["baseline"]
    score = "{mean:.3f} [{low:.3f}, {high:.3f}]".format(**model["scores"]["ssim"])
    assert f"| **baseline** | {score} |" in card
    for name in ("class colour", "class and row colour", "nearest training label map"):
        assert f"| no network: {name} |" in card
    for text in (model["sha256"], model["command"], manifest["fingerprint"], "## Licence", "MIT"):
        assert text in card
    assert "{{" not in card and "{%" not in card and "nan" not in card
    assert "in no training scene" in card and manifest["unseen"][0] in card
    for name in ("scenes.jpg", "street.png"):
        with Image.open(released / name) as picture:
            assert f"({name})" in card and picture.width > 4 * 32
    with Image.open(released / "street.png") as picture:
        pixels = np.asarray(picture)[:128, :128]
    small = pixels[::4, ::4]
    assert np.array_equal(pixels, small.repeat(4, 0).repeat(4, 1))  # enlarged without blur
    assert CITYSCAPES.distance(small).max() == 0


def test_the_command_trains_the_same_configuration():
    changes = ["image_size=128", "epochs=40", "train_pairs=none"]
    config = configure("best-ssim-mirror", "demo", 3, changes)
    command = training_command(config)
    arguments = build_parser().parse_args(command.split()[3:])
    made = configure(arguments.experiment, arguments.profile, arguments.seed, arguments.settings)
    assert made == config and command.count("--set") == len(changes)


def test_a_release_is_replaced_and_files_of_models_it_lacks_go(released, run_folder):
    shutil.copy(released / "baseline.pt", released / "enhanced.pt")
    again = make_release([run_folder], released, CPU)
    assert sorted(path.name for path in released.iterdir()) == sorted(path.name for path in again)


@pytest.mark.parametrize(
    "file, changes, part",
    [
        (
            "data.json",
            {"location": "/data/camvid", "name": "camvid"},
            "on 'camvid', but only drawn",
        ),
        ("data.json", {"fingerprint": "0" * 12}, "is not what"),
        ("config.json", {"weights": "released"}, "others trained on photos"),
        ("config.json", {"perceptual_weight": 1.0}, "others trained on photos"),
    ],
)
def test_a_run_that_has_seen_anything_but_drawn_streets_is_refused(
    run_folder, project, file, changes, part
):
    edit(run_folder / file, **changes)
    output = project / "data" / "released"
    message = one_sentence(lambda: make_release([run_folder], output, CPU))
    assert part in message and str(run_folder) in message
    assert not output.exists()


def test_runs_that_cannot_be_released_together_are_refused(run_folder, project, monkeypatch):
    output = project / "data" / "released"
    other = run_folder.with_name("other")
    shutil.copytree(run_folder, other)
    assert "both 'baseline'" in one_sentence(lambda: make_release([run_folder, other], output, CPU))
    edit(other / "config.json", experiment="enhanced", image_size=64)
    message = one_sentence(lambda: make_release([run_folder, other], output, CPU))
    assert "image_size=64, but the first run has 32" in message
    (other / "result.json").unlink()
    assert "not finished" in one_sentence(lambda: make_release([other], output, CPU))
    monkeypatch.setattr(making, "MAX_BYTES", 1000)
    assert "smaller width" in one_sentence(lambda: make_release([run_folder], output, CPU))
    assert not output.exists()


def test_a_kernel_beyond_16_bits_is_refused_and_a_large_variance_is_kept():
    kept = rounded_weights({"running_var": torch.tensor([1e6]), "count": torch.tensor(3)})
    assert kept["running_var"].item() == 1e6 and kept["count"].dtype == torch.int64
    with pytest.raises(UserError, match="'kernel' has values above 65504"):
        rounded_weights({"kernel": torch.tensor([[1e6]])})


def test_the_commands_release_and_translate(run_folder, project, tmp_path, capsys):
    label, photos = tmp_path / "label.png", tmp_path / "photos"
    Image.fromarray(CITYSCAPES.encode(np.zeros((40, 60), dtype=np.uint8))).save(label)
    translate = ["translate", "released", str(label), "--output", str(photos), "--device", "cpu"]
    assert main(translate) == 2 and "no released models" in capsys.readouterr().err
    assert main(["release", str(run_folder), "--device", "cpu"]) == 0
    assert "in 16 bits" in capsys.readouterr().out
    assert (project / "data" / "released" / "manifest.json").is_file()
    assert main(translate) == 0
    with Image.open(photos / "label.png") as photo:
        assert photo.size == (60, 40)
    assert json.loads((project / "data" / "released" / "manifest.json").read_text())["models"]
