"""Checks that speed does not change the results: our losses against a plain eager loop's."""

import copy
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from pix2pix_utils.benchmark.variants import baseline_networks, our_step, use_torchs_convolutions


def loss_differences(
    image_size: int, width: int, device: torch.device, steps: int = 20
) -> dict[str, float]:
    """The largest relative differences between our losses and those of a plain eager step.

    "each_step": before each of `steps` updates, the plain step gets our weights. "in_a_row": both
    continue with their own. Since a GAN doubles the smallest difference every few steps,
    "two_adams" gives the scale: two plain loops that differ only in torch's implementation of Adam.
    On a GPU the convolutions multiply in float32 here, not in TF32.
    """

    def losses(*step_functions: Callable[[Tensor, Tensor], Mapping[str, Tensor]]) -> np.ndarray:
        generator = torch.Generator().manual_seed(1)
        found: list[list[list[float]]] = []  # (steps, step functions, 2)
        for number in range(steps):
            images = torch.rand(2, 1, 3, image_size, image_size, generator=generator)
            label, photo = images.to(device) * 2 - 1
            found.append([])
            for step in step_functions:
                torch.manual_seed(number)  # for the dropout
                result = step(label, photo)
                found[-1].append(
                    [float(result[f"{who}_loss"]) for who in ("generator", "discriminator")]
                )
        return np.array(found).swapaxes(0, 1)

    def ours_and_plain_from_the_same_weights() -> np.ndarray:
        ours, plain = (baseline_networks(image_size, width, device, "fp32") for _ in range(2))
        use_torchs_convolutions(plain)
        plain_step = our_step(plain, eager=True)

        def follow(label: Tensor, photo: Tensor) -> Mapping[str, Tensor]:
            plain.load_state_dict(copy.deepcopy(ours.state_dict()))
            return plain_step(label, photo)

        return losses(follow, our_step(ours))

    def plain_loop(fused: bool) -> np.ndarray:
        networks = baseline_networks(image_size, width, device, "fp32")
        use_torchs_convolutions(networks)
        for optimizer in (networks.generator_optimizer, networks.discriminator_optimizer):
            optimizer.param_groups[0]["fused"] = fused
        return losses(our_step(networks, eager=True))[0]

    def apart(one: np.ndarray, other: np.ndarray) -> float:
        return float(np.abs(one / other - 1).max())

    with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        followed, ours = ours_and_plain_from_the_same_weights()
        plain, other = plain_loop(fused=True), plain_loop(fused=False)
    return {
        "steps": steps,
        "each_step": apart(ours, followed),
        "in_a_row": apart(ours, plain),
        "two_adams": apart(other, plain),
    }
