"""The training step updates the right network, by the gradient that the method says."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn

from pix2pix_utils.acceleration import convolution
from pix2pix_utils.errors import UserError
from pix2pix_utils.losses.adversarial import ADVERSARIAL_LOSSES, AdversarialLoss, bce
from pix2pix_utils.losses.objective import build_objective
from pix2pix_utils.training.discriminator_augmentation import build_discriminator_augmentation
from pix2pix_utils.training.step import Networks, accumulated_step, training_step

CPU = torch.device("cpu")


@pytest.fixture
def networks(smoke_config):
    torch.manual_seed(0)
    return Networks.build(smoke_config, CPU)


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(1)
    return torch.rand(2, 2, 3, 32, 32, generator=generator) * 2 - 1


def weights(network: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten().clone() for p in network.parameters()])


def reference_step(networks, label, photo, adversarial, alpha, fooling=None, feature_weight=0.0):
    """The update as base repository [3] writes it, except that the generator runs once.

    Feature matching is as pix2pixHD has it, but for the weights of the layers.
    """
    g, d = networks.generator, networks.discriminator
    fake = g(label)
    d.zero_grad()
    loss = (adversarial(d(label, photo), True) + adversarial(d(label, fake.detach()), False)) * 0.5
    loss.backward()
    networks.discriminator_optimizer.step()
    g.zero_grad()
    *features, scores = d.features(label, fake)
    g_loss = fooling(scores) if fooling else adversarial(scores, True)
    g_loss = g_loss + alpha * (fake - photo).abs().mean()
    if feature_weight:
        for ours, real in zip(features, d.features(label, photo), strict=False):
            distance = (ours - real.detach()).abs().mean() / len(features)
            g_loss = g_loss + feature_weight * distance
    g_loss.backward()
    networks.generator_optimizer.step()
    return g_loss.item(), loss.item()


@pytest.mark.parametrize(
    ("name", "fooling", "feature_weight"),
    [
        ("bce", None, 0.0),
        ("mse", None, 0.0),
        ("hinge", lambda scores: -scores.mean(), 0.0),
        ("mse", None, 10.0),
    ],
    ids=["bce", "mse", "hinge", "feature matching"],
)
def test_steps_equal_a_plain_reference(smoke_config, pair, name, fooling, feature_weight):
    objective = build_objective(name, "l1", 100.0, feature_weight=feature_weight)
    torch.manual_seed(0)
    ours = Networks.build(smoke_config, CPU)
    plain = Networks.build(smoke_config, CPU)
    plain.load_state_dict(ours.state_dict())
    for step in range(3):
        torch.manual_seed(step)
        losses = training_step(ours, *pair, objective)
        torch.manual_seed(step)
        adversarial = ADVERSARIAL_LOSSES[name].discriminator
        expected = reference_step(plain, *pair, adversarial, 100.0, fooling, feature_weight)
        measured = losses["generator_loss"].item(), losses["discriminator_loss"].item()
        assert measured == pytest.approx(expected, rel=1e-5)
    torch.testing.assert_close(weights(ours.generator), weights(plain.generator))
    torch.testing.assert_close(weights(ours.discriminator), weights(plain.discriminator))


# In a row, a GAN amplifies rounding: some versions of torch drift apart by 1e-3 after 16 steps.
@pytest.mark.parametrize(("in_a_row", "steps"), [(True, 10), (False, 20)])
def test_speed_changes_no_loss(smoke_config, pair, monkeypatch, in_a_row, steps):
    """Compared with a plain loop with torch's convolutions and its default Adam."""
    torch.manual_seed(0)
    ours = Networks.build(smoke_config, CPU)
    torch.manual_seed(0)
    plain = Networks.build(smoke_config, CPU)
    g_optimizer, d_optimizer = (
        torch.optim.Adam(network.parameters(), smoke_config.learning_rate, (0.5, 0.999))
        for network in (plain.generator, plain.discriminator)
    )
    plain = replace(plain, generator_optimizer=g_optimizer, discriminator_optimizer=d_optimizer)
    objective = build_objective("bce", "l1", 100.0)
    for step in range(steps):
        if not in_a_row:
            plain.load_state_dict(copy.deepcopy(ours.state_dict()))
        set_thresholds(monkeypatch, matmul=4, large=1, winograd=1)  # every faster way
        torch.manual_seed(step)
        losses = training_step(ours, *pair, objective)
        measured = losses["generator_loss"].item(), losses["discriminator_loss"].item()
        set_thresholds(monkeypatch, matmul=0, large=1 << 62)  # torch's convolutions everywhere
        torch.manual_seed(step)
        expected = reference_step(plain, *pair, bce, 100.0)
        assert measured == pytest.approx(expected, rel=1e-4)


