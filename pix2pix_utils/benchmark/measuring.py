"""All measurements of the benchmark, one after the other."""

import torch

from pix2pix_utils.benchmark.losses import loss_differences
from pix2pix_utils.benchmark.machine import matrix_product_rate, memory_bandwidth
from pix2pix_utils.benchmark.overheads import data_wait, ssim_speed, start_seconds
from pix2pix_utils.benchmark.scaling import growth_with_pairs, growth_with_pixels
from pix2pix_utils.benchmark.steps import step_rows, time_steps
from pix2pix_utils.benchmark.variants import REFERENCE_3, REFERENCE_4
from pix2pix_utils.devices import describe_environment


def run_benchmark(image_size: int, width: int, repeats: int, device: torch.device) -> dict:
    """Everything this package measures, for the baseline at batch size 1, as plain values."""
    variants, precisions = [REFERENCE_3, REFERENCE_4, "fp32"], ["fp32"]
    if matrix_product_rate(device, "bf16", 512) > matrix_product_rate(device, "fp32", 512):
        variants.append("bf16")  # elsewhere the processor only imitates it, very slowly
        precisions.append("bf16")
    rates = {name: matrix_product_rate(device, name, 2048) for name in precisions}
    if device.type == "cuda":
        variants += ["fp16", "fp32 eager", "bf16 eager"]
    bandwidth = memory_bandwidth(device)
    measured = time_steps(variants, image_size, width, repeats, device)
    return {
        "environment": describe_environment(device),
        "image_size": image_size,
        "width": width,
        "batch_size": 1,
        "repeats": repeats,
        "matrix_product_flops_per_second": rates,
        "memory_bytes_per_second": bandwidth,
        "steps": step_rows(measured, rates, bandwidth),
        "same_losses": loss_differences(image_size, width, device),
        "data": data_wait(image_size, measured["fp32"].seconds, device),
        "ssim": ssim_speed(image_size, device),
        "start_seconds": start_seconds(),
        "by_pairs": growth_with_pairs(device),
        "by_pixels": growth_with_pixels(width, device),
    }
