"""The patch overlay: which pixels a patch is, what the judge says, and the widget."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from messages import one_sentence
from widget_helpers import control, make_run

from pix2pix_utils.errors import UserError
from pix2pix_utils.models import build_discriminator
from pix2pix_utils.widgets import Judge, patch_figure, patch_overlay
from pix2pix_utils.widgets.judge import Verdict, receptive_field
from pix2pix_utils.widgets.patches import overlay_style, overlay_svg


def seen_by_gradient(discriminator, size, row, column):
    """First and last row and column of the pixels that move a score, by its gradient."""
    photo = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    photo.requires_grad_()
    discriminator(torch.zeros_like(photo), photo)[0, 0, row, column].backward()
    reached = photo.grad.abs().sum(dim=(0, 1)) > 0
    rows, columns = (reached.any(dim=axis).nonzero() for axis in (1, 0))
    return [(int(x.min()), int(x.max()) + 1) for x in (rows, columns)]


@pytest.mark.parametrize("size", [32, 64, 128])
def test_a_patch_of_the_patchgan_is_what_its_gradient_reaches(size):
    discriminator = build_discriminator("patchgan", 8).double().eval().float()
    field = receptive_field(discriminator, size)
    last = size // 8 - 3
    for row, column in ((0, 0), (0, last), (last // 2, last), (last, last // 2)):
        expected = [field.span(row), field.span(column)]
        assert seen_by_gradient(discriminator, size, row, column) == expected


def test_a_patch_inside_a_large_photo_is_70_pixels_wide():
    low, high = receptive_field(build_discriminator("patchgan", 64), 256).span(15)
    assert high - low == 70


def test_the_arithmetic_follows_the_layers():
    """One block more with stride 2: 142 pixels (exercise 2 of notebook 02)."""
    longer = torch.nn.Sequential(
        *(torch.nn.Conv2d(1, 1, 4, stride, 1) for stride in (2, 2, 2, 2, 1, 1))
    )
    field = receptive_field(longer, 512)
    assert (field.size, field.stride) == (142, 16)


@pytest.mark.parametrize("size", [32, 128, 256])
def test_a_pixel_reaches_exactly_the_resnet_scores_that_see_it(size):
    """A pixel that is not a number makes those scores not a number that depend on it."""
    discriminator = build_discriminator("resnet18-patch").eval()
    field = receptive_field(discriminator, size)
    for pixel in (0, size // 2 + 3, size - 1):
        photo = torch.zeros(1, 3, size, size)
        photo[0, 0, size // 2, pixel] = float("nan")
        with torch.no_grad():
            scores = discriminator(torch.zeros_like(photo), photo)[0, 0]
        reached = scores.isnan().any(dim=0).tolist()
        spans = [field.span(column) for column in range(scores.shape[1])]
        assert reached == [low <= pixel < high for low, high in spans]


def test_a_cell_lies_in_the_middle_of_what_it_sees():
    field = receptive_field(build_discriminator("patchgan", 8), 256)
    for index in (5, 15):
        assert sum(field.cell(index)) == sum(field.span(index))
    assert field.cell(6)[0] == field.cell(5)[1]


@pytest.fixture
def run(tmp_path, smoke_config, street_data):
    return make_run(tmp_path, smoke_config, street_data)


def test_the_judge_says_what_the_discriminator_says(run, street_data):
    judge = Judge(run)
    real, generated = (judge(street_data.val, 2, which) for which in ("real", "generated"))
    batch = street_data.val.batch([2])
    with torch.no_grad():
        scores = judge.discriminator(batch["label"], batch["photo"])[0, 0]
    np.testing.assert_allclose(real.probability, scores.sigmoid().numpy(), rtol=1e-6)
    np.testing.assert_array_equal(real.photo, street_data.val.photos[2])
    assert not np.array_equal(generated.photo, real.photo)
    assert not np.allclose(generated.probability, real.probability)


def test_a_least_squares_score_is_the_probability(tmp_path, smoke_config, street_data):
    run = make_run(tmp_path, replace(smoke_config, adversarial_loss="mse"), street_data)
    judge = Judge(run)
    with torch.no_grad():
        judge.discriminator.layers[-1].bias.fill_(0.7)
        judge.discriminator.layers[-1].weight.zero_()
    np.testing.assert_allclose(judge(street_data.val, 0).probability, 0.7)
    with torch.no_grad():
        judge.discriminator.layers[-1].bias.fill_(-3)
    np.testing.assert_array_equal(judge(street_data.val, 0).probability, 0)


def test_a_hinge_score_is_shown_by_its_sign(tmp_path, smoke_config, street_data):
    """Whatever its size: at 0 the discriminator cannot tell."""
    config = replace(smoke_config, adversarial_loss="hinge", label_input="one-hot+edges")
    judge = Judge(make_run(tmp_path, config, street_data))
    layer = judge.discriminator.network.layers[-1]
    for score, probability in ((0.0, 0.5), (-3.0, 0.0474), (3.0, 0.9526)):
        with torch.no_grad():
            layer.bias.fill_(score)
            layer.weight.zero_()
        shown = judge(street_data.val, 0).probability
        np.testing.assert_allclose(shown, probability, atol=1e-4)


@pytest.mark.parametrize("label_input", ["one-hot+coordinates", "rgb+edges"])
def test_the_patches_are_the_same_whatever_the_label_input(
    run, tmp_path, smoke_config, street_data, label_input
):
    config = replace(smoke_config, label_input=label_input)
    assert Judge(make_run(tmp_path / "other", config, street_data)).field == Judge(run).field


@pytest.mark.parametrize(
    ("discriminator", "loss"), [("multiscale", "bce"), ("segmentation", "classes")]
)
def test_scores_of_another_kind_are_refused(
    tmp_path, smoke_config, street_data, discriminator, loss
):
    config = replace(smoke_config, discriminator=discriminator, adversarial_loss=loss)
    run = make_run(tmp_path, config, street_data)
    message = one_sentence(lambda: Judge(run))
    assert f"has the discriminator '{discriminator}', which does not" in message
    assert "look at a run with 'patchgan'" in message


def test_without_a_discriminator_there_is_nothing_to_show(tmp_path, smoke_config, street_data):
    config = replace(smoke_config, adversarial_loss="none")
    with pytest.raises(UserError, match="without a discriminator"):
        patch_overlay(make_run(tmp_path, config, street_data), street_data)


@pytest.fixture
def verdict():
    """Six by six patches of a photo of 64 pixels; row 1, column 4 is the surest."""
    probability = np.full((6, 6), 0.25)
    probability[1, 4] = 0.9
    field = receptive_field(build_discriminator("patchgan", 8), 64)
    return Verdict(np.zeros((64, 64, 3), np.uint8), probability, field)


def test_every_patch_has_its_number_and_its_words(verdict):
    svg = overlay_svg(verdict, "own", "<b>")
    patches = re.findall(r'<g class="patch" data-patch="(\d+)">(.*?)</g><title>(.*?)<', svg)
    assert [int(number) for number, _, _ in patches] == list(range(36))
    assert patches[10][2] == verdict.describe(1, 4)
    assert re.findall(r">(\d+)</text>", svg) == ["25"] * 10 + ["90"] + ["25"] * 25
    assert "&lt;b&gt;" in svg and "<b>" not in svg


def test_words_count_rows_from_one_and_pixels_from_zero(verdict):
    assert verdict.describe(1, 4) == (
        "Patch in row 2, column 5: 90% probable to be real. It sees 55 x 55 pixels: "
        "columns 9 to 63, rows 0 to 54."
    )


def test_the_style_shows_the_chosen_patch_only():
    style = overlay_style("own", 0.3, 7)
    assert ".own .scores { opacity: 0.3 }" in style
    assert '.own [data-patch="7"] .field { visibility: visible }' in style


def parts(widget):
    style, picture, controls, _ = widget.children
    return style.value, picture.value, controls.children[-2].value


@pytest.mark.parametrize(
    ("description", "value"), [("scene", 3), ("photo", "real"), ("split", "train")]
)
def test_a_new_photo_has_a_new_map(run, street_data, description, value):
    widget = patch_overlay(run, street_data)
    before = parts(widget)[1]
    control(widget, description).value = value
    assert parts(widget)[1] != before


def test_choosing_a_patch_changes_style_and_words_but_no_picture(run, street_data):
    widget = patch_overlay(run, street_data)
    picture = parts(widget)[1]
    control(widget, "patch row").value = 2
    control(widget, "column").value = 1
    style, after, words = parts(widget)
    assert after is picture
    assert 'data-patch="2"' in style  # of two by two
    assert ">Patch in row 2, column 1:" in words
    control(widget, "score map").value = 0.0
    assert ".scores { opacity: 0 }" in parts(widget)[0]


def test_a_scalar_discriminator_says_that_it_has_no_patches(tmp_path, smoke_config, street_data):
    config = replace(smoke_config, discriminator="resnet18")
    widget = patch_overlay(make_run(tmp_path, config, street_data), street_data)
    assert control(widget, "patch row").disabled and control(widget, "column").disabled
    assert "one score for the whole photo" in parts(widget)[2]
    assert parts(widget)[1].count('class="patch"') == 1


def test_the_figure_outlines_the_patch(run, street_data):
    judge = Judge(run)
    verdicts = {which: judge(street_data.val, 0, which) for which in ("real", "generated")}
    axes = patch_figure(verdicts, 0, 1).axes
    assert f"this patch: {verdicts['real'].probability[0, 1]:.0%}" in axes[0].get_title()
    outline = axes[0].patches[-1]
    assert (outline.get_x(), outline.get_width()) == (0, 32)
