"""Whatever label maps people have: read right, or refused with what was seen."""

from dataclasses import replace

import numpy as np
import pytest
from folders_of_pairs import CAR, HOUSE, ROAD, SKY, VOID, recoded, save, scene, write_pairs
from hypothesis import given, settings
from hypothesis import strategies as st
from messages import one_sentence
from PIL import Image

from pix2pix_utils.data.discovery import open_source
from pix2pix_utils.data.palette import (
    CAMVID,
    CITYSCAPES,
    LABEL_IDS,
    MAPILLARY,
    VOC,
    voc_colors,
)

LABEL_ID_OF = {index: value for value, index in sorted(LABEL_IDS.items(), reverse=True)}
TRAIN_ID_OF = {VOID: 255}
SMALL = {index: number for number, index in enumerate(np.unique(scene(0)[0]).tolist())}


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("PIX2PIX_CACHE", str(tmp_path / "cache"))


def opened(folder, options=""):
    return open_source(f"{folder}{options}", progress=False)


def class_maps(source):
    """The class map of every pair, by the number in its name."""
    items = [item for items in source.splits.values() for item in items]
    return {int(item.name[-3:]): item.read(source.reading)[0] for item in items}


def same_partition(found: np.ndarray, expected: np.ndarray) -> bool:
    """Whether two class maps name the same regions, whatever numbers they use."""
    pairs = set(zip(found.ravel().tolist(), expected.ravel().tolist(), strict=True))
    return len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


def assert_read(folder, count, options="", expected=lambda classes: classes):
    """The classes that occur are `count`, and each map names the same regions as the scene."""
    source = opened(folder, options)
    assert not source.problems
    for number, found in class_maps(source).items():
        assert same_partition(found, expected(scene(number)[0])), number
    assert np.count_nonzero(source.seen.class_pixels) == count
    return source


def colored(palette=CITYSCAPES):
    return lambda classes, path, number: save(palette.encode(classes), path)


# --- Colours --------------------------------------------------------------------------------------


def test_a_known_palette_is_recognised_if_every_colour_is_in_it(tmp_path):
    source = assert_read(write_pairs(tmp_path / "set", colored()), 7)
    assert source.palette.name == "cityscapes"
    assert "100 % exact" in " ".join(source.reading.evidence)


def test_own_colours_beside_known_ones_are_not_merged_into_the_nearest_class(tmp_path):
    own = CITYSCAPES.colors.copy()
    own[HOUSE], own[VOID] = (0, 0, 81), (120, 10, 11)  # near truck, and near nothing

    def write(classes, path, number):
        save(own[classes], path)

    source = assert_read(write_pairs(tmp_path / "set", write), 7)
    assert "truck" not in source.palette.classes and "#000051" in source.palette.classes


def test_mapillary_is_recognised(tmp_path):
    def write(classes, path, number):
        save(MAPILLARY.colors[recoded(classes, {HOUSE: 17, SKY: 27, ROAD: 13, CAR: 55})], path)

    source = opened(write_pairs(tmp_path / "set", write))
    assert source.palette.name == "mapillary"


def test_black_and_one_known_colour_are_no_evidence_for_a_palette(tmp_path):
    def write(classes, path, number):
        save(np.where((classes == CAR)[..., None], (128, 0, 0), 0).astype(np.uint8), path)

    source = assert_read(
        write_pairs(tmp_path / "set", write), 2, expected=lambda classes: classes == CAR
    )
    assert source.palette.classes == ("#000000", "#800000")


def test_blended_edges_of_lossless_files_are_refused_and_can_be_allowed(tmp_path):
    def write(classes, path, number):
        small = Image.fromarray(CITYSCAPES.encode(classes)).resize((48, 24), Image.BILINEAR)
        small.resize((64, 32), Image.BILINEAR).save(path)

    folder = tmp_path / "set"
    (folder / "labels").mkdir(parents=True)
    write_pairs(folder, write)
    message = one_sentence(lambda: opened(folder))
    assert "--label-kind nearest-colors" in message and "palette.csv" in message
    source = opened(folder, "?label_kind=nearest-colors")
    found = np.mean([(m == scene(n)[0]).mean() for n, m in class_maps(source).items()])
    assert source.palette.name == "cityscapes" and found > 0.8


