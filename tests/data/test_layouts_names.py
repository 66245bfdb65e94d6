"""What the words of folders and files say: photos, label maps, splits, and common endings."""

import pytest
from messages import one_sentence

from pix2pix_utils.data.layouts.affixes import between_sides, within_one
from pix2pix_utils.data.layouts.side_names import is_other, side_of_name, split_of_name

PHOTOS = """photo photos image img imgs images rgb RGB leftImg8bit leftimg8bit JPEGImages
jpegimages 701_StillsRaw_full train_img image_2 images_png rgb_anon CameraRGB Fotos/images"""
LABELS = """label labels masks mask gt gtFine seg trainannot SegmentationClass segmentationclass
LabeledApproved_full annotations ground_truth groundtruth GroundTruth semantic semantic_rgb
train_labels _gtFine_labelIds label_images CameraSeg labels/sem_seg/masks gt_labelColor"""
NEITHER = """A B input target source train val testA left right . base SegmentationObject
gtFine_instanceIds train_inst depth_images visualisation labels_vis algebra segovia manna"""


@pytest.mark.parametrize(("text", "side"), [(PHOTOS, "photo"), (LABELS, "label"), (NEITHER, None)])
def test_a_name_tells_photos_from_label_maps_or_nothing(text, side):
    assert {name: side_of_name(name) for name in text.split()} == dict.fromkeys(text.split(), side)


def test_pictures_of_other_kinds_are_told_by_their_names():
    assert all(map(is_other, ("train_inst", "SegmentationObject", "depth", "overlays")))
    assert not any(map(is_other, ("photos", "masks", "A", "base")))


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", ("train", "")),
        ("TRAIN", ("train", "")),
        ("Training", ("train", "")),
        ("training_set", ("train", "")),
        ("validation", ("val", "")),
        ("valid", ("val", "")),
        ("dev", ("val", "")),
        ("testing", ("test", "")),
        ("val2017", ("val", "")),
        ("train_label", ("train", "label")),
        ("trainannot", ("train", "annot")),
        ("testB", ("test", "b")),
        ("trainval", ("", "trainval")),
        ("train2", ("", "train2")),
        ("test_drive", ("", "test_drive")),
        ("labelTrainIds", ("", "labelTrainIds")),
        ("photos", ("", "photos")),
        ("", ("", "")),
    ],
)
def test_a_name_tells_its_split_and_what_else_it_says(name, split):
    assert split_of_name(name) == split


def test_the_shortest_ending_that_matches_all_names_is_found(tmp_path):
    one = [f"/a_{n:06}_img_A" for n in range(9)]
    two = [f"/a_{n:06}_img_B" for n in range(9)]
    difference = between_sides(tmp_path, one, two, beginnings=False)
    assert difference.affixes == ("_A", "_B")
    assert difference.cores[0]["/a_000003_img_A"] == "/a_000003_img"


def test_numbers_are_not_endings_and_beginnings_only_where_they_may_be(tmp_path):
    cities = [[f"/{city}_{n:03}" for n in range(9)] for city in ("paris", "rome")]
    assert within_one(tmp_path, [*cities[0], *cities[1]]) is None
    assert within_one(tmp_path, [f"/{n}_{frame}" for n in range(5) for frame in (1, 2)]) is None
    apart = between_sides(tmp_path, *cities, beginnings=False)
    assert not {*apart.cores[0].values()} & {*apart.cores[1].values()}
    matched = between_sides(tmp_path, *cities, beginnings=True)
    assert {*matched.cores[0].values()} == {f"/{n:03}" for n in range(9)}


def test_too_many_kinds_of_files_are_named(tmp_path):
    names = [f"/{n}_{kind}" for n in range(5) for kind in ("left", "right", "label")]
    message = one_sentence(lambda: within_one(tmp_path, names))
    assert "_left" in message and "_right" in message and str(tmp_path) in message
