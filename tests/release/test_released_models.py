"""Released models are found by name in the project, and only the released files are used."""

from pathlib import Path

import torch
from messages import one_sentence

from pix2pix_utils.export.description import describe
from pix2pix_utils.files import read_json
from pix2pix_utils.released_models import (
    MANIFEST,
    find_checkpoint,
    read_manifest,
    released_folder,
    released_names,
)
from pix2pix_utils.training.trained_generator import load_generator, read_generator
from pix2pix_utils.widgets.studio import released_painters

CPU = torch.device("cpu")
ROOT = Path(__file__).parents[2]


def test_without_a_release_one_sentence_says_how_to_make_one(project):
    for call in (
        lambda: load_generator("released", CPU),
        lambda: load_generator("released/baseline", CPU),
        released_names,
        lambda: released_painters(CPU),
    ):
        message = one_sentence(call)
        assert "no released models in data/released yet" in message
        assert "`python -m pix2pix_utils release RUN_DIR`" in message


def test_the_name_stands_for_the_first_model_and_a_longer_one_for_each(released):
    assert released_names() == ["released/baseline"]
    for name in ("released", "released/baseline", Path("released")):
        assert find_checkpoint(name) == released / "baseline.pt"
    for other in ("runs/released", str(released), "released/baseline/x", "model.pt"):
        assert find_checkpoint(other) == Path(other)
    message = one_sentence(lambda: find_checkpoint("released/basline"))
    assert "did you mean 'baseline'" in message


def test_a_file_that_is_not_the_released_one_is_refused_with_a_remedy(released):
    path = released / "baseline.pt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    message = one_sentence(lambda: load_generator("released", CPU))
    expected = read_manifest(released)["models"]["baseline"]["sha256"][:8]
    assert str(path) in message and expected in message and "git checkout" in message
    path.unlink()
    message = one_sentence(lambda: load_generator("released", CPU))
    assert f"{path} is missing" in message and "git checkout" in message


def test_a_damaged_manifest_is_named(released):
    contents = ("{", "[]", "{}", '{"models": {}}', '{"models": [1]}', '{"models": {"a": {}}}')
    for content in contents:
        (released / MANIFEST).write_text(content)
        assert str(released / MANIFEST) in one_sentence(lambda: load_generator("released", CPU))


def test_outside_of_the_project_the_message_says_where_the_models_are(monkeypatch):
    monkeypatch.setattr("pix2pix_utils.released_models.project_root", lambda: None)
    assert "data/released of the project's folder" in one_sentence(released_folder)


def test_what_the_project_itself_releases_is_whole(monkeypatch):
    monkeypatch.chdir(ROOT)
    from pix2pix_utils.release.card import SCENES, STREET, model_card
    from pix2pix_utils.release.making import MAX_BYTES

    folder, manifest = released_folder(), read_json(ROOT / "data" / "released" / MANIFEST)
    assert (folder / "README.md").read_text(encoding="utf-8") == model_card(manifest)
    painters = released_painters(CPU)  # checks each hash
    assert {one.image_size for one in painters.values()} == {manifest["image_size"]}
    weights = sorted(path.name for path in folder.glob("*.pt"))
    assert weights == sorted(model["file"] for model in manifest["models"].values())
    assert sum((folder / name).stat().st_size for name in weights) <= MAX_BYTES
    assert (folder / SCENES).is_file() and (folder / STREET).stat().st_size < 300_000


def test_a_released_model_knows_its_data_and_its_score(released):
    manifest = read_manifest()
    found = describe(read_generator(Path("released")))
    assert found.trained_on == f"{manifest['pairs']['train']} drawn street scenes"
    assert found.ssim == {"test": manifest["models"]["baseline"]["scores"]["ssim"]}
    assert found.ssim["test"]["images"] == manifest["pairs"]["test"]
    alone = describe(read_generator(released / "baseline.pt"))
    assert alone.dataset is None