def test_a_colour_that_palette_csv_lacks_is_listed_with_its_share(tmp_path):
    folder = write_pairs(tmp_path / "set", colored())
    rows = [
        f"{name},{r},{g},{b}"
        for name, (r, g, b) in zip(CITYSCAPES.classes, CITYSCAPES.colors.tolist(), strict=True)
        if name != "car"
    ]
    (folder / "palette.csv").write_text("name,red,green,blue\n" + "\n".join(rows) + "\n")
    first, *others = opened(folder).problems
    assert "colour (0, 0, 142) (" in first and "%)" in first and "palette.csv" in first
    assert len(others) == 12 and str(folder / "labels" / "000.png") in others[0]


def test_lossy_label_maps_get_the_nearest_class_of_a_known_palette(tmp_path):
    def write(classes, path, number):
        save(CITYSCAPES.encode(classes).repeat(4, 0).repeat(4, 1), path, quality=80)

    source = opened(write_pairs(tmp_path / "set", write, suffix=".jpg"))
    assert source.palette.name == "cityscapes" and source.reading.nearest
    found = class_maps(source)[3][::4, ::4]
    assert (found == scene(3)[0]).mean() > 0.9
    assert "near" in " ".join(source.reading.evidence)


def test_lossy_label_maps_in_own_colours_need_a_palette(tmp_path):
    own = np.random.default_rng(1).integers(0, 256, (len(CITYSCAPES), 3)).astype(np.uint8)

    def write(classes, path, number):
        save(own[classes].repeat(4, 0).repeat(4, 1), path, quality=90)

    folder = write_pairs(tmp_path / "set", write, suffix=".jpg")
    assert "palette.csv" in one_sentence(lambda: opened(folder))
    used = np.unique(scene(0)[0]).tolist()
    lines = [",".join(map(str, (f"c{i}", *own[i]))) for i in used]
    (folder / "palette.csv").write_text("name,red,green,blue\n" + "\n".join(lines) + "\n")
    source = opened(folder)
    expected = recoded(scene(3)[0], {index: used.index(index) for index in used})
    assert (class_maps(source)[3][::4, ::4] == expected).mean() > 0.9


def test_a_palette_file_may_lie_at_any_level_and_mark_void_classes(tmp_path):
    folder = write_pairs(tmp_path / "outer" / "set", colored())
    used = np.unique(scene(0)[0]).tolist()
    lines = [
        ",".join(
            map(str, (CITYSCAPES.classes[i], *CITYSCAPES.colors[i], "yes" if i == SKY else "no"))
        )
        for i in used
    ]
    (folder / "labels" / "palette.csv").write_text(
        "name,red,green,blue,void\n" + "\n".join(lines) + "\n"
    )
    source = opened(tmp_path / "outer")
    assert source.palette.classes[source.palette.void :] == ("sky",)


def test_the_class_table_of_kaggles_camvid_is_a_palette(tmp_path):
    folder = write_pairs(tmp_path / "set", colored())
    used = np.unique(scene(0)[0]).tolist()
    lines = [
        ", ".join(map(str, (f"c{i}" if i != VOID else "Void", *CITYSCAPES.colors[i]))) for i in used
    ]
    (folder / "class_dict.csv").write_text("name, r, g, b\n" + "\n".join(lines) + "\n")
    palette = opened(folder).palette
    assert palette.classes[palette.void :] == ("Void",)


# --- One channel ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_255_beside_small_indices_is_void_and_black(tmp_path, dtype):
    ignored = 255 if dtype == np.uint8 else 65535

    def write(classes, path, number):
        save(recoded(classes, {VOID: ignored}, dtype), path)

    source = assert_read(write_pairs(tmp_path / "set", write), 7)
    palette = source.palette
    assert palette.void == palette.evaluated == len(palette) - 1
    assert (palette.colors[palette.void] == 0).all()
    assert f"{ignored} = ignored" in " ".join(source.reading.evidence)


def test_the_network_sees_indices_apart(tmp_path):
    def write(classes, path, number):
        save(recoded(classes, SMALL), path)

    palette = assert_read(write_pairs(tmp_path / "set", write), 7).palette
    apart = np.linalg.norm(palette.colors[:, None].astype(float) - palette.colors, axis=-1)
    assert apart[~np.eye(len(palette), dtype=bool)].min() > 60


def test_indices_saved_as_grey_rgb_are_indices(tmp_path):
    def write(classes, path, number):
        save(np.repeat(recoded(classes, SMALL)[..., None], 3, axis=2), path)

    source = assert_read(write_pairs(tmp_path / "set", write), 7)
    assert source.palette.classes[0] == "class 0"


def test_black_and_white_masks_have_two_classes(tmp_path):
    def write(classes, path, number):
        save(np.where(classes == CAR, 255, 0).astype(np.uint8), path)

    assert_read(write_pairs(tmp_path / "set", write), 2, expected=lambda classes: classes == CAR)