def set_thresholds(monkeypatch, matmul, large, winograd=1 << 62):
    monkeypatch.setattr(convolution, "MAX_MATMUL_POSITIONS", matmul)
    monkeypatch.setattr(convolution, "MIN_LARGE_POSITIONS", large)
    monkeypatch.setattr(convolution, "MIN_WINOGRAD_CHANNEL_PAIRS", winograd)


def test_the_discriminators_loss_does_not_reach_the_generator(networks, pair):
    before = weights(networks.generator)
    networks.generator_optimizer.step = lambda: None  # leaves only the discriminator's update
    training_step(networks, *pair, build_objective("bce", "l1", 100.0))
    assert torch.equal(weights(networks.generator), before)


@pytest.mark.parametrize("feature_weight", [0.0, 10.0])
def test_the_generators_loss_does_not_reach_the_discriminator(networks, pair, feature_weight):
    captured = []
    step = networks.discriminator_optimizer.step

    def step_and_capture():
        step()
        captured.append([p.grad.clone() for p in networks.discriminator.parameters()])

    networks.discriminator_optimizer.step = step_and_capture
    objective = build_objective("bce", "l1", 100.0, feature_weight=feature_weight)
    training_step(networks, *pair, objective)
    after = [p.grad for p in networks.discriminator.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(captured[0], after, strict=True))
    assert all(p.requires_grad for p in networks.discriminator.parameters())


def test_both_parts_of_the_generators_loss_reach_it(smoke_config, pair):
    gradients = []
    for alpha in (0.0, 100.0):
        torch.manual_seed(0)
        networks = Networks.build(smoke_config, CPU)
        training_step(networks, *pair, build_objective("bce", "l1", alpha))
        gradients.append(torch.cat([p.grad.flatten() for p in networks.generator.parameters()]))
    assert gradients[0].abs().sum() > 0
    assert not torch.allclose(gradients[0], gradients[1])


def test_feature_matching_alone_teaches_the_generator_and_no_real_feature(
    networks, pair, monkeypatch
):
    """The real features hold no graph, so their memory is free at once."""
    seen, features = [], networks.discriminator.features

    def look(label, photo):
        found = features(label, photo)
        seen.append([feature.requires_grad for feature in found])
        return found

    objective = build_objective("bce", "l1", 0.0, feature_weight=10.0)
    silent = AdversarialLoss(bce, fooling=lambda scores: 0 * scores.sum())
    monkeypatch.setattr(networks.discriminator, "features", look)
    before = weights(networks.generator)
    training_step(networks, *pair, replace(objective, adversarial=silent))
    assert not torch.equal(weights(networks.generator), before)
    assert [set(grads) for grads in seen[-2:]] == [{True}, {False}]  # generated, then real


def test_the_discriminator_sees_real_and_generated_pairs_through_the_augmentation(
    networks, pair, monkeypatch
):
    """Real and generated pairs through different changes, but those of the generated one do not
    differ between the two updates; its features are compared with real ones changed alike."""
    seen, forward = [], networks.discriminator.features

    def look(label, photo):
        seen.append((label, photo.detach()))
        return forward(label, photo)

    monkeypatch.setattr(networks.discriminator, "features", look)  # `forward` calls it
    label, photo = pair
    augment = build_discriminator_augmentation("color+translation+cutout")
    objective = build_objective("mse", "l1", 100.0, feature_weight=1.0)
    training_step(networks, label, photo, objective, augment=augment)
    real, generated, again, matched = seen
    assert not torch.equal(real[0], label) and not torch.equal(generated[0], label)
    assert not torch.equal(real[0], generated[0])
    assert torch.equal(again[0], generated[0]) and torch.equal(again[1], generated[1])
    assert torch.equal(matched[0], generated[0])
    assert not torch.equal(matched[1], photo) and not torch.equal(matched[1], real[1])


