"""Pairs in folders of any name: two folders, one folder, and one file for each pair."""

import os
import re
import sys

import pytest
from listings import counts, find, found, make, names, numbered, pairs
from messages import one_sentence

from pix2pix_utils.data.source import SPLITS

# --- Two folders ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second"),
    [("photos", "labels"), ("A", "B"), ("x", "y"), ("Bilder", "Masken"), ("input", "target")],
)
def test_two_folders_of_equal_names(tmp_path, first, second):
    folder = make(tmp_path / "streets", *numbered("{side}/{i}.png", side=f"{first} {second}"))
    listing = found(folder)
    assert listing.name == "streets" and listing.sides == (first, second)
    assert counts(listing) == (8, 1, 1) and listing.problems == ()
    assert pairs(listing)["3"] == (f"{first}/3.png", f"{second}/3.png")
    assert listing.label_side is None and listing.palette is None


def test_photos_come_first_if_names_tell(tmp_path):
    assert found(make(tmp_path, *numbered("{s}/{i}.png", s="annot rgb"))).sides == ("rgb", "annot")


@pytest.mark.parametrize(
    "pattern",
    ["{split}/{side}/{i}.png", "{side}/{split}/{i}.png", "{split}_{side}/{i}.png"],
)
@pytest.mark.parametrize(
    "splits", ["train val test", "Training validation testing", "TRAIN valid Test"]
)
def test_split_folders_inside_outside_and_in_one_name(tmp_path, pattern, splits):
    make(tmp_path, *numbered(pattern, 3, split=splits, side="photos masks"))
    listing = found(tmp_path)
    assert {split: names(listing, split) for split in SPLITS} == {
        split: [f"{split}/{n}" for n in range(3)] for split in SPLITS
    }
    assert listing.problems == ()


def test_other_kinds_of_pictures_beside_photos_and_label_maps_are_left_out(tmp_path):
    sides = "train_img train_label train_inst train_depth test_img test_label test_inst"
    listing = found(make(tmp_path, *numbered("{side}/{i}.png", side=sides)))
    assert listing.sides == ("train_img", "train_label") and counts(listing) == (9, 1, 10)
    assert pairs(listing)["test/0"] == ("test_img/0.png", "test_label/0.png")
    assert listing.problems == ()


def test_kaggles_camvid(tmp_path):
    make(tmp_path, *numbered("{split}/0001_{i}.png", split="train val test"), "class_dict.csv")
    make(tmp_path, *numbered("{split}_labels/0001_{i}_L.png", split="train val test"))
    listing = found(tmp_path)
    assert listing.sides == ("train", "train_labels") and counts(listing) == (10, 10, 10)
    assert pairs(listing)["val/0001_7"] == ("val/0001_7.png", "val_labels/0001_7_L.png")


def test_ade20k(tmp_path):
    make(tmp_path, *numbered("images/{s}/ADE_{i}.jpg", s="training validation"))
    make(tmp_path, *numbered("annotations/{s}/ADE_{i}.png", s="training validation"))
    listing = found(tmp_path)
    assert counts(listing) == (9, 1, 10) and listing.problems == ()
    assert pairs(listing)["val/ADE_2"][1] == "annotations/validation/ADE_2.png"


@pytest.mark.parametrize(
    ("photo", "label"),
    [
        ("A/train/{i}_A.jpg", "B/train/{i}_B.png"),
        ("A/{i}_img.jpg", "B/{i}_gt.png"),
        ("photos/{i}.jpg", "masks/{i}_mask.png"),
        ("frames/frame{i}.jpg", "masks/mask{i}.png"),
        ("701_StillsRaw_full/01TP_{i}.png", "LabeledApproved_full/01TP_{i}_L.png"),
        ("images/{i}_leftImg8bit.png", "labels/{i}_gtFine_labelIds.png"),
        ("images/10k/train/{i}.jpg", "labels/sem_seg/masks/train/{i}.png"),
        ("photos/Straße {i}.JPG", "labels/Straße {i}.PNG"),
        ("{i}.jpg", "labels/{i}.png"),
        ("train/{i}.jpg", "train_masks/{i}_mask.png"),
        ("train/{i}.jpg", "masks/{i}.png"),
    ],
)
def test_names_may_differ_by_what_all_of_a_side_have(tmp_path, photo, label):
    listing = found(make(tmp_path, *numbered(photo), *numbered(label)))
    assert listing.problems == () and counts(listing) == (8, 1, 1)
    for name, files in pairs(listing).items():
        (number,) = re.findall(r"(?<!\d)\d(?!\d|k/)", name)
        assert files == (photo.replace("{i}", number), label.replace("{i}", number))