def test_one_bit_masks_have_two_classes(tmp_path):
    def write(classes, path, number):
        save(classes == CAR, path)

    assert_read(write_pairs(tmp_path / "set", write), 2, expected=lambda classes: classes == CAR)


@pytest.mark.parametrize(
    ("name", "table", "options"),
    [
        ("{}_labelIds", LABEL_ID_OF, ""),
        ("{}_labelTrainIds", TRAIN_ID_OF, ""),
        ("{}", LABEL_ID_OF, "?label_kind=label-ids"),
        ("{}", TRAIN_ID_OF, "?label_kind=train-ids"),
    ],
)
def test_cityscapes_ids_are_told_apart_by_name_or_option(tmp_path, name, table, options):
    def write(classes, path, number):
        save(recoded(classes, table), path.with_stem(name.format(path.stem)))

    source = opened(write_pairs(tmp_path / "set", write), options)
    items = [item for items in source.splits.values() for item in items]
    for item in items:
        number = int(item.name[:3])
        np.testing.assert_array_equal(item.read(source.reading)[0], scene(number)[0])
    assert source.palette.name == "cityscapes"


def test_indices_in_jpeg_are_refused(tmp_path):
    def write(classes, path, number):
        save(recoded(classes, SMALL), path)

    folder = write_pairs(tmp_path / "set", write, suffix=".jpg")
    message = one_sentence(lambda: opened(folder))
    assert "JPEG" in message and "PNG" in message


def test_label_maps_of_a_single_class_do_not_pass(tmp_path):
    for value in (0, 7, 255):
        folder = tmp_path / f"set{value}"
        write_pairs(folder, lambda c, path, n, value=value: save(np.full_like(c, value), path))
        message = one_sentence(lambda folder=folder: opened(folder))
        assert "nothing to learn" in message or "no class indices" in message


def test_indices_that_start_at_one_keep_their_numbers(tmp_path):
    def write(classes, path, number):
        save(recoded(classes, {index: value + 1 for index, value in SMALL.items()}), path)

    source = assert_read(write_pairs(tmp_path / "set", write), 7)
    assert source.palette.classes[class_maps(source)[0][0, 0]] == f"class {SMALL[SKY] + 1}"


def test_more_values_than_a_label_map_has_are_refused_with_their_range(tmp_path):
    def write(classes, path, number):
        save(np.random.default_rng(number).integers(0, 200, classes.shape).astype(np.uint8), path)

    assert "0 to 199" in one_sentence(lambda: opened(write_pairs(tmp_path / "set", write)))


# --- Colour tables --------------------------------------------------------------------------------


def test_a_colour_table_that_all_files_share_gives_indices_their_colours(tmp_path):
    def write(classes, path, number):
        save(recoded(classes, SMALL), path, table=voc_colors(256).ravel().tolist())

    source = assert_read(write_pairs(tmp_path / "set", write), 7)
    assert source.palette.classes[1] == "class 1"  # not VOC's aeroplane
    np.testing.assert_array_equal(source.palette.colors[:7], voc_colors(7))


def test_the_same_class_in_files_with_and_without_another_one(tmp_path):
    """A class is the same class in every file, also where some files lack some classes."""

    def write(classes, path, number):
        mask = (classes == CAR).astype(np.uint8)
        if number % 2:
            mask[classes == HOUSE] = 2
        save(mask, path, table=[0, 0, 0, 128, 0, 0, 0, 128, 0])

    folder = write_pairs(tmp_path / "set", write)
    source = opened(folder)
    for number, found in class_maps(source).items():
        expected = (scene(number)[0] == CAR) + 2 * (scene(number)[0] == HOUSE) * (number % 2)
        np.testing.assert_array_equal(found, expected)


def test_tables_that_colour_every_file_anew_are_read_by_index(tmp_path):
    def write(classes, path, number):
        table = np.random.default_rng(number).integers(60, 256, 21).tolist()
        save(recoded(classes, SMALL), path, table=[0, 0, 0, *table])

    assert_read(write_pairs(tmp_path / "set", write), 7)


def test_known_colours_at_changing_indices_are_read_by_colour(tmp_path):
    def write(classes, path, number):
        order = np.random.default_rng(number).permutation(len(CITYSCAPES))
        table = CITYSCAPES.colors[order].ravel().tolist()
        save(
            recoded(classes, {i: int(np.flatnonzero(order == i)[0]) for i in range(29)}),
            path,
            table,
        )

    source = assert_read(write_pairs(tmp_path / "set", write), 7)
    assert source.palette.name == "cityscapes"


