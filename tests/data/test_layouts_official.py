"""Cityscapes, CamVid and Pascal VOC as they are handed out, and as people unpack them."""

import re
import shutil

import pytest
from listings import counts, find, found, make, names, numbered, pairs
from messages import one_sentence

from pix2pix_utils.data.layouts.segnet import camvid_frame
from pix2pix_utils.data.palette import CAMVID, CITYSCAPES
from pix2pix_utils.data.source import SPLITS

# --- Cityscapes -----------------------------------------------------------------------------------

CITIES = {"aachen": 10, "ulm": 1, "weimar": 1, "zurich": 1}
ALL_KINDS = ("color", "labelIds", "labelTrainIds", "instanceIds")


def cityscapes(
    folder, cities=CITIES, kinds=("labelIds",), photos="leftImg8bit", labels="gtFine", flat=False
):
    frames = [("train", city, n) for city, count in cities.items() for n in range(count)]
    frames += [("val", "frankfurt", n) for n in range(2)] + [("test", "berlin", 0)]
    for split, city, number in frames:
        place = split if flat else f"{split}/{city}"
        stem = f"{city}_{number:06}_000019"
        make(folder, f"{photos}/{place}/{stem}_leftImg8bit.png")
        make(folder, *(f"{labels}/{place}/{stem}_gtFine_{kind}.png" for kind in kinds))
    return folder


def kinds_used(listing):
    return {
        re.search(r"_gtFine_(\w+)", match.pictures[1].path.name)[1]
        for split in SPLITS
        for match in listing.splits[split]
    }


def test_cityscapes_val_is_whole_cities(tmp_path):
    listing = found(cityscapes(tmp_path / "c"))
    assert counts(listing) == (12, 1, 2) and listing.name == "cityscapes"
    assert names(listing, "val") == ["zurich/zurich_000000_000019"]
    assert all(name.startswith("frankfurt/") for name in names(listing, "test"))
    assert "zurich" in listing.split_rule and listing.problems == ()
    assert listing.sides == ("leftImg8bit", "gtFine") and listing.label_side == 1
    assert listing.palette is CITYSCAPES


def test_cityscapes_holds_out_up_to_15_percent(tmp_path):
    cities = {"aachen": 10, "bochum": 5, "ulm": 1, "weimar": 1, "zurich": 1}
    listing = found(cityscapes(tmp_path / "c", cities))
    assert {name.split("/")[0] for name in names(listing, "val")} == {"weimar", "zurich"}


def test_cityscapes_frames_of_a_sequence_share_a_drive_and_are_in_order(tmp_path):
    for city, sequence, frame in (("a", 0, 294), ("a", 0, 1106), ("a", 1, 19), ("b", 0, 19)):
        for split in ("train", "val"):
            stem = f"{split}/{city}/{city}_{sequence:06}_{frame:06}"
            make(tmp_path, f"leftImg8bit/{stem}_leftImg8bit.png")
            make(tmp_path, f"gtFine/{stem}_gtFine_labelIds.png")
    train = found(tmp_path).splits["train"]
    assert [match.drive for match in train] == ["a_000000", "a_000000", "a_000001"]
    assert [match.name[-6:] for match in train] == ["000294", "001106", "000019"]


@pytest.mark.parametrize(
    ("kinds", "used", "label_kind"),
    [
        (ALL_KINDS, "labelIds", "label-ids"),
        (("labelTrainIds", "color"), "color", "colors"),
        (("labelTrainIds",), "labelTrainIds", "train-ids"),
    ],
)
def test_one_kind_of_label_maps_is_used_and_named(tmp_path, kinds, used, label_kind):
    listing = found(cityscapes(tmp_path / "c", kinds=kinds))
    assert kinds_used(listing) == {used}
    assert listing.label_kind == label_kind and f"_gtFine_{used}" in listing.description


def test_the_kind_that_all_photos_have_is_used(tmp_path):
    folder = cityscapes(tmp_path / "c", kinds=("labelIds", "labelTrainIds"))
    next(folder.glob("gtFine/val/*/*_labelIds.png")).unlink()
    listing = found(folder)
    assert kinds_used(listing) == {"labelTrainIds"} and listing.problems == ()


def test_cityscapes_with_all_its_litter(tmp_path):
    folder = cityscapes(tmp_path / "c", kinds=("labelIds", "color", "instanceIds"))
    clean = found(folder)
    stem = "train/aachen/aachen_000000_000019"
    make(folder, f"gtFine/{stem}_gtFine_polygons.json", "README", "license.txt")
    make(folder, f"leftImg8bit/{stem[:12]}/Thumbs.db", f"leftImg8bit/{stem[:12]}/@eaDir/1.png")
    make(folder, "leftImg8bit/train/aachen/._a_leftImg8bit.png", "gtFine_trainvaltest.zip")
    assert found(folder) == clean


