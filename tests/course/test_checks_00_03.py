"""The exercises of notebooks 0 to 3: right answers, wrong ones and lazy ones."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from pix2pix_utils import course, evaluation
from pix2pix_utils.course.checks import notebook_00, notebook_01, notebook_02, notebook_03
from pix2pix_utils.course.checks.forms import WrongForm
from pix2pix_utils.data import CITYSCAPES, StreetPairs, draw_street
from pix2pix_utils.evaluation import C1, C2, predictions, ssim, ssim_scores
from pix2pix_utils.losses.adversarial import ADVERSARIAL_LOSSES, AdversarialLoss, least_squares
from pix2pix_utils.training import Run


def verdict(exercise, answer, **context) -> str | None:
    """None for a right answer, else a hint, or the name of the error that the check raised."""
    try:
        hint = exercise(answer, **context)
    except WrongForm as error:
        hint = str(error)
    except Exception as error:
        return type(error).__name__
    assert hint is None or (hint[0].isupper() and hint.endswith(".")), hint
    return hint


def judged(exercise, right, wrong, **context) -> None:
    """Every answer in `right` passes, none in `wrong` does, and neither does what needs no work."""
    assert len(wrong) >= 3
    for answer in right:
        assert verdict(exercise, answer, **context) is None, answer
    lazy = (None, 0, 7, True, "nothing", (0, 1), {}, np.ones(3), lambda *inputs: 1, lambda *_: None)
    for answer in (*wrong, *lazy):
        assert verdict(exercise, answer, **context) is not None, answer


def test_00_1_counts_classes():
    judged(
        notebook_00.exercise_1,
        right=[
            lambda classes: len(np.unique(classes)),
            lambda classes: torch.tensor(classes).unique().numel(),
            lambda classes: np.int64(len(set(classes.ravel().tolist()))),
        ],
        wrong=[
            lambda classes: classes.max() + 1,
            lambda classes: classes.size,
            np.unique,
            lambda classes: 4,
        ],
    )


def test_01_1_finds_the_scene_with_the_most_pixels():
    judged(
        notebook_01.exercise_1,
        right=[
            lambda classes, index: (classes == index).sum(axis=(1, 2)).argmax(),
            lambda classes, index: torch.tensor(classes == index).float().mean((1, 2)).argmax(),
            lambda classes, index: max(
                range(len(classes)), key=lambda i: (classes[i] == index).sum()
            ),
        ],
        wrong=[
            lambda classes, index: (classes == 11).sum(axis=(1, 2)).argmax(),
            lambda classes, index: (classes == index).sum(axis=(1, 2)).max(),
            lambda classes, index: (classes == index).argmax(),
            lambda classes, index: (classes == index).sum(axis=(1, 2)),
        ],
    )


@pytest.fixture
def lesson():
    return course.start("smoke")


def score_of_memory(
    scenes, step, size=32, learnt_step=0.0, filters=("NEAREST", "BICUBIC"), fit=None
) -> float:
    def frames(margin):
        box = (margin, margin, 2 * size - margin, 2 * size - margin)
        found = []
        for scene in scenes:
            pictures = map(Image.fromarray, draw_street(scene, 0, 2 * size))
            found.append(
                [
                    np.asarray(picture.resize((size, size), Image.Resampling[name], box=box))
                    for picture, name in zip(pictures, filters, strict=True)
                ]
            )
        classes, photos = map(np.stack, zip(*found, strict=True))
        return StreetPairs(photos, classes, ["frame"] * len(found), CITYSCAPES)

    fit = fit or evaluation.nearest_label_map
    known, asked = frames(learnt_step * size), frames(step * size)
    return ssim_scores(fit(known), asked).mean()


def test_01_2_measures_the_leak_at_any_step(lesson):
    judged(
        notebook_01.exercise_2,
        right=[score_of_memory, lambda scenes, step: np.float32(score_of_memory(scenes, step))],
        wrong=[
            lambda scenes, step: score_of_memory(scenes, step / 2),
            lambda scenes, step: score_of_memory(scenes, step, learnt_step=step),
            lambda scenes, step: score_of_memory(scenes, step, fit=evaluation.class_color),
            lambda scenes, step: 0.8 - step,
            lambda scenes, step: {0.05: 0.6, 0.5: 0.3}[step],
        ],
        lesson=lesson,
    )


def test_01_2_takes_the_seed_and_the_size_of_the_lesson():
    lesson = course.start("smoke", seed=3, settings=["image_size=48"])
    assert "should be" in verdict(notebook_01.exercise_2, score_of_memory, lesson=lesson)


def ssim_with(x, y, window, pad=0, luminance=True, unbiased=False):
    kernel = window[None, None].expand(3, 1, -1, -1)

    def blur(images):
        return F.conv2d(images, kernel, groups=3, padding=pad)

    mean_x, mean_y = blur(x), blur(y)
    away = mean_x**2, mean_y**2, mean_x * mean_y
    if unbiased:
        away = (0, 0, 0)
    spread = blur(x * x) - away[0] + blur(y * y) - away[1]
    rest = (2 * (blur(x * y) - away[2]) + C2) / (spread + C2)
    lum = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1) if luminance else 1
    return (lum * rest).mean(dim=(1, 2, 3))


def test_01_3_wants_ssim_with_any_window_which_the_package_does_not_have():
    judged(
        notebook_01.exercise_3,
        right=[
            ssim_with,
            lambda x, y, window: ssim_with(x, y, window).numpy(),
            lambda x, y, window: ssim_with(x.float(), y.float(), window.float()).tolist(),
        ],
        wrong=[
            lambda x, y, window: ssim(x.float(), y.float()),
            ssim,
            lambda x, y, window: ssim_with(x, y, torch.ones_like(window) / window.numel()),
            lambda x, y, window: ssim_with(x, y, window, pad=len(window) // 2),
            lambda x, y, window: ssim_with(x, y, window, luminance=False),
            lambda x, y, window: ssim_with(x, y, window, unbiased=True),
            lambda x, y, window: ssim_with(x, y, window).mean(),
        ],
    )
    padded = verdict(notebook_01.exercise_3, lambda x, y, w: ssim_with(x, y, w, pad=len(w) // 2))
    assert "pad" in padded


def best_picture(looks, steps=60):
    logits = torch.logit(looks.mean(dim=0, keepdim=True).clamp(0.01, 0.99)).requires_grad_()
    optimizer = torch.optim.Adam([logits], lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        (-ssim(logits.sigmoid().expand(len(looks), -1, -1, -1), looks).mean()).backward()
        optimizer.step()
    return logits.sigmoid().detach()


def test_01_4_wants_a_picture_that_beats_the_mean_on_a_look_it_has_not_seen():
    judged(
        notebook_01.exercise_4,
        right=[best_picture, lambda looks: best_picture(looks).numpy()],
        wrong=[
            lambda looks: looks.mean(dim=0, keepdim=True),
            lambda looks: looks[:1],
            lambda looks: looks.median(dim=0, keepdim=True).values,
            lambda looks: 2 * looks[:1] - 0.5,
            lambda looks: torch.full_like(looks[:1], 0.5),
        ],
    )


def test_02_1_computes_the_loss_of_a_guess():
    judged(
        notebook_02.exercise_1,
        right=[
            lambda p: -(math.log(p) + math.log(1 - p)) / 2,
            lambda p: round(-(math.log(p) + math.log(1 - p)) / 2, 2),
            lambda p: -torch.tensor([p, 1 - p]).log().mean(),
        ],
        wrong=[
            lambda p: -math.log(p) - math.log(1 - p),
            lambda p: -math.log(p),
            lambda p: math.log(2),
            lambda p: 0.69,
        ],
    )


def patch(strides, clip=True, pad=1):
    field, first, jump = 1, 0, 1
    for stride in strides:
        first -= pad * jump
        field += 3 * jump
        jump *= stride
    return (
        (field, max(first, 0), min(first + field - 1, 255)) if clip else (field, first, field - 1)
    )


def test_02_2_walks_back_from_a_score_through_any_strides():
    assert patch([2, 2, 2, 2, 1, 1]) == (142, 0, 94)
    judged(
        notebook_02.exercise_2,
        right=[patch, lambda strides: np.array(patch(strides)), lambda s: torch.tensor(patch(s))],
        wrong=[
            lambda strides: (142, 0, 94),
            lambda strides: patch(strides, clip=False),
            lambda strides: patch(strides, pad=0),
            lambda strides: patch([2, *strides]),
            lambda strides: patch(strides)[:2],
        ],
    )


def test_02_2_agrees_with_the_gradient_of_a_network():
    strides = [2, 1, 2, 1]
    network = torch.nn.Sequential(*(torch.nn.Conv2d(1, 1, 4, s, padding=1) for s in strides))
    photo = torch.zeros(1, 1, 256, 256, requires_grad=True)
    network(photo)[0, 0, 0, 0].backward()
    columns = photo.grad[0, 0].abs().sum(dim=0).nonzero()
    _, first, last = patch(strides)
    assert (columns.min(), columns.max()) == (first, last)
    assert notebook_02.exercise_2(patch) is None


def stray_gradients(networks, label, halved=False, zero=True, real=False, order=(True, False)):
    sums = {}
    for keep_apart in order:
        if zero:
            networks.generator.zero_grad()
        fake = networks.generator(label)
        scores = networks.discriminator(label, fake.detach() if keep_apart else fake)
        target = torch.ones_like(scores) if real else torch.zeros_like(scores)
        loss = F.binary_cross_entropy_with_logits(scores, target)
        (loss / 2 if halved else loss).backward()
        grads = [p.grad for p in networks.generator.parameters() if p.grad is not None]
        sums[keep_apart] = sum(grad.abs().sum().item() for grad in grads)
    return sums[True], sums[False]


def test_02_3_measures_what_detach_keeps_apart():
    def variant(**options):
        return lambda networks, label: stray_gradients(networks, label, **options)

    judged(
        notebook_02.exercise_3,
        right=[
            stray_gradients,
            variant(halved=True),
            variant(order=(False, True)),
            lambda n, label: np.array(stray_gradients(n, label)),
        ],
        wrong=[
            variant(real=True),
            variant(zero=False, order=(False, True)),
            lambda n, label: stray_gradients(n, label)[::-1],
            lambda n, label: (0, 1),
            lambda n, label: (0, 0),
        ],
    )


def moved(network, optimizer, loss, factor, steps=20, zero=True, first=False):
    before = [p.detach().clone() for p in network.parameters()][: 1 if first else None]
    for _ in range(steps):
        if zero:
            optimizer.zero_grad()
        (factor * loss()).backward()
        optimizer.step()
    pairs = zip(network.parameters(), before, strict=False)
    return math.sqrt(sum(((p - b) ** 2).sum().item() for p, b in pairs))


def test_02_4_measures_how_far_weights_move():
    def variant(**options):
        return lambda *inputs: moved(*inputs, **options)

    judged(
        notebook_02.exercise_4,
        right=[moved, lambda *inputs: torch.tensor(moved(*inputs))],
        wrong=[
            variant(steps=19),
            variant(zero=False),
            variant(first=True),
            lambda network, optimizer, loss, factor: moved(network, optimizer, loss, 1),
            lambda network, optimizer, loss, factor: 0.195,
        ],
    )


def test_02_5_wants_a_finished_run_with_another_alpha(lesson, finished_run):
    def trained(*settings, experiment="baseline", **options):
        return lesson.train(lesson.config(experiment, *settings, **options), progress=False)

    run = trained("alpha=10")
    unfinished = Run.create(
        lesson.output, lesson.config("baseline", "alpha=10", seed=5), lesson.data
    )
    judged(
        notebook_02.exercise_5,
        right=[run, trained("alpha=10", seed=1)],
        wrong=[finished_run, unfinished, trained("alpha=10", "epochs=1"), run.config, run.folder],
        lesson=lesson,
    )


def first_one(squash, kind, convert=True):
    scores = torch.arange(0, 40, 0.1)
    values = squash(scores.to(kind)) if convert else squash(scores).to(kind)
    return scores[values == 1][0].item()


def test_03_1_finds_where_a_function_is_exactly_one():
    judged(
        notebook_03.exercise_1,
        right=[first_one, lambda squash, kind: torch.tensor(first_one(squash, kind))],
        wrong=[
            lambda squash, kind: first_one(torch.sigmoid, kind),
            lambda squash, kind: first_one(squash, torch.float16),
            lambda squash, kind: {torch.float16: 8.4, torch.bfloat16: 6.3, torch.float32: 16.7}[
                kind
            ],
            lambda squash, kind: 8.3,
        ],
    )


def equal_weight(predict, pairs, scale=1.0, power=1, take=None):
    absolute, squared = [], []
    for batch, photos in predictions(predict, pairs):
        error = scale * (photos - batch["photo"])
        absolute += error.abs().mean(dim=(1, 2, 3)).tolist()
        squared += error.square().mean(dim=(1, 2, 3)).tolist()
    return 100 * (sum(absolute[:take]) / sum(squared[:take])) ** power


def test_03_2_weighs_one_distance_against_another():
    judged(
        notebook_03.exercise_2,
        right=[equal_weight, lambda predict, pairs: torch.tensor(equal_weight(predict, pairs))],
        wrong=[
            lambda predict, pairs: equal_weight(predict, pairs, scale=0.5),
            lambda predict, pairs: equal_weight(predict, pairs, power=-1),
            lambda predict, pairs: equal_weight(predict, pairs) / 100,
            lambda predict, pairs: 250,
        ],
    )
    half = verdict(notebook_03.exercise_2, lambda *inputs: equal_weight(*inputs, scale=0.5))
    assert "[-1, 1]" in half


def between(looks, photo, t, start=0, against=None):
    mean = looks[start:].mean(dim=0, keepdim=True)
    mixed = (mean + t * (looks[:1] - mean)).clamp(0, 1)
    return ssim(mixed, photo if against is None else looks[against : against + 1]).mean()


def test_03_3_fades_between_a_mean_and_a_look():
    judged(
        notebook_03.exercise_3,
        right=[between, lambda *inputs: between(*inputs).item()],
        wrong=[
            lambda looks, photo, t: between(looks, photo, 1 - t),
            lambda looks, photo, t: between(looks, photo, t, start=4),
            lambda looks, photo, t: between(looks, photo, t, against=1),
            lambda looks, photo, t: 0.73 - 0.13 * t,
        ],
    )


def test_03_4_wants_a_run_with_least_squares_after_a_sigmoid(lesson, finished_run, monkeypatch):
    def after_a_sigmoid(scores, real):
        return least_squares(scores.sigmoid(), real)

    def trained(function, threshold=0.0):
        name = f"loss-{len(ADVERSARIAL_LOSSES)}"
        monkeypatch.setitem(ADVERSARIAL_LOSSES, name, AdversarialLoss(function, threshold))
        config = lesson.config("baseline", f"adversarial_loss={name}", "epochs=1")
        return lesson.train(config, progress=False)

    judged(
        notebook_03.exercise_4,
        right=[trained(after_a_sigmoid)],
        wrong=[
            finished_run,
            trained(lambda scores, real: after_a_sigmoid(scores, not real)),
            trained(after_a_sigmoid, threshold=0.5),
            after_a_sigmoid,
        ],
    )