def test_own_colours_at_changing_indices_are_read_by_colour(tmp_path):
    """As programs that shrink files write them: the first colour that occurs gets index 0."""

    def write(classes, path, number):
        own = np.random.default_rng(5).integers(0, 256, (len(CITYSCAPES), 3)).astype(np.uint8)
        path.parent.mkdir(parents=True, exist_ok=True)
        order = np.random.default_rng(number).permutation(len(CITYSCAPES))
        used = [index for index in order if (classes == index).any()]
        table = own[used].ravel().tolist()
        save(recoded(classes, {int(i): n for n, i in enumerate(used)}), path, table)

    assert_read(write_pairs(tmp_path / "set", write), 7)


def test_tables_that_contradict_each_other_are_named(tmp_path):
    def write(classes, path, number):
        table = np.random.default_rng(number % 3).integers(60, 256, 24).tolist()
        save(recoded(classes, SMALL), path, table=table)

    folder = write_pairs(tmp_path / "set", write)
    message = one_sentence(lambda: opened(folder))
    assert "--label-kind indices" in message and "--label-kind colors" in message
    assert_read(folder, 7, "?label_kind=indices")


def test_coloured_files_and_tables_of_the_same_colours_go_together(tmp_path):
    def write(classes, path, number):
        if number % 2:
            save(classes, path, table=CITYSCAPES.colors.ravel().tolist())
        else:
            save(CITYSCAPES.encode(classes), path.with_suffix(".bmp"))

    assert_read(write_pairs(tmp_path / "set", write), 7)


def test_coloured_files_and_indices_do_not_go_together(tmp_path):
    def write(classes, path, number):
        save(recoded(classes, SMALL) if number % 2 else CITYSCAPES.encode(classes), path)

    message = one_sentence(lambda: opened(write_pairs(tmp_path / "set", write)))
    assert "6 label maps are coloured" in message


# --- Any palette, any mode, any format ------------------------------------------------------------


@settings(deadline=None)  # a busy machine is slow
@given(
    seed=st.integers(0, 10_000),
    count=st.integers(2, 40),
    kind=st.sampled_from(["colors", "indices", "indices16", "table", "grey-rgb", "void"]),
    suffix=st.sampled_from([".png", ".bmp", ".tif", ".webp"]),
)
def test_any_palette_mode_and_lossless_format_gives_the_same_class_map(
    tmp_path_factory, seed, count, kind, suffix
):
    random = np.random.default_rng(seed)
    folder = tmp_path_factory.mktemp("set")
    colors = random.choice(256**3 - 1, count, replace=False) + 1
    colors = np.stack([colors >> 16, colors >> 8 & 255, colors & 255], -1).astype(np.uint8)
    if kind == "indices16" and suffix in (".bmp", ".webp"):
        suffix = ".png"
    if suffix == ".webp" and kind != "colors":
        suffix = ".png"  # WebP has no single channel
    options = {"lossless": True} if suffix == ".webp" else {}
    maps = {}
    for number in range(10):
        blocks = random.integers(0, count, (4, 4)).astype(np.uint8)
        blocks.flat[:2] = 0, count - 1
        maps[number] = blocks.repeat(4, 0).repeat(4, 1)
        pixels = {
            "colors": colors[maps[number]],
            "indices16": maps[number].astype(np.uint16),
            "grey-rgb": maps[number][..., None].repeat(3, 2),
        }.get(kind, maps[number])
        if kind == "void":
            pixels = pixels.copy()
            pixels[:4] = 255
            maps[number] = pixels
        table = colors.ravel().tolist() if kind == "table" else None
        save(pixels, folder / "labels" / f"{number:03}{suffix}", table, **options)
        save(
            random.integers(0, 256, (16, 16, 3)).astype(np.uint8),
            folder / "photos" / f"{number:03}.png",
        )
    source = opened(folder)
    found = class_maps(source)
    assert all(same_partition(found[number], maps[number]) for number in maps)
    whole = np.stack([found[number] for number in maps])
    assert same_partition(whole, np.stack(list(maps.values()))), "a class changes between files"


def test_palettes_with_values_survive_a_checkpoint():
    for palette in (VOC, replace(CITYSCAPES, values=LABEL_IDS), CAMVID.with_void()):
        again = type(palette).from_dict(palette.to_dict())
        np.testing.assert_array_equal(again.value_table(), palette.value_table())
        np.testing.assert_array_equal(again.colors, palette.colors)
