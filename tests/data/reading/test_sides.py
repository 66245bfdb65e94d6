"""Which picture of a pair is the label map: by option, palette.csv, names, then contents."""

import numpy as np
import pytest
from folders_of_pairs import CAR, recoded, save, scene, write_pairs
from messages import one_sentence
from PIL import Image

from pix2pix_utils.data.discovery import open_source
from pix2pix_utils.data.palette import CITYSCAPES


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("PIX2PIX_CACHE", str(tmp_path / "cache"))


def label_files(source):
    return {item.label.path.parent.name for items in source.splits.values() for item in items}


def opened(folder, options=""):
    return open_source(f"{folder}{options}", progress=False)


def colored(classes, path, number):
    save(CITYSCAPES.encode(classes), path)


def dark_photos(folder, photos="photos", labels="labels"):
    """Photos that are nearly black, of few colours, and label maps in own bright colours."""
    own = np.array([(255, 255, 255), (0, 200, 0)], np.uint8)
    for number in range(12):
        mask = (scene(number)[0] == CAR).astype(np.uint8)
        save((mask * 3)[..., None].repeat(3, 2), folder / photos / f"{number}.png")
        save(own[mask], folder / labels / f"{number}.png")
    return folder


@pytest.mark.parametrize(
    ("photos", "labels"),
    [
        ("photos", "labels"),
        ("images", "masks"),
        ("img", "gt"),
        ("JPEGImages", "seg"),
        ("A", "annot"),
    ],
)
def test_names_of_folders_decide_before_contents(tmp_path, photos, labels):
    source = opened(dark_photos(tmp_path / "set", photos, labels))
    assert label_files(source) == {labels}
    assert f"'{labels}'" in source.reading.evidence[0]


def test_contents_decide_where_names_do_not(tmp_path):
    for number, (photos, labels) in enumerate((("A", "B"), ("B", "A"), ("one", "two"))):
        folder = write_pairs(tmp_path / f"set{number}", colored, photos=photos, labels=labels)
        assert label_files(opened(folder)) == {labels}


def test_a_side_in_doubt_is_refused_and_can_be_named(tmp_path):
    folder = dark_photos(tmp_path / "set", "A", "B")
    message = one_sentence(lambda: opened(folder))
    assert "--label-side A or --label-side B" in message
    assert label_files(opened(folder, "?label_side=B")) == {"B"}
    (folder / "dataset.toml").write_text('label_side = "B"\n')
    assert label_files(opened(folder)) == {"B"}
    assert label_files(opened(folder, "?label_side=A")) == {"A"}, "the option wins over the file"


def test_a_palette_file_decides_before_names(tmp_path):
    """A network that makes label maps of photos calls them so; the colours say which is which."""
    folder = dark_photos(tmp_path / "set", photos="labels_old", labels="images_new")
    (folder / "palette.csv").write_text("name,red,green,blue\nnothing,255,255,255\ncell,0,200,0\n")
    source = opened(folder)
    assert label_files(source) == {"images_new"} and source.palette.classes[1] == "cell"


def test_grey_photos_beside_coloured_jpeg_label_maps_need_a_palette(tmp_path):
    """A thermal camera, side by side with label maps in own colours, saved with loss."""
    own = np.random.default_rng(3).integers(0, 256, (len(CITYSCAPES), 3)).astype(np.uint8)
    used = np.unique(scene(0)[0])
    folder = tmp_path / "set"
    for number in range(20):
        classes, photo = scene(number, (64, 64))
        grey = photo.mean(axis=-1).astype(np.uint8)[..., None].repeat(3, 2)
        both = np.concatenate([grey, own[classes]], axis=1).repeat(2, 0).repeat(2, 1)
        save(both, folder / "train" / f"{number}.jpg", quality=85)
    message = one_sentence(lambda: opened(folder))
    assert "--label-side" in message
    lines = [",".join(map(str, (f"c{i}", *own[i]))) for i in used]
    (folder / "palette.csv").write_text("name,red,green,blue\n" + "\n".join(lines) + "\n")
    source = opened(folder)
    item = source.splits["train"][0]
    assert item.label.half == "right"
    expected = recoded(
        scene(int(item.name.split("/")[-1]), (64, 64))[0], {int(c): n for n, c in enumerate(used)}
    )
    assert (item.read(source.reading)[0][::2, ::2] == expected).mean() > 0.9


@pytest.mark.parametrize("side", ["left", "right"])
def test_side_by_side_pairs_are_told_apart_by_content(tmp_path, side):
    for number in range(12):
        classes, photo = scene(number, (64, 64))
        halves = [CITYSCAPES.encode(classes), photo]
        halves = halves if side == "left" else halves[::-1]
        save(np.concatenate(halves, axis=1), tmp_path / "set" / f"{number}.png")
    source = opened(tmp_path / "set")
    assert source.splits["train"][0].label.half == side
    classes, photo = source.splits["train"][0].read(source.reading)
    number = int(source.splits["train"][0].name)
    np.testing.assert_array_equal(classes, scene(number, (64, 64))[0])
    np.testing.assert_array_equal(photo, scene(number, (64, 64))[1])


@pytest.mark.parametrize("picture", ["photo", "label map"])
def test_single_pictures_are_not_taken_for_pairs(tmp_path, picture):
    for number in range(12):
        classes, photo = scene(number)
        pixels = photo if picture == "photo" else CITYSCAPES.encode(classes)
        save(pixels, tmp_path / "set" / "train" / f"{number}.png")
    message = one_sentence(lambda: opened(tmp_path / "set"))
    assert "single picture" in message


def test_an_unknown_side_is_named(tmp_path):
    folder = write_pairs(tmp_path / "set", colored)
    message = one_sentence(lambda: opened(folder, "?label_side=top"))
    assert "'photos' and 'labels'" in message or "'labels' and 'photos'" in message


def test_photos_in_few_colours_do_not_become_label_maps_of_jpeg(tmp_path):
    """Night photos saved as JPEG beside label maps saved as JPEG, under names that say nothing."""
    for number in range(12):
        classes, photo = scene(number, (64, 64))
        for name, pixels in (("x", photo // 12), ("y", CITYSCAPES.encode(classes))):
            image = Image.fromarray(pixels).resize((128, 128), Image.Resampling.NEAREST)
            save(np.asarray(image), tmp_path / "set" / name / f"{number}.jpg", quality=90)
    assert label_files(opened(tmp_path / "set")) == {"y"}
