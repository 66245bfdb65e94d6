"""Drawn streets in the classes of another data set: matched by name, and guesses are told."""

import numpy as np
import pytest
import torch

from pix2pix_utils.data.class_matching import SYNONYMS, match_classes
from pix2pix_utils.data.pairs import class_frequencies
from pix2pix_utils.data.palette import CAMVID, CITYSCAPES, MAPILLARY, VOC, Palette
from pix2pix_utils.errors import UserError


def palette(*names, void=0):
    colors = np.array([[10 * index, 255 - index, 7] for index in range(len(names))], np.uint8)
    return Palette("own", names, colors, len(names) - void)


def matched(target):
    """The name of the class that each drawn class becomes."""
    table = match_classes(target).table
    return {drawn: target.classes[i] for drawn, i in zip(CITYSCAPES.classes, table, strict=True)}


def test_the_streets_own_classes_stay_what_they_are():
    matching = match_classes(CITYSCAPES)
    assert matching.table.tolist() == list(range(len(CITYSCAPES)))
    assert not matching.guesses and not str(matching)


def test_camvid():
    found = matched(CAMVID)
    assert found == {
        "road": "Road", "sidewalk": "Pavement", "building": "Building", "wall": "Building",
        "fence": "Fence", "pole": "Pole", "traffic light": "SignSymbol",
        "traffic sign": "SignSymbol", "vegetation": "Tree", "terrain": "Tree", "sky": "Sky",
        "person": "Pedestrian", "rider": "Bicyclist", "car": "Car", "truck": "Car", "bus": "Car",
        "train": "Car", "motorcycle": "Bicyclist", "bicycle": "Bicyclist",
        **dict.fromkeys(CITYSCAPES.classes[CITYSCAPES.evaluated :], "Unlabelled"),
    }  # fmt: skip
    told = str(match_classes(CAMVID))
    assert "sidewalk = Pavement; wall = Building" in told and "\n" not in told
    assert all(f"{name} =" not in told for name in ("road", "sky", "car", "unlabeled"))


def test_mapillary():
    guesses = match_classes(MAPILLARY).guesses
    assert guesses == {
        "traffic sign": "Traffic Sign (Front)",
        "rider": "Bicyclist",
        "train": "On Rails",
    }
    found = matched(MAPILLARY)
    assert (found["guard rail"], found["caravan"]) == ("Guard Rail", "Caravan")
    assert found["dynamic"] == "Unlabeled"  # not the first void class, which is the camera's mount


def test_voc_has_no_class_for_most_of_a_street():
    with pytest.raises(UserError) as raised:
        match_classes(VOC)
    message = str(raised.value)
    assert "the classes of voc: only 1" in message and "but 80% must" in message
    assert "(road, building, vegetation, sky, sidewalk, ...)" in message
    assert "name its classes in palette.csv" in message


def test_classes_without_names_are_refused():
    with pytest.raises(UserError, match="only 0% of their pixels"):
        match_classes(palette("#000000", "#804080", "#464646"))


def test_spelling_and_plural_do_not_matter():
    own = palette("ROAD", "Side-Walk", "buildings", "Traffic_Light", "buses", "vegetation", "void")
    guesses = match_classes(own).guesses
    assert not {"road", "sidewalk", "building", "traffic light", "bus", "vegetation"} & set(guesses)


def test_a_name_of_several_words_for_one_class_matches_by_each_of_them():
    own = palette("road, route", "sidewalk, pavement", "house/building", "tree", "sky", "void")
    found = matched(own)
    assert (found["road"], found["sidewalk"]) == ("road, route", "sidewalk, pavement")
    assert found["building"] == "house/building"
    # a whole name counts for more than a part of another one
    assert matched(palette("car, road", "road", "house", "tree", "sky"))["road"] == "road"


def test_the_first_synonym_is_preferred():
    first, second = SYNONYMS["vegetation"][:2]
    own = palette("road", "building", "sky", second, first)
    assert matched(own)["vegetation"] == first


@pytest.mark.parametrize(
    ("rest", "void", "pole", "sidewalk", "bonnet"),
    [
        (("nothing",), 1, "nothing", "nothing", "nothing"),
        (("other",), 0, "other", "other", "other"),
        ((), 0, "house", "road", "road"),
    ],
)
def test_what_has_no_match_becomes_void_or_what_surrounds_it(rest, void, pole, sidewalk, bonnet):
    own = palette("road", "house", "tree", "sky", "car", *rest, void=void)
    found = matched(own)
    assert (found["pole"], found["sidewalk"], found["unlabeled"]) == (pole, sidewalk, bonnet)
    guesses = match_classes(own).guesses
    assert (guesses["pole"], guesses["sidewalk"]) == (pole, sidewalk)
    assert ("unlabeled" in guesses) == (not void)


def test_a_palette_with_too_few_classes_names_the_largest_missing_one():
    with pytest.raises(UserError, match=r"as Cityscapes does \(building, car, "):
        match_classes(palette("road", "tree", "sky", "void", void=1))


def test_recoded_streets_have_the_classes_and_colours_of_the_data_set(street_data):
    matching = match_classes(CAMVID)
    recoded = matching.recode(street_data)
    assert recoded.palette.classes == CAMVID.classes
    for split in ("train", "val", "test"):
        drawn, pairs = street_data[split], recoded[split]
        assert np.array_equal(pairs.photos, drawn.photos) and pairs.names == drawn.names
        assert pairs.classes.dtype == np.uint8 and pairs.groups == drawn.groups
        expected = CAMVID.encode(matching.table[np.asarray(drawn.classes)])
        label = pairs.batch(range(len(pairs)))["label"]
        assert torch.equal(label, torch.tensor(expected).movedim(-1, 1) / 127.5 - 1)
    shares = dict(zip(CAMVID.classes, class_frequencies(recoded.train), strict=True))
    before = dict(zip(CITYSCAPES.classes, class_frequencies(street_data.train), strict=True))
    assert shares["Tree"] == pytest.approx(before["vegetation"] + before["terrain"])


def test_recoded_streets_are_other_data_whatever_the_data_set_is_called(street_data):
    def fingerprint(target):
        return match_classes(target).recode(street_data).fingerprint

    other_name = Palette("copy", CAMVID.classes, CAMVID.colors, CAMVID.evaluated, {0: 3})
    other_colors = Palette("camvid", CAMVID.classes, 255 - CAMVID.colors, CAMVID.evaluated)
    assert fingerprint(CAMVID) == fingerprint(other_name)
    found = {fingerprint(CAMVID), fingerprint(other_colors), fingerprint(CITYSCAPES)}
    assert len(found | {street_data.fingerprint}) == 4
