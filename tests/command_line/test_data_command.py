"""`data`: what it prints and writes, and the options about how files are read."""

import pytest
from PIL import Image

from pix2pix_utils import course
from pix2pix_utils.__main__ import main
from pix2pix_utils.data.palette import CITYSCAPES
from pix2pix_utils.training.runs import Run
from tests.folders_of_pairs import VOID, recoded, save, scene, write_pairs


def colored(classes, path, number):
    save(CITYSCAPES.colors[classes].astype("uint8"), path)


def indexed(classes, path, number):
    save(recoded(classes, {VOID: 255}), path)


@pytest.fixture
def colors(tmp_path):
    return write_pairs(tmp_path / "streets", colored)


@pytest.fixture
def unnamed(tmp_path):
    """Two folders whose names do not say which has the label maps."""
    return write_pairs(tmp_path / "pairs", colored, photos="one", labels="two")


def test_it_says_how_label_maps_were_read_and_which_classes_occur(colors, capsys):
    assert main(["data", str(colors)]) == 0
    printed = capsys.readouterr().out
    assert "classes: cityscapes, recognised by colour, 100 % exact" in printed
    assert "pairs: train" in printed
    assert "(void: not scored)" in printed
    assert "classes do not occur" in printed
    assert "bicycle" not in printed  # it does not occur


def test_it_says_which_indices_are_ignored(tmp_path, capsys):
    folder = write_pairs(tmp_path / "indices", indexed)
    assert main(["data", str(folder), "--label-kind", "indices"]) == 0
    assert "and 255 = ignored" in capsys.readouterr().out


def test_the_sheet_is_a_picture_that_describes_itself(colors, tmp_path, capsys):
    sheet = tmp_path / "sheet.png"
    assert main(["data", str(colors), "--sheet", str(sheet)]) == 0
    assert f"wrote {sheet}" in capsys.readouterr().out
    with Image.open(sheet) as image:
        assert image.format == "PNG"
        assert image.width >= 1500 and image.height >= 500
        assert "streets" in image.info["Description"]


def test_ten_problems_are_listed_and_all_are_written_to_a_file(tmp_path, capsys):
    folder = write_pairs(tmp_path / "broken", colored, count=30)
    broken = [folder / "photos" / f"{number:03}.png" for number in range(12)]
    for path in broken:
        path.write_bytes(b"not an image")
    problems = tmp_path / "problems.txt"
    sheet = tmp_path / "sheet.png"
    arguments = ["data", str(folder), "--problems", str(problems), "--sheet", str(sheet)]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert sum(str(path) in error for path in broken) == 10
    assert "12 of the files or pairs cannot be used" in error
    lines = problems.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 12
    assert all(any(str(path) in line for line in lines) for path in broken)
    assert not sheet.exists()


def test_an_unknown_side_is_refused_with_the_names_of_both(unnamed, capsys):
    assert main(["data", str(unnamed), "--label-side", "three"]) == 2
    error = capsys.readouterr().err
    assert "'one'" in error and "'two'" in error


def test_the_side_can_be_named_in_three_ways_that_give_the_same_data(unnamed, tmp_path):
    """The photos are named as the label maps, so that the option changes what is read."""
    stop = "--label-side"
    command = ["train", "baseline", "--profile", "smoke", "--set", "epochs=1", "--device", "cpu"]
    assert (
        main([*command, "--dataset", str(unnamed), stop, "two", "--output", str(tmp_path / "a")])
        == 0
    )
    address = f"{unnamed}?label_side=two"
    assert main([*command, "--dataset", address, "--output", str(tmp_path / "b")]) == 0
    (unnamed / "dataset.toml").write_text('label_side = "two"\n', encoding="utf-8")
    assert main([*command, "--dataset", str(unnamed), "--output", str(tmp_path / "c")]) == 0
    runs = [Run.open(next((tmp_path / name / "runs").iterdir())) for name in "abc"]
    first, *others = (run.result()["ssim"] for run in runs)
    assert all(other == first for other in others)


def test_a_notebook_takes_options_behind_the_folders_name(tmp_path, monkeypatch):
    folder = tmp_path / "halves"
    for number in range(12):
        classes, photo = scene(number)
        label = CITYSCAPES.colors[classes].astype("uint8")
        pair = Image.new("RGB", (128, 32))
        pair.paste(Image.fromarray(photo), (0, 0))
        pair.paste(Image.fromarray(label), (64, 0))
        folder.mkdir(exist_ok=True)
        pair.save(folder / f"{number}.png")
    data = course.start("smoke", dataset=f"{folder}?label_side=right").data
    assert data.palette.name == "cityscapes"
