"""The exercise checks of notebooks 4 to 8: right answers pass; wrong and lazy ones get a hint."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from exercise_answers import each, fails, judged, passes
from torch import nn
from torchvision.transforms import v2

from pix2pix_utils.course.checks import (
    notebook_04,
    notebook_05,
    notebook_06,
    notebook_07,
    notebook_08,
)
from pix2pix_utils.data.palette import CITYSCAPES
from pix2pix_utils.evaluation.metrics import ssim
from pix2pix_utils.models import EnhancedUNet, build_generator
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.runs import Run
from pix2pix_utils.widgets.studio import paint, regions

CAR, ROAD = CITYSCAPES.index("car"), CITYSCAPES.index("road")
BACKGROUND = regions.background_classes(CITYSCAPES)


# ---- runs that were never trained


@dataclass(frozen=True)
class Untrained(Run):
    """A run that only says how it began and that it is finished, or not."""

    finished: bool = True
    start: str = "random weights"

    @property
    def is_finished(self):
        return self.finished

    def result(self):
        return {"started_from": {"generator": self.start, "discriminator": "random weights"}}


def run(config, finished=True, folder="run", start="random weights"):
    return Untrained(Path(folder), config, finished, start)


def config_of(experiment, *settings, seed=0):
    return configure(experiment, "smoke", seed, list(settings))


# ---- notebook 4


def share_inside(unet, prefix="model.model.1" + ".model.3" * 4):
    heavy = sum(p.numel() for name, p in unet.named_parameters() if name.startswith(prefix))
    return heavy / sum(p.numel() for p in unet.parameters())


@each(
    right=[lambda label, photo: (label + photo) / 2, lambda x, y: torch.stack([x, y]).mean(dim=0)],
    wrong=[
        lambda label, photo: label + photo,
        lambda label, photo: photo / 2,
        lambda label, photo: torch.cat([label, photo], dim=1) / 2,
    ],
    lazy=[torch.zeros(4, 3, 64, 64), lambda label, photo: photo],
)
def test_4_1_the_picture_that_stands_for_both(answer, is_right):
    judged(is_right, notebook_04.exercise_1, answer)


@each(
    right=[share_inside, lambda unet: torch.tensor(share_inside(unet))],
    wrong=[
        lambda unet: 100 * share_inside(unet),
        lambda unet: share_inside(unet, "model.model.1" + ".model.3" * 5),
        lambda unet: 1 - share_inside(unet),
    ],
    lazy=[0.62, lambda unet: 0.62],
)
def test_4_2_the_share_of_the_innermost_levels(answer, is_right):
    judged(is_right, notebook_04.exercise_2, answer)


PRETRAINED = config_of("pretrained-torchvision")
FROZEN_AT_RANDOM = config_of("scratch-torchvision", "freeze_backbone=true")


@each(
    right=[run(FROZEN_AT_RANDOM)],
    wrong=[
        run(config_of("frozen-torchvision")),
        run(config_of("scratch-torchvision")),
        run(replace(FROZEN_AT_RANDOM, epochs=FROZEN_AT_RANDOM.epochs + 1)),
        run(FROZEN_AT_RANDOM, finished=False),
    ],
    lazy=[0.2, FROZEN_AT_RANDOM],
)
def test_4_3_a_backbone_frozen_at_random_weights(answer, is_right):
    judged(is_right, notebook_04.exercise_3, answer, config=PRETRAINED)


WARM = config_of("pretrained-unet")


def two_ways(seeds=(0, 1), other_seeds=None, longer=1, **changes):
    cold = [config_of("pretrained-unet", "warmup_steps=0", seed=seed) for seed in seeds]
    epochs = f"epochs={WARM.epochs + longer}"
    warm = [config_of("pretrained-unet", epochs, seed=seed) for seed in other_seeds or seeds]
    return {
        "no warm-up": [run(replace(one, **changes)) for one in cold],
        "warmed up, longer": [run(one) for one in warm],
    }


@each(
    right=[two_ways(), two_ways(seeds=(0, 1, 2))],
    wrong=[
        two_ways(seeds=(0,)),
        two_ways(other_seeds=(2, 3)),
        two_ways(longer=0),
        two_ways(warmup_steps=WARM.warmup_steps),
    ],
    lazy=[{"no warm-up": [], "warmed up, longer": []}, True],
)
def test_4_4_with_and_without_warm_up(answer, is_right):
    judged(is_right, notebook_04.exercise_4, answer, config=WARM)


# ---- notebook 5


def parameters(name, size, width):
    return sum(p.numel() for p in build_generator(name, size, width).parameters())


def one_level_more(width):
    """Built up from the 256-pixel network, as the exercise suggests."""
    wide = 8 * width
    both_ways = 2 * (wide * wide * 16 + wide) + 2 * (wide * wide * 9 + wide) + 4 * 2 * wide
    return parameters("enhanced", 256, width) + both_ways + wide * wide * 16


@each(
    right=[one_level_more, lambda width: parameters("enhanced", 512, width)],
    wrong=[
        lambda width: one_level_more(width) - (8 * width) ** 2 * 16,  # without the wider input
        lambda width: parameters("enhanced", 256, width),
        lambda width: parameters("unet", 512, width),
    ],
    lazy=[77_345_923, lambda width: 77_345_923],
)
def test_5_1_the_level_that_is_left_out(answer, is_right):
    judged(is_right, notebook_05.exercise_1, answer)


@each(
    right=[EnhancedUNet(128, 8, extra_conv=False, norm_everywhere=False)],
    wrong=[
        EnhancedUNet(64, 8, extra_conv=False, norm_everywhere=False),
        EnhancedUNet(128, 8, norm_everywhere=False),
        EnhancedUNet(128, 8, extra_conv=False),
        EnhancedUNet(128, 8, extra_conv=False, norm_everywhere=False, dropout_blocks="last"),
    ],
    lazy=[build_generator("unet", 64, 8), "the baseline"],
)
def test_5_2_the_enhanced_network_that_is_the_baseline(answer, is_right):
    judged(is_right, notebook_05.exercise_2, answer)


def test_5_2_gives_the_network_its_own_weights_back():
    network = EnhancedUNet(128, 8, extra_conv=False, norm_everywhere=False)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert passes(notebook_05.exercise_2, network)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def with_norm(place):
    """The enhanced generator for 32 pixels with a norm of three channels in its output block."""
    network = build_generator("enhanced", 32, 4)
    layers = list(network.output.layers)
    layers.insert(len(layers) + place, nn.BatchNorm2d(3))
    network.output.layers = nn.Sequential(*layers)
    return network


class Wrapped(nn.Module):
    """The same network in another shape."""

    def __init__(self):
        super().__init__()
        self.inside = with_norm(-1)

    def forward(self, label):
        return self.inside(label)


@each(
    right=[with_norm(-1), Wrapped()],
    wrong=[with_norm(0), build_generator("enhanced", 32, 4), build_generator("unet", 32, 4)],
    lazy=["0", lambda label: torch.zeros_like(label)],
)
def test_5_3_a_norm_before_tanh(answer, is_right):
    judged(is_right, notebook_05.exercise_3, answer, size=32, width=4)


QUIET = run(config_of("enhanced-baseline-norm"))


@each(
    right=[run(QUIET.config, folder="other", start="random weights, first block louder")],
    wrong=[
        run(QUIET.config, folder="other"),
        run(config_of("enhanced"), folder="other", start="louder"),
        run(QUIET.config, folder="other", start="louder", finished=False),
    ],
    lazy=[QUIET, "louder"],
)
def test_5_4_a_run_with_a_louder_first_block(answer, is_right):
    judged(is_right, notebook_05.exercise_4, answer, quiet=QUIET)


# ---- notebook 6


def cut(label, photo):
    left, right = torch.cat([photo, label], dim=-1).flip(-1).chunk(2, dim=-1)
    return right, left


@each(
    right=[cut, lambda label, photo: [photo.flip(-1), label.flip(-1)]],
    wrong=[
        lambda label, photo: (label.flip(-1), photo.flip(-1)),
        lambda label, photo: (photo, label),
        lambda label, photo: (photo.flip(-2), label.flip(-2)),
    ],
    lazy=[(torch.zeros(4, 3, 8, 8),) * 2, lambda label, photo: (label, photo)],
)
def test_6_1_a_mirrored_file(answer, is_right):
    judged(is_right, notebook_06.exercise_1, answer)


def hue_scores(photos, hue, copies=8, scale=2):
    change = v2.ColorJitter(hue=hue)
    many = torch.stack([torch.stack([change(one) for one in photos]) for _ in range(copies)])
    mean = many.mean(dim=0)
    return float(ssim(mean, photos).mean()), scale * float((mean - photos).abs().mean())


def mean_of_scores(photos, hue):
    scores = [hue_scores(photos, hue, copies=1) for _ in range(8)]
    return tuple(np.mean(scores, axis=0))


@each(
    right=[hue_scores, lambda photos, hue: torch.tensor(hue_scores(photos, hue))],
    wrong=[
        mean_of_scores,
        lambda photos, hue: hue_scores(photos, hue, scale=1),
        lambda photos, hue: hue_scores(photos, hue)[::-1],
        lambda photos, hue: hue_scores(photos, 0.5),
    ],
    lazy=[{0.05: (0.99, 0.01), 0.5: (0.95, 0.1)}, lambda photos, hue: (0.98, 0.1)],
)
def test_6_2_jitter_of_the_hue(answer, is_right):
    judged(is_right, notebook_06.exercise_2, answer)


@pytest.fixture(scope="module")
def streets():
    """Class maps, (120, 16, 16): more road on the left of most, and a car on the left of all."""
    random = np.random.default_rng(0)
    maps = np.full((120, 16, 16), BACKGROUND[0] if BACKGROUND[0] != ROAD else BACKGROUND[1])
    for one in maps:
        edge = random.integers(5, 12)
        one[8:, :edge] = ROAD
        if random.random() < 0.2:  # a street with the road on the other side
            one[:] = one[:, ::-1]
        one[6:8, 2:4] = CAR
    return maps.astype(np.uint8)


def linear(maps):
    """Fitted by hand: the car stands on the left."""
    return (maps[:, :, :8] == CAR).sum(axis=(1, 2)) > (maps[:, :, 8:] == CAR).sum(axis=(1, 2))


def by_road(maps):
    return (maps[:, :, :8] == ROAD).sum(axis=(1, 2)) > (maps[:, :, 8:] == ROAD).sum(axis=(1, 2))


@each(
    right=[linear, lambda maps: torch.from_numpy(linear(maps))],
    wrong=[by_road, lambda maps: ~linear(maps), lambda maps: linear(maps).mean()],
    lazy=[lambda maps: np.ones(len(maps), dtype=bool), np.ones(120, dtype=bool)],
)
def test_6_3_a_street_and_its_mirror_image(answer, is_right, streets):
    judged(is_right, notebook_06.exercise_3, answer, classes=streets, road=ROAD)


def pair_of_runs(pairs, steps=16, kinds=("baseline", "baseline+flip"), finished=True):
    runs = []
    for name in kinds:
        one = config_of(name, f"train_pairs={pairs}")
        epochs = steps // math.ceil(pairs / one.batch_size)
        runs.append(run(replace(one, epochs=epochs), finished))
    return tuple(runs)


@each(
    right=[{pairs: pair_of_runs(pairs) for pairs in (4, 8)}],
    wrong=[
        {pairs: pair_of_runs(pairs, steps=8) for pairs in (4, 8)},
        {pairs: pair_of_runs(pairs)[::-1] for pairs in (4, 8)},
        {4: pair_of_runs(4)},
        {pairs: pair_of_runs(pairs, finished=False) for pairs in (4, 8)},
    ],
    lazy=[{}, {4: (), 8: ()}],
)
def test_6_4_equal_steps_with_fewer_pairs(answer, is_right):
    judged(is_right, notebook_06.exercise_4, answer, counts=(4, 8), steps=16)


# ---- notebook 7


def images_needed(spread, half_width, z=1.96):
    return (z * spread / half_width) ** 2


@each(
    right=[images_needed, lambda s, w: math.ceil(images_needed(s, w))],
    wrong=[
        lambda s, w: images_needed(s, w, z=1),
        lambda s, w: images_needed(s, 2 * w),
        lambda s, w: 1.96 * s / w,
    ],
    lazy=[1068, lambda s, w: 1068],
)
def test_7_1_the_images_that_a_mean_needs(answer, is_right):
    judged(is_right, notebook_07.exercise_1, answer)


@each(
    right=[
        lambda one, two: float((one > two).mean()),
        lambda one, two: sum(a > b for a, b in zip(one, two, strict=True)) / len(one),
    ],
    wrong=[
        lambda one, two: (one >= two).mean(),
        lambda one, two: 100 * (one > two).mean(),
        lambda one, two: one.mean() > two.mean(),
    ],
    lazy=[0.9, lambda one, two: 0.5],
)
def test_7_2_the_share_of_images(answer, is_right):
    judged(is_right, notebook_07.exercise_2, answer)


def bootstrap(values, of=np.median, size=None, draws=2000, quantiles=(0.025, 0.975)):
    values = np.asarray(values)
    chosen = np.random.default_rng(3).integers(0, len(values), size=(draws, size or len(values)))
    return tuple(np.quantile(of(values[chosen], axis=1), quantiles))


@each(
    right=[bootstrap, lambda values: list(bootstrap(values, draws=5000))],
    wrong=[
        lambda values: bootstrap(values, of=np.mean),
        lambda values: bootstrap(values, size=len(values) // 4),
        lambda values: bootstrap(values, quantiles=(0.05, 0.95)),
        lambda values: tuple(np.quantile(values, [0.025, 0.975])),
    ],
    lazy=[(0, 1), lambda values: (0.3, 0.5)],
)
def test_7_3_the_interval_of_the_median(answer, is_right):
    judged(is_right, notebook_07.exercise_3, answer)


def side(low, high, seeds):
    if low > 0 and min(seeds) > 0:
        return 1
    return -1 if high < 0 and max(seeds) < 0 else 0


@each(
    right=[side, lambda low, high, seeds: float(side(low, high, seeds))],
    wrong=[
        lambda low, high, seeds: int(low > 0) - int(high < 0),
        lambda low, high, seeds: int(np.sign(np.mean(seeds))),
        lambda low, high, seeds: side(low, high, [np.mean(seeds)]),
    ],
    lazy=["undecided", lambda low, high, seeds: 0],
)
def test_7_4_the_rule_of_a_verdict(answer, is_right):
    judged(is_right, notebook_07.exercise_4, answer)


# ---- notebook 8


def without_cars_one_by_one(street):
    for row, column in zip(*np.nonzero(street == CAR), strict=True):
        if street[row, column] == CAR:
            region = regions.connected_region(street, row, column)
            street = regions.remove(street, region, BACKGROUND)
    return street


@each(
    right=[
        lambda street: regions.remove(street, street == CAR, BACKGROUND),
        without_cars_one_by_one,
    ],
    wrong=[
        lambda street: street,
        lambda street: np.where(street == CAR, street[0, 0], street),
        lambda street: regions.remove(street, street == street[0, 0], BACKGROUND),
    ],
    lazy=[np.zeros((64, 64), np.uint8), lambda street: np.full_like(street, ROAD)],
)
def test_8_1_a_street_without_cars(answer, is_right):
    judged(is_right, notebook_08.exercise_1, answer, background=BACKGROUND, car=CAR)


def test_8_1_filling_every_gap_with_road_is_refused():
    def paved(street):
        return np.where(street == CAR, np.uint8(ROAD), street)

    assert fails(notebook_08.exercise_1, paved, background=BACKGROUND, car=CAR)


def photo(painter, class_map):
    return paint({"it": painter}, class_map)["it"].photo.astype(float)


def change(painter, before, after):
    return np.abs(photo(painter, after) - photo(painter, before)).mean(axis=-1)


def share_outside(painter, before, after):
    moved = change(painter, before, after)
    return moved[before == after].sum() / moved.sum()


@each(
    right=[share_outside, lambda p, a, b: torch.tensor(share_outside(p, a, b))],
    wrong=[
        lambda p, a, b: 1 - share_outside(p, a, b),
        lambda p, a, b: (a == b).mean(),
        lambda p, a, b: change(p, a, b)[a == b].mean() / change(p, a, b).mean(),
        lambda p, a, b: change(p, a, b)[a == b].sum(),
    ],
    lazy=[0.5, lambda p, a, b: 0],
)
def test_8_2_the_change_outside(answer, is_right):
    judged(is_right, notebook_08.exercise_2, answer, palette=CITYSCAPES)


def asymmetry(painter, street):
    return np.abs(photo(painter, street[:, ::-1]) - photo(painter, street)[:, ::-1]).mean()


def asymmetry_of_bytes(painter, street):
    one, two = (photo(painter, part).astype(np.uint8) for part in (street[:, ::-1], street))
    return np.abs(one - two[:, ::-1]).mean()


@each(
    right=[asymmetry, lambda p, s: asymmetry(p, s[:, ::-1])],
    wrong=[
        asymmetry_of_bytes,
        lambda p, s: np.abs(photo(p, s[:, ::-1]) - photo(p, s)).mean(),
        lambda p, s: asymmetry(p, s) / 255,
    ],
    lazy=[12.0, lambda p, s: 0],
)
def test_8_3_the_mirrored_photo(answer, is_right):
    judged(is_right, notebook_08.exercise_3, answer, palette=CITYSCAPES)


def least_visible(painter, street, share=0.1, pick=min):
    found = []
    for old in np.unique(street):
        if (street == old).mean() >= share:
            for new in range(len(CITYSCAPES)):
                if new != old:
                    edited = np.where(street == old, np.uint8(new), street)
                    found.append((change(painter, street, edited).mean(), int(old), new))
    return pick(found)[1:]


def named(painter, street):
    return [CITYSCAPES.classes[index] for index in least_visible(painter, street)]


@each(
    right=[least_visible, named],
    wrong=[
        lambda p, s: least_visible(p, s, share=0),
        lambda p, s: least_visible(p, s, pick=max),
        lambda p, s: least_visible(p, s)[::-1],
    ],
    lazy=[(ROAD, CAR), lambda p, s: (int(s[0, 0]), CAR)],
)
def test_8_4_the_least_visible_edit(answer, is_right):
    judged(is_right, notebook_08.exercise_4, answer, palette=CITYSCAPES)


def test_every_exercise_has_a_check_and_every_hint_is_a_sentence():
    for module, count in (
        (notebook_04, 4),
        (notebook_05, 4),
        (notebook_06, 4),
        (notebook_07, 4),
        (notebook_08, 4),
    ):
        assert list(module.EXERCISES) == [str(number) for number in range(1, count + 1)]


def test_a_check_leaves_the_random_numbers_of_the_notebook_alone():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    network = EnhancedUNet(128, 8, extra_conv=False, norm_everywhere=False)
    state = torch.get_rng_state()
    assert not torch.equal(before, state)  # building it draws
    assert passes(notebook_05.exercise_2, network)
    assert passes(notebook_05.exercise_3, with_norm_of_state(state), size=32, width=4)


def with_norm_of_state(state):
    """A network built without a trace in the generator, which is as it was at `state`."""
    assert torch.equal(torch.get_rng_state(), state)
    with torch.random.fork_rng(devices=[]):
        return with_norm(-1)