def test_endings_tell_the_sides_if_the_folders_do_not(tmp_path):
    make(tmp_path, *numbered("A/{i}_gt.png"), *numbered("B/{i}_photo.jpg"))
    assert set(found(tmp_path).sides) == {"_gt", "_photo"}


def test_of_several_encodings_label_ids_are_used(tmp_path):
    kinds = "labelIds labelColor labelTrainIds invIds"
    make(tmp_path, *numbered("rgb_anon/fog/train/G1/{i}_rgb_anon.png"))
    make(tmp_path, *numbered("gt/fog/train/G1/{i}_gt_{kind}.png", kind=kinds))
    listing = found(tmp_path)
    assert {files[1][-12:] for files in pairs(listing).values()} == {"labelIds.png"}
    assert listing.problems == ()


def test_groups_within_splits_are_part_of_the_names(tmp_path):
    make(tmp_path, *numbered("Train/{g}/{side}/{i}.png", g="Rural Urban", side="images masks"))
    make(tmp_path, *numbered("Val/Rural/{side}/{i}.png", side="images masks"))
    listing = found(tmp_path)
    assert counts(listing) == (18, 2, 10) and listing.problems == ()
    assert "train/Urban/0" in pairs(listing) and "val/Rural/0" in pairs(listing)


def test_a_test_split_without_label_maps_is_left_out_and_the_description_says_so(tmp_path):
    make(tmp_path, *numbered("training/{side}/{i}.png", side="image_2 semantic instance"))
    make(tmp_path, *numbered("testing/image_2/{i}.png"))
    listing = found(tmp_path)
    assert listing.problems == () and counts(listing) == (8, 1, 1)
    assert "test split has none" in listing.description


def test_unpaired_files_are_named(tmp_path):
    make(tmp_path, *numbered("photos/{i}.jpg", 20), *numbered("labels/{i}.png", 20))
    for gone in ("labels/3.png", "labels/11.png", "photos/7.jpg"):
        (tmp_path / gone).unlink()
    assert found(tmp_path).problems == (
        f"{tmp_path / 'photos' / '3.jpg'} has no label map",
        f"{tmp_path / 'photos' / '11.jpg'} has no label map",
        f"{tmp_path / 'labels' / '7.png'} has no photo",
    )


def test_unpaired_files_of_unknown_sides_name_the_other_folder(tmp_path):
    make(tmp_path, *numbered("A/{i}.png"), *numbered("B/{i}.png", 9))
    assert found(tmp_path).problems == (f"{tmp_path / 'A' / '9.png'} has no partner in B/",)


def test_names_that_two_files_of_a_side_have_are_named(tmp_path):
    make(tmp_path, *numbered("photos/{i}.jpg"), *numbered("labels/{i}.png"))
    make(tmp_path, "labels/3.bmp", "photos/4.jpeg")
    problems = "\n".join(found(tmp_path).problems)
    assert re.search(r"3\.bmp and .*3\.png have the same name", problems)
    assert re.search(r"4\.jpeg and .*4\.jpg have the same name", problems)


@pytest.mark.parametrize(
    "sides",
    ["x y z", "labels cam1 cam2", "images labels labels_color", "photos rgb masks"],
)
def test_more_than_two_folders_of_the_same_scenes_are_not_several_data_sets(tmp_path, sides):
    make(tmp_path, *numbered("{side}/{i}.png", side=sides))
    message = one_sentence(lambda: find(tmp_path))
    assert all(f"{side}/" in message for side in sides.split())
    assert "several data sets" not in message


@pytest.mark.parametrize(
    "folders", ["train/images train/v1.2/labels train/v2.0/labels", "RGB GT/ids GT/hues"]
)
def test_several_versions_of_the_label_maps_are_named(tmp_path, folders):
    make(tmp_path, *numbered("{folder}/{i}.png", folder=folders))
    message = one_sentence(lambda: find(tmp_path)).replace("\\", "/")
    assert all(folder in message for folder in folders.split()[1:]) and "keep the one" in message


def test_labels_that_are_no_images_are_named(tmp_path):
    make(tmp_path, *numbered("images/train/{i}.jpg"), *numbered("labels/train/{i}.txt"))
    message = one_sentence(lambda: find(tmp_path))
    assert str(tmp_path / "labels") in message and "no image files" in message


