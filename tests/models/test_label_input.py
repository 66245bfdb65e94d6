"""What the networks see of a label map."""

import pytest
import torch
from torch import nn

from pix2pix_utils.data.palette import CAMVID, CITYSCAPES, MAPILLARY, VOC
from pix2pix_utils.errors import UserError
from pix2pix_utils.models import (
    DISCRIMINATORS,
    GENERATORS,
    RGB_GENERATORS,
    build_discriminator,
    build_generator,
    freeze_backbone,
    without_label_input,
)
from pix2pix_utils.models.label_input import (
    LABEL_INPUTS,
    LabelInput,
    WithLabelInput,
    class_edges,
    nearest_class,
    parse_label_input,
)

SHIPPED = (CAMVID, CITYSCAPES, MAPILLARY, VOC)
EVERYTHING = "rgb+one-hot+edges+coordinates"


def colors_of(palette):
    return torch.tensor(palette.colors) / 127.5 - 1


def label_map(classes, palette):
    return colors_of(palette)[classes].permute(0, 3, 1, 2)


def random_label(size=32, batch=2, palette=CAMVID):
    return label_map(torch.randint(len(palette), (batch, size, size)), palette)


@pytest.mark.parametrize("palette", SHIPPED, ids=lambda palette: palette.name)
@pytest.mark.parametrize("autocast", [False, True])
def test_every_shipped_class_has_its_own_plane(palette, autocast):
    classes = torch.randint(len(palette), (2, 24, 24))
    encode = LabelInput("one-hot", colors_of(palette))
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        planes = encode(label_map(classes, palette))
    assert encode.channels == len(palette)
    assert torch.equal(planes, nn.functional.one_hot(classes).permute(0, 3, 1, 2).float())


def test_a_blended_colour_counts_as_the_nearest_one():
    blended = torch.randint(256, (1, 40, 40, 3), dtype=torch.uint8)
    classes = nearest_class(blended.permute(0, 3, 1, 2) / 127.5 - 1, colors_of(CITYSCAPES))
    distance = torch.cdist(blended.double(), torch.tensor(CITYSCAPES.colors).double()[None])
    found = distance.gather(-1, classes[..., None])[..., 0]
    torch.testing.assert_close(found, distance.amin(-1))


def test_edges_are_on_both_sides_of_every_border():
    classes = torch.tensor([[[0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0], [2, 0, 0, 0]]])
    expected = [[0, 1, 1, 0], [0, 1, 1, 1], [0, 0, 1, 1], [1, 0, 0, 0], [1, 1, 0, 0]]
    assert class_edges(classes, torch.float32).tolist() == [[expected]]
    planes = LabelInput("one-hot+edges", colors_of(CAMVID))(label_map(classes, CAMVID))
    assert planes[:, -1:].tolist() == [[expected]]


def test_coordinates_run_from_the_left_and_the_top():
    x, y = LabelInput("rgb+coordinates")(torch.zeros(2, 3, 3, 5))[1, 3:]
    assert x.tolist() == [[-1, -0.5, 0, 0.5, 1]] * 3
    assert y.tolist() == [[-1] * 5, [0] * 5, [1] * 5]


def test_planes_come_in_one_order_however_the_parts_are_written():
    label, colors = random_label(), colors_of(CAMVID)
    planes = LabelInput(EVERYTHING, colors)(label)
    backwards = LabelInput("coordinates+edges+one-hot+rgb", colors)
    assert backwards.channels == planes.shape[1] == 3 + len(CAMVID) + 1 + 2
    assert torch.equal(backwards(label), planes)
    assert torch.equal(planes[:, :3], label)
    assert parse_label_input("edges+one-hot") == ("one-hot", "edges")