@pytest.mark.parametrize(
    ("photos", "labels"),
    [
        ("leftImg8bit_trainvaltest/leftImg8bit", "gtFine_trainvaltest/gtFine"),
        ("leftImg8bit/leftImg8bit", "gtFine/gtFine"),
        ("leftImg8bit_trainvaltest/leftImg8bit", "gtFine"),
        ("leftImg8bit_trainvaltest", "gtFine_trainvaltest/gtFine_trainvaltest/gtFine"),
    ],
)
def test_zip_files_unpacked_into_folders_of_their_own(tmp_path, photos, labels):
    listing = found(cityscapes(tmp_path / "c", photos=photos, labels=labels))
    expected = found(cityscapes(tmp_path / "official"))
    assert {split: names(listing, split) for split in SPLITS} == {
        split: names(expected, split) for split in SPLITS
    }


def test_files_without_folders_of_cities(tmp_path):
    listing = found(cityscapes(tmp_path / "flat", flat=True))
    expected = found(cityscapes(tmp_path / "official"))
    assert listing.split_rule == expected.split_rule
    assert [names(listing, split) for split in SPLITS] == [
        names(expected, split) for split in SPLITS
    ]
    assert listing.splits["train"][0].drive == "aachen_000000"


@pytest.mark.parametrize("missing", ["gtFine", "leftImg8bit"])
def test_half_of_cityscapes_says_what_is_missing_and_where(tmp_path, missing):
    folder = cityscapes(tmp_path / "c")
    shutil.rmtree(folder / missing)
    message = one_sentence(lambda: find(folder))
    assert f"no {missing}/" in message and f"{missing}_trainvaltest.zip" in message
    assert str(folder) in message and "csDownload" in message and "register" not in message


@pytest.mark.parametrize("named", ["leftImg8bit_trainvaltest", "gtFine_trainvaltest"])
def test_one_of_two_unpacked_zip_files_points_to_the_folder_above(tmp_path, named):
    cityscapes(
        tmp_path,
        photos="leftImg8bit_trainvaltest/leftImg8bit",
        labels="gtFine_trainvaltest/gtFine",
    )
    message = one_sentence(lambda: find(tmp_path / named))
    assert message.endswith(f"give the path of the folder above, {tmp_path}")


@pytest.mark.parametrize("named", ["leftImg8bit", "gtFine", "leftImg8bit/train/aachen"])
def test_a_part_of_cityscapes_is_not_taken_for_pairs_side_by_side(tmp_path, named):
    folder = cityscapes(tmp_path / "c", {"aachen": 3})
    message = one_sentence(lambda: find(folder / named))
    assert message.endswith(f"give the path of the folder above, {folder}")


def test_cityscapes_with_one_city_or_without_a_split_is_refused(tmp_path):
    assert "at least 2" in one_sentence(lambda: find(cityscapes(tmp_path / "one", {"aachen": 3})))
    folder = cityscapes(tmp_path / "c")
    shutil.rmtree(folder / "gtFine" / "val")
    message = one_sentence(lambda: find(folder))
    assert str(folder / "gtFine" / "val") in message and "gtFine_trainvaltest.zip" in message


@pytest.mark.parametrize("kinds", [(), ("instanceIds",)])
def test_cityscapes_without_any_label_maps_names_the_files_it_needs(tmp_path, kinds):
    folder = cityscapes(tmp_path / "c", kinds=kinds)
    make(folder, "gtFine/train/aachen/1_gtFine_polygons.json", "gtFine/val/a/1.json")
    message = one_sentence(lambda: find(folder))
    assert "*_gtFine_labelIds.png" in message and str(folder / "gtFine") in message


def test_unpaired_files_of_cityscapes_are_named(tmp_path):
    folder = cityscapes(tmp_path / "c")
    next((folder / "gtFine/train/aachen").iterdir()).unlink()
    (problem,) = found(folder).problems
    assert re.fullmatch(r".*aachen_00000._000019_leftImg8bit\.png has no label map", problem)
    next((folder / "leftImg8bit/val/frankfurt").iterdir()).unlink()
    assert re.search(r"_gtFine_labelIds\.png has no photo", found(folder).problems[1])


def test_another_data_set_in_the_folders_of_cityscapes_keeps_its_own_rules(tmp_path):
    """India Driving Dataset: the same folders, other endings and other classes."""
    make(tmp_path, *numbered("leftImg8bit/{s}/0/{i}_leftImg8bit.png", s="train val"))
    make(tmp_path, *numbered("gtFine/{s}/0/{i}_gtFine_{k}.png", s="train val", k="labelids inst"))
    listing = found(tmp_path)
    assert listing.palette is None and listing.label_kind is None and listing.problems == ()
    assert counts(listing) == (9, 1, 10)
    assert pairs(listing)["train/3"] == (
        "leftImg8bit/train/0/3_leftImg8bit.png",
        "gtFine/train/0/3_gtFine_labelids.png",
    )


# --- CamVid ---------------------------------------------------------------------------------------


def segnet(folder, **stems):
    for split, files in stems.items():
        make(folder, *(f"{kind}/{stem}.png" for kind in (split, f"{split}annot") for stem in files))
    return folder


