"""The command line: what it prints, writes and refuses."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from pix2pix_utils.__main__ import main
from pix2pix_utils.data.dataset import load_data
from pix2pix_utils.data.palette import CITYSCAPES
from pix2pix_utils.files import read_json
from pix2pix_utils.training.experiments import TABLE_1


@pytest.fixture
def label_folder(tmp_path, street_data):
    """Three label maps of different sizes, one in a folder of its own."""
    folder = tmp_path / "label maps"
    (folder / "inner").mkdir(parents=True)
    sizes = {"wide.png": (90, 40), "inner/tall.PNG": (33, 64), "grey.png": (50, 50)}
    for index, (name, size) in enumerate(sizes.items()):
        classes = Image.fromarray(street_data.test.classes[index]).resize(size, 0)
        picture = np.asarray(classes)
        if name != "grey.png":  # that one holds class indices
            picture = CITYSCAPES.encode(picture)
        Image.fromarray(picture).save(folder / name)
    return folder


def error_of(capsys, *arguments) -> str:
    """The sentence that a command with a mistake in it ends with."""
    assert main([str(argument) for argument in arguments]) == 2
    progress, marker, message = capsys.readouterr().err.partition("error: ")
    assert marker and "Traceback" not in progress + message
    return message


def test_help_needs_no_torch():
    code = (
        "import sys; from pix2pix_utils.__main__ import build_parser; build_parser().format_help();"
        "sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_train_prints_scores_and_the_run(tmp_path, capsys):
    arguments = ["train", "baseline", "--profile", "smoke", "--output", str(tmp_path)]
    arguments += ["--set", "epochs=1", "--set", "alpha=50", "--seed", "4", "--device", "cpu"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    (folder,) = (tmp_path / "runs").iterdir()
    config = read_json(folder / "config.json")
    assert (config["epochs"], config["alpha"], config["seed"]) == (1, 50.0, 4)
    assert f"run: {folder}" in printed
    assert [line.split()[0] for line in printed.splitlines()[:3]] == ["train", "val", "test"]


def test_evaluate_prints_what_training_measured(run_folder, capsys):
    assert main(["evaluate", str(run_folder), "--split", "test"]) == 0
    printed = capsys.readouterr().out
    measured = read_json(run_folder / "result.json")["ssim"]["eval"]["test"]["mean"]
    assert printed.startswith("test") and f"SSIM {measured:.4f}" in printed
    assert main(["evaluate", str(run_folder)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert main(["evaluate", str(run_folder), "--split", "val", "--inference", "train"]) == 0
    measured = read_json(run_folder / "result.json")["ssim"]["train"]["val"]["mean"]
    assert f"SSIM {measured:.4f}" in capsys.readouterr().out


def test_translate_gives_each_label_map_a_photo_of_its_size(
    run_folder, label_folder, tmp_path, capsys
):
    output = tmp_path / "photos"
    assert main(["translate", str(run_folder), str(label_folder), "--output", str(output)]) == 0
    assert "wrote 3 photo(s)" in capsys.readouterr().out
    sizes = {}
    for path in output.rglob("*.png"):
        with Image.open(path) as photo:
            assert photo.mode == "RGB"
            sizes[str(path.relative_to(output))] = photo.size
    assert sizes == {"wide.png": (90, 40), "inner/tall.png": (33, 64), "grey.png": (50, 50)}


def test_translate_equals_the_generator(run_folder, tmp_path, street_data):
    """A label map of the network's size comes out as the network's own photo."""
    import torch

    from pix2pix_utils.data.pairs import to_uint8
    from pix2pix_utils.evaluation.predictors import generator_predictor
    from pix2pix_utils.training.trained_generator import load_generator

    label = tmp_path / "scene.png"
    Image.fromarray(CITYSCAPES.encode(street_data.test.classes[0])).save(label)
    checkpoint = run_folder / "checkpoints" / "best.pt"
    assert main(["translate", str(checkpoint), str(label), "--output", str(tmp_path / "out")]) == 0
    generator, _, _ = load_generator(run_folder, torch.device("cpu"))
    with torch.no_grad():
        expected = to_uint8(generator_predictor(generator)(street_data.test.batch([0]))[0])
    with Image.open(tmp_path / "out" / "scene.png") as photo:
        assert np.array_equal(np.asarray(photo), expected)


def test_translate_refuses_bad_input_before_it_writes(run_folder, label_folder, tmp_path, capsys):
    output = tmp_path / "photos"
    broken = label_folder / "zz broken.png"
    broken.write_bytes((label_folder / "wide.png").read_bytes()[:60])
    assert "zz broken.png" in error_of(
        capsys, "translate", run_folder, label_folder, "--output", output
    )
    assert not output.exists()
    broken.unlink()
    arguments = ("translate", run_folder, label_folder, "--output")
    assert "is an input" in error_of(capsys, *arguments, label_folder)
    missing = tmp_path / "missing.png"
    assert "missing.png" in error_of(capsys, "translate", run_folder, missing, "--output", output)
    twice = (label_folder / "wide.png", label_folder / "inner" / ".." / "wide.png")
    main(["translate", str(run_folder), *map(str, twice), "--output", str(output)])
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "holds no images" in error_of(capsys, "translate", run_folder, empty, "--output", output)
    assert "no checkpoint" in error_of(
        capsys, "translate", tmp_path / "x.pt", label_folder, "--output", output
    )


def test_study_writes_a_table_and_figures_and_loads_finished_runs(tmp_path, capsys):
    arguments = ["study", "--profile", "smoke", "--output", str(tmp_path), "--set", "epochs=1"]
    assert main(arguments) == 0
    table = (tmp_path / "report" / "table1.md").read_text()
    assert "| Baseline Model | baseline | random weights | 0.369 | 0.324 | 0.301 |" in table
    assert "| Pre-trained from literature | pretrained-unet | learnt on drawn streets |" in table
    record = read_json(tmp_path / "report" / "results.json")
    assert [run["config"]["experiment"] for run in record["runs"]] == list(TABLE_1)
    assert record["pairs"] == {"train": 12, "val": 6, "test": 6}
    assert record["runs"][0]["environment"]["torch"]
    assert "no network: class colour" in table
    assert "32x32 pixels, width 8, 1 epoch" in table
    for name in ("translations.png", "curves.png", "ssim.png"):
        with Image.open(tmp_path / "report" / name) as figure:
            assert min(figure.size) > 100
    finished = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("last.pt")}
    assert len(finished) == 7  # six rows and the pretraining of a U-Net
    again = [*arguments, "--experiments", ",".join(TABLE_1[-2:])]
    assert main(again) == 0
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("last.pt")} == finished


def test_study_with_several_seeds_reports_their_spread(tmp_path, capsys):
    arguments = ["study", "--profile", "smoke", "--output", str(tmp_path), "--set", "epochs=1"]
    rows = ["--experiments", "baseline,baseline-mse"]
    assert "--seeds is 0" in error_of(capsys, *arguments, *rows, "--seeds", "0")
    assert main([*arguments, *rows, "--seed", "4", "--seeds", "2"]) == 0
    runs = read_json(tmp_path / "report" / "results.json")["runs"]
    found = {(run["config"]["experiment"], run["config"]["seed"]) for run in runs}
    assert found == {(name, seed) for name in ("baseline", "baseline-mse") for seed in (4, 5)}


@pytest.mark.parametrize("command", [["train", "baseline"], ["study", "--experiments", "baseline"]])
def test_reuse_loads_a_run_of_older_code(run_folder, tmp_path, capsys, edit_module, command):
    command = [*command, "--profile", "smoke", "--output", str(tmp_path), "--device", "cpu"]
    edit_module("pix2pix_utils.models.unet", ("0.2", "0.3"))
    assert main([*command, "--reuse"]) == 0
    assert f"{run_folder} is returned, although models.unet changed" in capsys.readouterr().err
    assert len(list((tmp_path / "runs").iterdir())) == 1
    assert main(command) == 0
    assert "--reuse (in a notebook, reuse=True) returns that one" in capsys.readouterr().err
    assert len(list((tmp_path / "runs").iterdir())) == 2


def test_a_failing_experiment_is_reported_and_the_others_go_on(tmp_path, capsys, monkeypatch):
    from pix2pix_utils import study

    real_train = study.train_experiment

    def train_or_fail(config, *arguments, **options):
        if config.experiment == "baseline":
            raise RuntimeError("out of luck")
        return real_train(config, *arguments, **options)

    monkeypatch.setattr(study, "train_experiment", train_or_fail)
    arguments = ["study", "--profile", "smoke", "--output", str(tmp_path), "--set", "epochs=1"]
    assert main([*arguments, "--experiments", "baseline,baseline-mse"]) == 1
    captured = capsys.readouterr()
    assert "baseline, seed 0 failed: out of luck" in captured.err
    assert "Baseline Model with MSE" in (tmp_path / "report" / "table1.md").read_text()


def test_data_describes_a_data_set(camvid_folder, capsys):
    assert main(["data", str(camvid_folder)]) == 0
    printed = capsys.readouterr().out
    assert "train" in printed and "Road" in printed and "48x36" in printed


def test_data_names_every_bad_file_at_once(camvid_folder, capsys):
    bad = sorted((camvid_folder / "train").iterdir())[:2]
    for path in bad:
        path.write_bytes(b"no image")
    message = error_of(capsys, "data", camvid_folder)
    assert all(str(path) in message for path in bad)


def test_mistakes_get_one_sentence_and_status_2(tmp_path, capsys, camvid_folder):
    smoke = ("--profile", "smoke", "--output", tmp_path / "o")
    assert "did you mean 'baseline'" in error_of(capsys, "train", "basline", *smoke)
    assert "no hyper-parameter 'epoch'" in error_of(
        capsys, "train", "baseline", *smoke, "--set", "epoch=2"
    )
    assert "no profile 'tiny'" in error_of(capsys, "train", "baseline", "--profile", "tiny")
    missing = tmp_path / "nowhere"
    assert str(missing) in error_of(capsys, "train", "baseline", *smoke, "--dataset", missing)
    assert "not a run" in error_of(capsys, "evaluate", tmp_path)
    unpaired = sorted((camvid_folder / "valannot").iterdir())[0]
    unpaired.unlink()
    assert unpaired.stem in error_of(
        capsys, "train", "baseline", *smoke, "--dataset", camvid_folder
    )
    assert not (tmp_path / "o").exists()


def test_evaluate_refuses_data_that_has_changed(run_folder, camvid_folder, capsys):
    message = error_of(capsys, "evaluate", run_folder, "--dataset", camvid_folder)
    assert "not what" in message and "was trained on" in message


def test_unknown_command_is_a_users_mistake(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["trane"])
    assert stop.value.code == 2


def test_runs_on_someone_elses_pairs(camvid_folder, tmp_path, capsys):
    arguments = ["train", "baseline", "--profile", "smoke", "--output", str(tmp_path)]
    assert main([*arguments, "--dataset", str(camvid_folder)]) == 0
    (folder,) = (tmp_path / "runs").iterdir()
    recorded = read_json(folder / "data.json")
    assert recorded["location"] == str(camvid_folder)
    data = load_data(str(camvid_folder), image_size=32, progress=False)
    assert recorded["fingerprint"] == data.fingerprint