def test_the_reconstruction_sees_the_photos_as_they_are(networks, pair):
    """Only the discriminator looks through the augmentation."""
    augment = build_discriminator_augmentation("color+translation+cutout")
    objective = build_objective("bce", "l1", 100.0)
    torch.manual_seed(0)
    with torch.no_grad():
        expected = (networks.generator(pair[0]) - pair[1]).abs().mean()
    torch.manual_seed(0)
    losses = training_step(networks, *pair, objective, augment=augment)
    assert losses["l1"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_generator_runs_once_a_step(networks, pair):
    calls = []
    networks.generator.register_forward_hook(lambda *_: calls.append(1))
    training_step(networks, *pair, build_objective("bce", "l1", 100.0))
    assert len(calls) == 1


def test_accumulated_batches_make_one_update_of_their_mean_gradient(smoke_config, pair):
    """Without batch norm and dropout, two batches of one pair are a batch of two."""
    objective, outcomes = build_objective("mse", "l1", 100.0), []
    for batches in ([tuple(pair)], [(pair[0][:1], pair[1][:1]), (pair[0][1:], pair[1][1:])]):
        torch.manual_seed(0)
        networks = Networks.build(smoke_config, CPU)
        for module in (*networks.generator.modules(), *networks.discriminator.modules()):
            if isinstance(module, nn.BatchNorm2d | nn.Dropout):
                module.eval()
        losses = accumulated_step(networks, batches, objective, len(batches))
        outcomes.append(
            [
                {name: value / len(batches) for name, value in losses.items()},
                *(p.grad for p in networks.generator.parameters()),
                *(p.grad for p in networks.discriminator.parameters()),
            ]
        )
    torch.testing.assert_close(outcomes[0], outcomes[1], rtol=1e-3, atol=1e-5)


def movements(config, pair) -> list[float]:
    """How far the generator and the discriminator move in one step, as lengths."""
    torch.manual_seed(0)
    networks = Networks.build(config, CPU)
    both = networks.generator, networks.discriminator
    before = [weights(network) for network in both]
    training_step(networks, *pair, build_objective("bce", "l1", 100.0))
    return [float((weights(n) - old).norm()) for n, old in zip(both, before, strict=True)]


def test_the_discriminators_learning_rate_is_its_own(smoke_config, pair):
    generator_moved, discriminator_moved = movements(smoke_config, pair)
    for factor in (0.1, 1.0, 3.0):
        rate = factor * smoke_config.learning_rate
        config = replace(smoke_config, discriminator_learning_rate=rate)
        ours = movements(config, pair)
        assert ours[0] == pytest.approx(generator_moved, rel=1e-2)
        assert ours[1] == pytest.approx(factor * discriminator_moved, rel=1e-4)


@pytest.mark.parametrize("value", ["0", "-1e-4", "inf", "nan"])
def test_a_useless_learning_rate_of_the_discriminator_is_refused(smoke_config, value):
    condition = "it must be positive and finite, or none for learning_rate"
    with pytest.raises(UserError, match=rf"^discriminator_learning_rate is .* but {condition}"):
        smoke_config.with_settings([f"discriminator_learning_rate={value}"])
    config = smoke_config.with_settings(["discriminator_learning_rate=none"])
    assert config == smoke_config


def discriminators_movement(config, pair, factor=1.0, epsilon=1e-8) -> torch.Tensor:
    """The change of its weights in 20 steps in which its loss is multiplied by `factor`."""
    loss = AdversarialLoss(lambda *a: factor * bce(*a))
    objective = replace(build_objective("bce", "l1", 100.0), adversarial=loss)
    torch.manual_seed(0)
    networks = Networks.build(config, CPU)
    (group,) = networks.discriminator_optimizer.param_groups
    group["eps"] = epsilon
    start = weights(networks.discriminator)
    for step in range(20):
        torch.manual_seed(step)
        training_step(networks, *pair, objective, generator_learns=False)
    return weights(networks.discriminator) - start


def test_a_constant_factor_of_its_loss_does_not_slow_the_discriminator(smoke_config, pair):
    """The factor cancels in Adam's update, but for epsilon; a lower learning rate does slow it."""
    reference = discriminators_movement(smoke_config, pair)
    for factor in (1 / 2, 1 / 200):
        moved = discriminators_movement(smoke_config, pair, factor)
        assert moved.norm().item() == pytest.approx(reference.norm().item(), rel=1e-3)
        # biases before a batch norm get no gradient but rounding, so they move at random
        assert (moved - reference).norm() < 0.05 * reference.norm()
    config = replace(smoke_config, discriminator_learning_rate=smoke_config.learning_rate / 2)
    assert discriminators_movement(config, pair).norm() < 0.7 * reference.norm()


def test_without_epsilon_a_factor_of_its_loss_changes_no_weight(smoke_config, pair):
    """Powers of two, with which no product is rounded."""
    one, half, small = (
        discriminators_movement(smoke_config, pair, factor, epsilon=1e-20)
        for factor in (1, 1 / 2, 1 / 256)
    )
    assert torch.equal(half, one) and torch.equal(small, one)


def test_a_step_in_which_nothing_learns_is_refused(networks, pair):
    objective = build_objective("none", "l1", 100.0)
    with pytest.raises(UserError, match=r"^nothing learns in this step: without an adversarial"):
        training_step(networks, *pair, objective, generator_learns=False)