def test_photos_beside_pictures_of_another_kind_only(tmp_path):
    make(tmp_path, *numbered("{side}/{i}.png", side="train_img train_inst"))
    assert "no folder of label maps" in one_sentence(lambda: find(tmp_path))


def test_folders_of_data_sets_are_looked_into_one_by_one(tmp_path):
    make(tmp_path, *numbered("{set}/{side}/{i}.png", set="one two", side="images labels"))
    assert find(tmp_path) is None
    assert counts(found(tmp_path / "one")) == counts(found(tmp_path / "two")) == (8, 1, 1)


def test_two_folders_with_nothing_in_common_are_no_pairs(tmp_path):
    assert find(make(tmp_path, *numbered("{d}/{d}{i}.png", d="facades maps"))) is None


# --- One folder -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("photo", "label", "sides"),
    [
        ("{i}_A.jpg", "{i}_B.jpg", ("_A", "_B")),
        ("{i}A.jpg", "{i}B.jpg", ("A", "B")),
        ("s {i}_img.jpg", "s {i}_gt.png", ("_img", "_gt")),
        ("Straße-{i}-photo.JPG", "Straße-{i}-label.PNG", ("-photo", "-label")),
        ("{i}.jpg", "{i}_mask.png", ("no suffix", "_mask")),
        ("img_{i}.jpg", "label_{i}.png", ("img_", "label_")),
        ("cmp_b{i}.jpg", "cmp_b{i}.png", (".jpg", ".png")),
        ("{i}.JPEG", "{i}.bmp", (".bmp", ".jpg")),
        ("{i}_leftImg8bit.png", "{i}_gtFine_color.png", ("_leftImg8bit", "_gtFine_color")),
    ],
)
def test_both_files_of_a_pair_in_one_folder(tmp_path, photo, label, sides):
    make(tmp_path, *numbered(photo), *numbered(label), "readme.txt", ".hidden_A.png")
    listing = found(tmp_path)
    assert listing.sides == sides and listing.problems == () and counts(listing) == (8, 1, 1)
    for name, files in pairs(listing).items():
        number = re.search(r"\d", name)[0]
        assert set(files) == {photo.replace("{i}", number), label.replace("{i}", number)}


def test_both_files_of_a_pair_in_split_folders(tmp_path):
    make(tmp_path, *numbered("{s}/{i}.jpg", 3, s="train valid test"))
    make(tmp_path, *numbered("{s}/{i}_mask.png", 3, s="train valid test"), "train/_classes.csv")
    listing = found(tmp_path)
    assert counts(listing) == (3, 3, 3)
    assert pairs(listing)["val/1"] == ("valid/1.jpg", "valid/1_mask.png")


def test_folders_of_cmp_facades_are_one_data_set(tmp_path):
    make(tmp_path, *numbered("base/cmp_b{i}.{e}", e="jpg png xml"))
    make(tmp_path, *numbered("extended/cmp_x{i}.{e}", e="jpg png xml"))
    listing = found(tmp_path)
    assert counts(listing) == (16, 2, 2) and listing.problems == ()
    assert pairs(listing)["base/cmp_b1"] == ("base/cmp_b1.jpg", "base/cmp_b1.png")


def test_files_of_another_kind_in_the_folder_are_left_out(tmp_path):
    listing = found(make(tmp_path, *numbered("{i}_{kind}.png", kind="img label inst")))
    assert listing.sides == ("_img", "_label") and listing.problems == ()


def test_unpaired_files_in_one_folder_are_named(tmp_path):
    make(tmp_path, *numbered("{i}_photo.jpg"), *numbered("{i}_label.png", 9), "preview.png")
    problems = found(tmp_path).problems
    assert [re.sub(r".*[/\\]", "", problem) for problem in problems] == [
        "9_photo.jpg has no label map",
        "preview.png has no label map",
    ]


# --- Side by side ---------------------------------------------------------------------------------


def test_files_side_by_side_are_two_halves(tmp_path):
    listing = found(make(tmp_path, *numbered("{split}/{i}.JPG", 3, split="train val test")))
    assert listing.sides == ("left", "right") and counts(listing) == (3, 3, 3)
    left, right = listing.splits["val"][0].pictures
    assert (left.half, right.half) == ("left", "right") and left.path == right.path
    assert left.path == tmp_path / "val" / "0.JPG"