@pytest.fixture
def camvid(tmp_path):
    train = [f"0016E5_{n:05}" for n in (*range(1200, 2401, 30), *range(4350, 8000, 300), 8190)]
    train += [f"0006R0_f{n:05}" for n in range(1500, 1800, 30)]
    return segnet(tmp_path / "CamVid", train=train, val=["0016E5_07959", "0016E5_08159"])


def test_camvid_splits_keep_a_guard_gap(camvid):
    listing = found(camvid)
    assert listing.name == "camvid" and listing.palette is CAMVID
    assert listing.label_side == 1 and listing.label_kind == "indices"
    frames = {split: [camvid_frame(name) for name in names(listing, split)] for split in SPLITS}
    assert frames["test"] == [("0016E5", 7959), ("0016E5", 8159)]
    assert frames["val"] == [("0016E5", n) for n in range(1410, 2401, 30)]
    for drive, number in frames["train"]:
        for other, held_out in frames["val"] + frames["test"]:
            assert drive != other or abs(number - held_out) > 150
    assert ("0006R0", 1500) in frames["train"]  # another drive is no neighbour
    on_disk = len(list((camvid / "train").iterdir())) + 2
    assert sum(counts(listing)) + 7 == on_disk  # 1260..1380 and 7950, 8190; 1200 and 1230 stay
    assert "7 training frames" in listing.split_rule


def test_camvid_frames_know_their_drive(camvid):
    splits = found(camvid).splits
    assert {match.drive for match in splits["val"]} == {"0016E5"}
    assert {match.drive for match in splits["train"]} == {"0016E5", "0006R0"}


def test_official_test_folder_is_used(tmp_path):
    folder = segnet(tmp_path / "camvid", train=["0016E5_01500"], val=["0016E5_07959"], test=["a"])
    listing = found(folder)
    assert counts(listing) == (1, 1, 1) and "official" in listing.split_rule


def test_segnet_layout_of_other_names_splits_val_in_blocks(tmp_path):
    folder = segnet(tmp_path / "own", train=["1", "2", "3"], val=["1", "2", "10", "9"])
    listing = found(folder)
    assert listing.name == "own" and listing.splits["val"][0].drive == ""
    assert names(listing, "val") == ["val/1", "val/2"]
    assert names(listing, "test") == ["val/9", "val/10"]


def test_segnet_without_val_is_refused(tmp_path):
    assert "lacks val" in one_sentence(lambda: find(segnet(tmp_path / "x", train=["1"])))


def test_unpaired_files_of_camvid_are_named(camvid):
    (camvid / "trainannot" / "0006R0_f01500.png").unlink()
    (camvid / "val" / "0016E5_08159.png").unlink()
    assert found(camvid).problems == (
        f"{camvid / 'train' / '0006R0_f01500.png'} has no label map",
        f"{camvid / 'valannot' / '0016E5_08159.png'} has no photo",
    )


# --- Pascal VOC -----------------------------------------------------------------------------------


def voc(folder, labels="SegmentationClass", **lists):
    make(
        folder, *numbered("JPEGImages/2007_{i}.jpg", 30), *numbered("Annotations/2007_{i}.xml", 30)
    )
    make(
        folder, *numbered(f"{labels}/2007_{{i}}.png"), *numbered("SegmentationObject/2007_{i}.png")
    )
    for split, numbers in lists.items():
        path = make(folder, f"ImageSets/Segmentation/{split}.txt") / "ImageSets/Segmentation"
        (path / f"{split}.txt").write_text("".join(f"2007_{number}\n" for number in numbers))
    return folder


def test_voc_lists_make_the_splits_and_photos_without_label_maps_are_left_out(tmp_path):
    listing = found(voc(tmp_path / "VOC2012", train=range(6), val=range(6, 10), trainval=range(10)))
    assert counts(listing) == (5, 1, 4) and listing.problems == ()
    assert names(listing, "test") == [f"2007_{n}" for n in range(6, 10)]
    assert pairs(listing)["2007_6"] == ("JPEGImages/2007_6.jpg", "SegmentationClass/2007_6.png")
    assert listing.label_side == 1 and listing.name == "VOC2012"


def test_voc_without_lists_is_split_at_random(tmp_path):
    listing = found(voc(tmp_path, labels="SegmentationClassPNG"))
    assert counts(listing) == (8, 1, 1) and "SegmentationClassPNG" in listing.sides


def test_what_a_voc_list_names_must_be_there(tmp_path):
    folder = voc(tmp_path, train=range(8), val=[8, 9, 12])
    (folder / "JPEGImages" / "2007_3.jpg").unlink()
    problems = "\n".join(found(folder).problems)
    assert "2007_3.png has no photo" in problems
    assert "train.txt lists '2007_3'" in problems and "val.txt lists '2007_12'" in problems


def test_voc_of_boxes_alone_is_told_apart(tmp_path):
    folder = make(tmp_path, *numbered("JPEGImages/{i}.jpg"), "SegmentationClass/1.npy")
    assert "holds no label maps" in one_sentence(lambda: find(folder))
