"""Label maps that look like something else, and files that contradict all others."""

from pathlib import Path

import numpy as np
import pytest
from folders_of_pairs import CAR, ROAD, VOID, recoded, save, scene, write_pairs
from messages import one_sentence
from PIL import Image

from pix2pix_utils.data.discovery import open_source
from pix2pix_utils.data.palette import CITYSCAPES, LABEL_IDS, Palette, voc_colors
from pix2pix_utils.data.reading.label_maps import Given, decide_label_maps
from pix2pix_utils.data.reading.survey import Survey
from pix2pix_utils.data.source import Picture

SMALL = {index: number for number, index in enumerate(np.unique(scene(0)[0]).tolist())}
OWN = np.random.default_rng(77).integers(20, 250, (len(CITYSCAPES), 3)).astype(np.uint8)
VOC_TABLE = voc_colors(256).ravel().tolist()


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("PIX2PIX_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "set"


def small(classes, dtype=np.uint8):
    return recoded(classes, SMALL, dtype)


def mask(classes, mark=255):
    return np.where(classes == CAR, mark, 0).astype(np.uint8)


def grey_photo(number):
    return scene(number)[1].mean(axis=-1).astype(np.uint8)


def opened(folder, options=""):
    return open_source(f"{folder}{options}", progress=False)


def refusal(folder, options=""):
    """The sentence that refuses the folder: an error, or the first of the problems."""
    return one_sentence(lambda: opened(folder, options))


def maps_of(source):
    items = sorted((i for items in source.splits.values() for i in items), key=lambda i: i.name)
    return np.stack([item.read(source.reading)[0] for item in items])


def assert_regions(source, expected):
    """Over all files, equal numbers in `expected` (classes -> map) are one class, others differ."""
    assert not source.problems
    found = maps_of(source)
    wanted = np.stack([expected(scene(number)[0]) for number in range(len(found))])
    pairs = {*zip(found.ravel().tolist(), wanted.ravel().tolist(), strict=True)}
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


def write_palette(path: Path, colors) -> None:
    lines = [f"class {n},{r},{g},{b}" for n, (r, g, b) in enumerate(np.array(colors).tolist())]
    path.write_text("name,red,green,blue\n" + "\n".join(lines) + "\n")


def classes_for(tmp_path, palette, pixels, suffix=".png", **options):
    """The class map that a network of that palette sees of one file, and how it is read."""
    path = tmp_path / "inputs" / f"a{suffix}"
    save(pixels, path, **options)
    seen = Survey(path.parent, [palette], progress=False).look([Picture(path)])
    return decide_label_maps(seen, "the inputs", Given(palette, "the run"), one_class=True)


# --- Values that look alike -----------------------------------------------------------------------


@pytest.mark.parametrize("values", [(0, 1, 2, 3, 4, 100, 200), (0, 1, 2, 3, 4, 5, 254)])
def test_values_here_and_there_get_colours_that_differ(folder, values):
    table = dict(zip(SMALL, values, strict=True))
    write_pairs(folder, lambda classes, path, _: save(recoded(classes, table), path))
    source = opened(folder)
    assert_regions(source, lambda classes: classes)
    colors = source.palette.colors.astype(int)
    apart = np.linalg.norm(colors[:, None] - colors, axis=-1)[~np.eye(len(colors), dtype=bool)]
    assert apart.min() > 60 and len(source.palette) == 7


def test_masks_of_1_and_masks_of_255_in_one_folder_are_named(folder):
    write_pairs(folder, lambda c, path, number: save(mask(c, 255 if number == 4 else 1), path))
    assert "004.png" in (sentence := refusal(folder)) and "0 and 255" in sentence


def test_a_mask_with_void_beside_the_object_is_read(folder):
    def marked(classes):
        return np.where(classes == VOID, 255, mask(classes, 1)).astype(np.uint8)

    write_pairs(folder, lambda classes, path, number: save(marked(classes), path))
    source = opened(folder)
    assert_regions(source, marked)
    assert source.palette.void == 2


def test_one_class_and_ignored_pixels_do_not_pass(folder):
    write_pairs(folder, lambda c, path, _: save(np.where(c == CAR, 1, 255).astype(np.uint8), path))
    assert "nothing to learn" in refusal(folder)


def test_numbers_of_objects_are_no_classes(folder):
    ids = {index: value for value, index in LABEL_IDS.items()}
    write_pairs(folder, lambda c, path, _: save(recoded(c, ids, np.uint16) * 1000, path))
    assert "number objects" in refusal(folder) and "--label-kind" not in refusal(folder)


def test_colours_are_not_read_as_indices(folder):
    write_pairs(folder, lambda classes, path, _: save(OWN[classes], path))
    for kind in ("indices", "label-ids", "train-ids"):
        assert "is coloured" in refusal(folder, f"?label_kind={kind}")


# --- palette.csv ----------------------------------------------------------------------------------


@pytest.mark.parametrize("colors", [[(0, 0, 0), (255, 255, 255)], [(0, 0, 0), (255, 0, 0)]])
@pytest.mark.parametrize("written", ["0 and 1", "0 and 255", "one bit"])
def test_masks_with_a_palette_of_two_classes(folder, colors, written):
    marks = {"0 and 1": 1, "0 and 255": 255, "one bit": 1}
    write_pairs(
        folder,
        lambda classes, path, _: save(
            mask(classes, marks[written]).astype(bool if written == "one bit" else np.uint8), path
        ),
    )
    write_palette(folder / "palette.csv", colors)
    source = opened(folder)
    assert_regions(source, lambda classes: classes == CAR)
    assert source.palette.classes == ("class 0", "class 1")


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg_masks_are_read_by_the_nearest_grey_of_the_palette(folder, mode):
    def write(classes, path, number):
        pixels = mask(classes)
        save(pixels if mode == "L" else pixels[..., None].repeat(3, 2), path, quality=90)

    write_pairs(folder, write, suffix=".jpg")
    write_palette(folder / "palette.csv", [(0, 0, 0), (255, 255, 255)])
    assert_regions(opened(folder), lambda classes: classes == CAR)


def test_greys_of_the_palette_in_jpeg_and_png_together(folder):
    def write(classes, path, number):
        suffix, options = (".jpg", {"quality": 100}) if number % 2 else (".png", {})
        save(small(classes) * 40, path.with_suffix(suffix), **options)

    write_pairs(folder, write)
    write_palette(folder / "palette.csv", np.arange(7)[:, None].repeat(3, 1) * 40)
    assert_regions(opened(folder), lambda classes: classes)


def test_a_jpeg_file_does_not_let_lossless_files_be_snapped(folder):
    """The palette lacks the road, which covers a third of each label map."""

    def write(classes, path, number):
        pixels = OWN[classes].repeat(4, 0).repeat(4, 1)
        save(pixels, path.with_suffix(".jpg") if number == 5 else path)

    write_pairs(folder, write)
    write_palette(folder / "palette.csv", [OWN[index] for index in SMALL if index != ROAD])
    first, *others = opened(folder).problems
    assert str(tuple(OWN[ROAD].tolist())) in first and len(others) == 11


# --- Formats --------------------------------------------------------------------------------------


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_deflate", "packbits"])
def test_tiff_without_loss(folder, compression):
    write_pairs(
        folder,
        lambda classes, path, _: save(small(classes), path, compression=compression),
        suffix=".tif",
    )
    assert_regions(opened(folder), lambda classes: classes)


def test_jpeg_in_tiff_is_lossy(folder):
    write_pairs(folder, lambda c, path, _: save(small(c), path, compression="jpeg"), suffix=".tif")
    assert "with loss" in refusal(folder)


def test_webp_with_loss_is_lossy_however_few_colours_it_has(folder):
    def write(classes, path, number):
        save(OWN[mask(classes, 1)].repeat(4, 0).repeat(4, 1), path, quality=100)

    write_pairs(folder, write, suffix=".webp")
    assert "with loss" in refusal(folder)


def test_transparency_and_colour_profiles_change_nothing(folder):
    def write(classes, path, number):
        alpha = np.where(classes == CAR, 128, 255).astype(np.uint8)
        save(np.dstack([CITYSCAPES.encode(classes), alpha]), path, icc_profile=b"any")

    write_pairs(folder, write)
    assert opened(folder).palette.name == "cityscapes"
    assert_regions(opened(folder), lambda classes: classes)


@pytest.mark.parametrize("bits", [4, 8])
def test_colour_tables_of_few_bits(folder, bits):
    table = OWN[: len(SMALL)].ravel().tolist()
    write_pairs(
        folder,
        lambda classes, path, _: save(small(classes), path, table, bits=bits, transparency=0),
    )
    assert_regions(opened(folder), lambda classes: classes)


# --- Colour tables --------------------------------------------------------------------------------


def test_two_indices_of_one_colour_stay_two_classes(folder):
    table = OWN[: len(SMALL)].copy()
    table[3] = table[2]
    write_pairs(folder, lambda c, path, _: save(small(c), path, table.ravel().tolist()))
    assert_regions(opened(folder), lambda classes: classes)


@pytest.mark.parametrize("with_table", [True, False])
def test_own_classes_in_vocs_colours_do_not_get_vocs_names(folder, with_table):
    """Many programs colour indices so, without VOC's border around objects."""

    def write(classes, path, number):
        indices = small(classes)
        indices[:2] = np.arange(64) // 4 + 2  # 18 classes in all
        save(indices, path, VOC_TABLE) if with_table else save(voc_colors(256)[indices], path)

    write_pairs(folder, write)
    assert "aeroplane" not in opened(folder).palette.classes


def test_grey_levels_in_three_channels_and_in_one_go_together(folder):
    def write(classes, path, number):
        levels = small(classes) * 40
        save(levels if number % 2 else levels[..., None].repeat(3, 2), path)

    write_pairs(folder, write)
    assert_regions(opened(folder), lambda classes: classes)


# --- One file that contradicts all others ---------------------------------------------------------


@pytest.mark.parametrize("other", ["grey photo", "dark photo", "another palette", "blended edges"])
def test_a_file_that_contradicts_all_others_is_named(folder, other):
    def write(classes, path, number):
        coloured = other in ("another palette", "blended edges")
        if number != 5:
            save(CITYSCAPES.encode(classes) if coloured else small(classes), path)
        elif coloured and other == "another palette":
            save(OWN[classes], path)
        elif coloured:
            image = Image.fromarray(CITYSCAPES.encode(classes)).resize((60, 30), Image.BILINEAR)
            save(np.asarray(image.quantize(30).convert("RGB").resize((64, 32), 0)), path)
        else:
            save(grey_photo(number) // (4 if other == "dark photo" else 1), path)

    write_pairs(folder, write)
    assert str(folder / "labels" / "005.png") in refusal(folder)


def test_a_class_of_a_single_pixel_is_a_class(folder):
    def write(classes, path, number):
        classes = classes.copy()
        if number == 5:
            classes[3, 3] = 17
        save(OWN[classes], path)

    write_pairs(folder, write)
    source = opened(folder)
    assert sorted(source.seen.class_pixels)[0] == 1 and len(source.palette) == 8


def test_a_colour_that_a_known_palette_lacks_is_said(folder):
    def write(classes, path, number):
        pixels = CITYSCAPES.encode(classes)
        pixels[0, 0] = (1, 2, 3)
        save(pixels, path)

    write_pairs(folder, write)
    evidence = " ".join(opened(folder).reading.evidence)
    assert "cityscapes" in evidence and "#010203" in evidence


# --- Photos in the place of label maps ------------------------------------------------------------


@pytest.mark.parametrize("darker", [1, 5])
def test_grey_photos_are_no_label_maps_whatever_their_folder_is_called(folder, darker):
    write_pairs(folder, lambda c, path, number: save(grey_photo(number) // darker, path))
    assert "photo" in refusal(folder)


def test_dark_grey_photos_and_indices_are_told_apart_by_content(folder):
    for number in range(12):
        save(grey_photo(number) // 8, folder / "x" / f"{number:03}.png")
        save(small(scene(number)[0]), folder / "y" / f"{number:03}.png")
    assert_regions(opened(folder), lambda classes: classes)


# --- Label maps for a trained network -------------------------------------------------------------


@pytest.mark.parametrize("kind", ["grey photo", "dark photo", "thermal photo", "mask"])
def test_a_network_of_cityscapes_takes_neither_photos_nor_masks(tmp_path, kind):
    pixels = {
        "grey photo": grey_photo(3),
        "dark photo": grey_photo(3) // 8,
        "thermal photo": grey_photo(3).astype(np.uint16) * 200 + np.arange(64, dtype=np.uint16),
        "mask": mask(scene(3)[0]),
    }[kind]
    message = one_sentence(lambda: classes_for(tmp_path, CITYSCAPES, pixels))
    assert ("masks" if kind == "mask" else "is it a label map?") in message


def test_classes_without_numbers_take_no_indices(tmp_path):
    palette = Palette("own colours", ("a", "b"), np.array([(9, 9, 200), (200, 9, 9)], np.uint8), 2)
    message = one_sentence(lambda: classes_for(tmp_path, palette, mask(scene(3)[0], 1)))
    assert "have no numbers" in message


def test_a_network_of_grey_levels_takes_grey_levels(tmp_path):
    grey = np.array([(0, 0, 0), (255, 255, 255)], np.uint8)
    palette = Palette("grey levels", ("black", "white"), grey, 2, {0: 0, 255: 1})
    for pixels in (mask(scene(3)[0]), mask(scene(3)[0], 1).astype(bool)):
        reading = classes_for(tmp_path, palette, pixels)
        assert reading.palette.value_table()[255] == 1


# --- Names ----------------------------------------------------------------------------------------


def test_camvids_folders_alone_do_not_give_camvids_classes(folder):
    for split, count in (("train", 10), ("val", 4)):
        for number in range(count):
            classes, photo = scene(number)
            save(photo, folder / split / f"{number}.png")
            save(small(classes), folder / f"{split}annot" / f"{number}.png")
    palette = opened(folder).palette
    assert palette.classes == tuple(f"class {index}" for index in range(7))


def test_all_files_of_cityscapes_in_one_folder(folder):
    ids = {index: value for value, index in sorted(LABEL_IDS.items(), reverse=True)}
    for number in range(12):
        classes, photo = scene(number)
        files = {
            "leftImg8bit": photo,
            "gtFine_labelIds": recoded(classes, ids),
            "gtFine_labelTrainIds": recoded(classes, {VOID: 255}),
            "gtFine_color": CITYSCAPES.encode(classes),
            "gtFine_instanceIds": recoded(classes, ids, np.uint16) * 1000,
        }
        for kind, pixels in files.items():
            save(pixels, folder / f"aachen_000000_{number:06}_{kind}.png")
    source = opened(folder)
    assert source.palette.name == "cityscapes"
    assert "'_gtFine_labelIds'" in source.reading.evidence[0]
    assert_regions(source, lambda classes: classes)