def test_frames_of_two_videos_are_no_pairs(tmp_path):
    make(tmp_path, *numbered("paris_{i}.png"), *numbered("rome_{i}.png"))
    assert found(tmp_path).sides == ("left", "right")


def test_litter_beside_the_splits_is_passed_over(tmp_path):
    make(tmp_path, *numbered("{s}/{i}.jpg", s="train val"), "preview.png", ".DS_Store")
    make(tmp_path, "train/._1.jpg", "train/Thumbs.db", "__MACOSX/train/1.jpg", "@eaDir/1.jpg")
    listing = found(tmp_path)
    assert counts(listing) == (9, 1, 10)
    assert names(listing, "test") == [f"val/{n}" for n in range(10)]


def test_a_folder_without_splits_is_split_at_random_but_always_alike(tmp_path):
    make(tmp_path / "one", *numbered("{i}.png", 30))
    make(tmp_path / "two", *numbered("{i}.png", 30))
    listing, again = found(tmp_path / "one"), found(tmp_path / "two")
    assert counts(listing) == (24, 3, 3) and "neighbouring frames" in listing.split_rule
    assert names(listing, "val") == names(again, "val") == ["10", "17", "25"]
    assert names(listing, "test") == names(again, "test") == ["4", "6", "14"]
    assert sorted(pairs(listing), key=int) == [str(index) for index in range(30)]


def test_unclear_split_folders_are_refused(tmp_path):
    make(tmp_path, *numbered("{split}/{i}.png", split="train one two"))
    assert "name the folders train, val and test" in one_sentence(lambda: find(tmp_path))


def test_a_folder_beside_train_is_the_test_split(tmp_path):
    listing = found(make(tmp_path, *numbered("{split}/{i}.png", split="train holdout")))
    assert names(listing, "test") == [f"holdout/{n}" for n in range(10)]


@pytest.mark.parametrize("named", ["train_label", "train_img", "test_label"])
def test_one_side_alone_points_to_the_folder_above(tmp_path, named):
    make(tmp_path, *numbered("{split}_{side}/{i}.png", split="train test", side="img label"))
    message = one_sentence(lambda: find(tmp_path / named))
    assert message.endswith(f"give the path of the folder above, {tmp_path}")
    assert find(tmp_path) is not None


@pytest.mark.parametrize("named", ["photos", "masks", "photos/train", "masks/train"])
def test_one_side_with_splits_points_to_the_folder_above(tmp_path, named):
    make(tmp_path, *numbered("{side}/{split}/{i}.png", split="train test", side="photos masks"))
    message = one_sentence(lambda: find(tmp_path / named))
    assert message.endswith(f"give the path of the folder above, {tmp_path}")


def test_the_photos_of_kaggles_camvid_alone_point_to_the_folder_above(tmp_path):
    make(tmp_path, *numbered("{split}/{i}.png", split="train val train_labels val_labels"))
    assert str(tmp_path / "train_labels") in one_sentence(lambda: find(tmp_path / "train"))


def test_label_maps_alone_are_refused(tmp_path):
    make(tmp_path, *numbered("{split}_label/{i}.png", split="train test"))
    assert "no photos" in one_sentence(lambda: find(tmp_path))


def test_a_split_of_pairs_side_by_side_may_be_used_alone(tmp_path):
    make(tmp_path, *numbered("{split}/{i}.png", split="train val"))
    assert counts(found(tmp_path / "train")) == (8, 1, 1)


# --- Names ----------------------------------------------------------------------------------------


def test_names_of_every_kind_make_pairs(tmp_path):
    stems = ["with space", "UPPER", "ünïcödé 路", "a.b.c", "semi;colon", "quote'", "é"]
    for stem in stems:  # a Mac writes an accent as a letter of its own
        other = stem.replace("é", "e\u0301")
        make(tmp_path, f"photos/{stem}.JPG", f"labels/{other}.PNG")
    listing = found(tmp_path)
    assert listing.problems == () and sorted(pairs(listing)) == sorted(stems)


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux only")
def test_a_name_that_is_no_text_is_read_and_written_as_ascii(tmp_path):
    for index in range(10):
        name = os.fsdecode(b"\xff%d" % index)
        make(tmp_path, f"photos/{name}.png", f"labels/{name}.png")
    assert sorted(pairs(found(tmp_path))) == [f"\\udcff{index}" for index in range(10)]


def test_an_empty_folder_has_no_layout(tmp_path):
    assert find(tmp_path) is None