def test_colours_move_with_the_network_but_are_not_saved():
    encode = LabelInput("one-hot", colors_of(CAMVID))
    assert not encode.state_dict() and encode.to("meta").colors.is_meta


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("one-hot+edge", "no part of label_input 'edge'; did you mean 'edges'"),
        ("", "no part of label_input ''.*rgb, one-hot, edges, coordinates"),
        ("rgb+rgb", "names rgb twice"),
        ("edges+coordinates", "add rgb or one-hot, as in one-hot\\+edges\\+coordinates"),
        ("one-hot", "the class colours are not known.*label_input=rgb"),
        ("rgb+edges", "the class colours are not known.*label_input=rgb"),
    ],
)
def test_settings_without_a_meaning_are_answered_with_the_remedy(kind, message):
    with pytest.raises(UserError, match=message):
        LabelInput(kind)


@pytest.mark.parametrize("name", [name for name in GENERATORS if name not in RGB_GENERATORS])
def test_a_generator_with_other_input_still_maps_colours_to_photos(name):
    label = random_label()
    generator = build_generator(name, 32, 2, EVERYTHING, colors_of(CAMVID))
    photo = generator(label)
    assert photo.shape == label.shape and photo.abs().max() <= 1
    encoded = LabelInput(EVERYTHING, colors_of(CAMVID))(label)
    generator.eval()
    assert torch.equal(generator(label), without_label_input(generator)(encoded))
    photo.square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in generator.parameters())


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_a_discriminator_with_other_input_scores_colours_and_photos(name):
    label, photo = random_label(64), torch.rand(2, 3, 64, 64)
    torch.manual_seed(0)
    discriminator = build_discriminator(name, 2, "one-hot+edges", colors_of(CAMVID))
    discriminator(label, photo).square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in discriminator.parameters())
    discriminator.eval()
    scores = discriminator(label, photo)
    assert torch.equal(discriminator.features(label, photo)[-1], scores)
    expected = build_discriminator(name, 2, colors=colors_of(CAMVID)).eval()(label, photo)
    assert scores.shape == expected.shape
    # the segmentation discriminator sees the photo alone
    assert isinstance(discriminator, WithLabelInput) == (name != "segmentation")


@pytest.mark.parametrize("build", [build_generator, build_discriminator])
def test_colours_as_input_leave_the_network_as_it_is(build):
    name = "unet" if build is build_generator else "patchgan"
    torch.manual_seed(0)
    plain = build(name, width=4)
    torch.manual_seed(0)
    same = build(name, width=4, label_input="rgb", colors=colors_of(CAMVID))
    assert type(same) is type(plain) and not isinstance(same, WithLabelInput)
    for (key, value), (other_key, other) in zip(
        plain.state_dict().items(), same.state_dict().items(), strict=True
    ):
        assert key == other_key and torch.equal(value, other)


@pytest.mark.parametrize("name", RGB_GENERATORS)
def test_a_pretrained_backbone_takes_colours_only(name):
    with pytest.raises(UserError, match=f"the generator {name}.*label_input=rgb"):
        build_generator(name, 32, 2, "one-hot", colors_of(CAMVID))


def test_only_deeplab_can_be_frozen_whatever_its_label_input():
    frozen = build_generator("deeplab-mobilenet", 32)
    freeze_backbone(frozen)
    assert not any(p.requires_grad for p in frozen.backbone.parameters())
    with pytest.raises(UserError, match="freeze_backbone=true: UNet has no backbone"):
        freeze_backbone(build_generator("unet", 32, 2, "rgb+coordinates"))


def test_names_of_the_parts_are_public():
    assert LABEL_INPUTS == ("rgb", "one-hot", "edges", "coordinates", "mirrored")


def test_the_mirrored_plane_is_the_fourth_of_the_label_map_and_zero_without_it():
    encode = LabelInput("rgb+mirrored")
    label = torch.rand(2, 3, 8, 8)
    marked = torch.cat([label, torch.tensor([0.0, 1.0]).view(2, 1, 1, 1).expand(2, 1, 8, 8)], 1)
    assert encode.channels == 4
    assert torch.equal(encode(marked), marked)
    assert torch.equal(encode(label), torch.cat([label, torch.zeros(2, 1, 8, 8)], 1))
