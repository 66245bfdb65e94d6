"""How fast the training step, the data and the evaluation are on this machine.

The reference steps are written as the two base repositories write them, on the same networks with
torch's own convolutions, in float32, eagerly. Each variant has a process of its own, whose
memory no other has touched, and they take turns step by step: a noisy machine is noisy for all.
"""

import copy
import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch
from skimage.metrics import structural_similarity
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

from pix2pix_utils.allocator import keep_freed_memory
from pix2pix_utils.config import Config
from pix2pix_utils.data import StreetData, StreetPairs
from pix2pix_utils.experiments import configure
from pix2pix_utils.graphs import GraphedStep
from pix2pix_utils.labels import CITYSCAPES
from pix2pix_utils.loading import Batches
from pix2pix_utils.losses import build_objective
from pix2pix_utils.metrics import ssim
from pix2pix_utils.runs import describe_environment
from pix2pix_utils.step import Networks, training_step
from pix2pix_utils.training import Trainer

Step = Callable[[], object]
BCE = F.binary_cross_entropy_with_logits
REFERENCE_3 = "as [3] writes it"
REFERENCE_4 = "as [4] writes it"
PAIR_COUNTS = (100, 300, 1000, 3000)


def run_benchmark(image_size: int, width: int, repeats: int, device: torch.device) -> dict:
    """Everything this module measures, for the baseline at batch size 1, as plain values."""
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


def make_step(variant: str, image_size: int, width: int, device: torch.device) -> Step:
    """One training step of the baseline on a fixed pair of random images."""
    precision = variant.partition(" ")[0] if variant[:2] in ("fp", "bf") else "fp32"
    networks = _networks(image_size, width, device, precision)
    label, photo = torch.rand(2, 1, 3, image_size, image_size, device=device) * 2 - 1
    if variant.removesuffix(" eager") in (REFERENCE_3, REFERENCE_4):
        return _reference_step(variant, networks, label, photo)
    if device.type == "cuda":
        label = label.contiguous(memory_format=torch.channels_last)
        photo = photo.contiguous(memory_format=torch.channels_last)
    objective = build_objective("bce", "l1", 100.0)
    if device.type == "cuda" and not variant.endswith("eager"):
        graphed = GraphedStep(networks, objective)
        return lambda: graphed(label, photo)
    return lambda: training_step(networks, label, photo, objective)


def _reference_step(variant: str, networks: Networks, label: Tensor, photo: Tensor) -> Step:
    _use_own_convolutions(networks)
    g, d = networks.generator, networks.discriminator
    g_optimizer, d_optimizer = (
        torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999)) for network in (g, d)
    )

    def judged(scores: Tensor, real: float) -> Tensor:
        return BCE(scores, torch.full_like(scores, real))

    def as_repository_3_writes_it() -> None:
        d.zero_grad()
        real, fake = d(label, photo), d(label, g(label))
        d_loss = (judged(real, 1) + judged(fake, 0)) * 0.5
        d_loss.backward()
        d_optimizer.step()
        d_loss.item()
        g.zero_grad()
        generated = g(label)
        g_loss = judged(d(label, generated), 1) + 100 * F.l1_loss(generated, photo)
        g_loss.backward()
        g_optimizer.step()
        g_loss.item()

    def as_repository_4_writes_it() -> None:
        generated = g(label)
        d.requires_grad_(True)
        d_optimizer.zero_grad()
        fake, real = d(label, generated.detach()), d(label, photo)
        ((judged(fake, 0) + judged(real, 1)) * 0.5).backward()
        d_optimizer.step()
        d.requires_grad_(False)
        g_optimizer.zero_grad()
        (judged(d(label, generated), 1) + 100 * F.l1_loss(generated, photo)).backward()
        g_optimizer.step()

    return (
        as_repository_3_writes_it if variant.startswith(REFERENCE_3) else as_repository_4_writes_it
    )


def _use_own_convolutions(networks: Networks) -> None:
    """Let both networks have torch's own convolutions, and torch's own layout."""
    for network in (networks.generator, networks.discriminator):
        for module in network.modules():
            for plain in (nn.Conv2d, nn.ConvTranspose2d):
                if isinstance(module, plain):
                    module.__class__ = plain
        network.to(memory_format=torch.contiguous_format)


@dataclass(frozen=True)
class Measured:
    """What the process of one variant found."""

    seconds: list[float]  # of each step
    peak_memory: int | None  # bytes, on a GPU of its memory; None where no system tells (Windows)
    flops: int  # of one step
    bytes_moved: int  # that the operations of one step read and write


def time_steps(
    variants: list[str], image_size: int, width: int, repeats: int, device: torch.device
) -> dict[str, Measured]:
    """`repeats` steps of each variant, which take turns, behind two to warm up."""
    context = multiprocessing.get_context("spawn")
    ends, processes = {}, []
    for name in variants:
        ends[name], end = context.Pipe()
        arguments = (end, name, image_size, width, str(device), torch.get_num_threads())
        processes.append(context.Process(target=_step_on_call, args=arguments, daemon=True))
        processes[-1].start()
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for round_ in tqdm(range(repeats + 2), "steps", unit="round"):
        for name, end in ends.items():
            end.send("step")
            taken = end.recv()
            if round_ >= 2:
                seconds[name].append(taken)
    measured = {}
    for name, end in ends.items():
        end.send("end")
        measured[name] = Measured(seconds[name], *end.recv())
    for process in processes:
        process.join()
    return measured


def _step_on_call(
    end: Connection, variant: str, image_size: int, width: int, device_name: str, threads: int
) -> None:
    """Answer each "step" with its seconds, and the end with the other measurements."""
    device = torch.device(device_name)
    torch.set_num_threads(threads)
    if variant not in (REFERENCE_3, REFERENCE_4):
        keep_freed_memory()  # as `Trainer` does
    step = make_step(variant, image_size, width, device)
    while end.recv() == "step":
        end.send(_seconds(step, device))
    peak = _peak_of_this_process(device)
    # a captured graph hides its operations: they are counted in the eager step
    eager = make_step(f"{variant.removesuffix(' eager')} eager", image_size, width, device)
    with FlopCounterMode(display=False) as flops, _ByteCounter() as traffic:
        eager()
    end.send((peak, flops.get_total_flops(), traffic.total))


class _ByteCounter(TorchDispatchMode):
    """Counts the bytes of what every operation reads and writes; views move none."""

    def __init__(self):
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, operation, types, arguments=(), options=None):
        result = operation(*arguments, **(options or {}))
        if not operation.is_view:
            moved = tree_leaves((arguments, options, result))
            self.total += sum(part.nbytes for part in moved if isinstance(part, Tensor))
        return result


def step_rows(
    measured: Mapping[str, Measured], rates: Mapping[str, float], bandwidth: float
) -> list[dict]:
    """One record a variant: time, ratios to the references, share of the roofline, memory.

    The roofline is the time that the arithmetic takes at the rate of a matrix product, or that the
    bytes take at the rate of a copy, whichever is longer.
    """
    medians = {name: float(np.median(found.seconds)) for name, found in measured.items()}
    rows = []
    for name, found in measured.items():
        median = medians[name]
        rate = rates["bf16" if name[:4] in ("bf16", "fp16") else "fp32"]
        roofline = max(found.flops / rate, found.bytes_moved / bandwidth)
        rows.append(
            {
                "step": name,
                "median_seconds": median,
                "fastest_seconds": min(found.seconds),
                "images_per_second": 1 / median,
                "times_as_fast_as_3": medians[REFERENCE_3] / median,
                "times_as_fast_as_4": medians[REFERENCE_4] / median,
                "flops": found.flops,
                "bytes_moved": found.bytes_moved,
                "share_of_matrix_product_rate": found.flops / median / rate,
                "share_of_roofline": roofline / median,
                "peak_memory_bytes": found.peak_memory,
            }
        )
    return rows


def loss_differences(
    image_size: int, width: int, device: torch.device, steps: int = 20
) -> dict[str, float]:
    """How far our losses are from those of a plain eager step, relatively, at most.

    "each_step": both steps start from the same weights, for `steps` updates. "in_a_row": each goes
    on by itself. A GAN doubles the smallest difference every few steps: "two_adams" is how far two
    plain loops come apart that differ in torch's implementation of Adam alone.
    """
    objective = build_objective("bce", "l1", 100.0)

    def losses(*step_functions: Callable[[Tensor, Tensor], Mapping[str, Tensor]]) -> np.ndarray:
        generator = torch.Generator().manual_seed(1)
        found: list[list[list[float]]] = []  # (steps, step functions, 2)
        for number in range(steps):
            images = torch.rand(2, 1, 3, image_size, image_size, generator=generator)
            label, photo = images.to(device) * 2 - 1
            found.append([])
            for step in step_functions:
                torch.manual_seed(number)  # of the dropout
                made = step(label, photo)
                found[-1].append(
                    [float(made[f"{who}_loss"]) for who in ("generator", "discriminator")]
                )
        return np.array(found).swapaxes(0, 1)

    def ours_and_plain_from_the_same_weights() -> np.ndarray:
        ours, plain = (_networks(image_size, width, device, "fp32") for _ in range(2))
        _use_own_convolutions(plain)
        graphed = GraphedStep(ours, objective) if device.type == "cuda" else None

        def follow(label: Tensor, photo: Tensor) -> Mapping[str, Tensor]:
            plain.load_state_dict(copy.deepcopy(ours.state_dict()))
            return training_step(plain, label, photo, objective)

        return losses(
            follow, graphed or (lambda label, photo: training_step(ours, label, photo, objective))
        )

    def plain_loop(fused: bool) -> np.ndarray:
        networks = _networks(image_size, width, device, "fp32")
        _use_own_convolutions(networks)
        for optimizer in (networks.generator_optimizer, networks.discriminator_optimizer):
            optimizer.param_groups[0]["fused"] = fused
        return losses(lambda label, photo: training_step(networks, label, photo, objective))[0]

    def apart(losses: np.ndarray, expected: np.ndarray) -> float:
        return float(np.abs(losses / expected - 1).max())

    followed, ours = ours_and_plain_from_the_same_weights()
    plain = plain_loop(fused=True)
    return {
        "steps": steps,
        "each_step": apart(ours, followed),
        "in_a_row": apart(ours, plain),
        "two_adams": apart(plain_loop(fused=False), plain),
    }


def _networks(image_size: int, width: int, device: torch.device, precision: str) -> Networks:
    """The baseline's, always from the same initial weights."""
    settings = [f"image_size={image_size}", f"width={width}", f"precision={precision}"]
    torch.manual_seed(0)
    return Networks.build(configure("baseline", "full", 0, settings), device)


def matrix_product_rate(device: torch.device, precision: str, size: int) -> float:
    """Floating-point operations a second of a square matrix product, the best of five."""
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    matrix = torch.rand(size, size, device=device).to(dtype)
    fastest = min(_seconds(lambda: matrix @ matrix, device) for _ in range(5))
    return 2 * size**3 / fastest


def memory_bandwidth(device: torch.device) -> float:
    """Bytes a second that a copy of 256 MB reads and writes, the best of five."""
    source = torch.zeros(1 << 26, device=device)
    target = torch.empty_like(source)
    fastest = min(_seconds(lambda: target.copy_(source), device) for _ in range(5))
    return 2 * source.nbytes / fastest


def _peak_of_this_process(device: torch.device) -> int | None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_reserved(device)
    if Path("/proc/self/status").is_file():  # getrusage would begin with the parent's peak
        return _status("VmHWM")
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, Linux KiB


def data_wait(image_size: int, step_seconds: list[float], device: torch.device) -> dict:
    """How long a step waits for its pair, behind the first epoch."""
    with tempfile.TemporaryDirectory() as folder:
        batches = Batches(_random_pairs(100, image_size, Path(folder)), device)
        order = list(torch.randperm(100).split(1))
        for _ in batches(order):
            pass
        waits = []
        source = batches(order)
        for _ in order:
            waits.append(_seconds(next, device, source))
    wait, step = float(np.median(waits)), float(np.median(step_seconds))
    return {"wait_seconds": wait, "share_of_the_step": wait / (wait + step)}


def ssim_speed(image_size: int, device: torch.device, images: int = 16) -> dict:
    """Seconds an image: ours in one batch, and a loop over scikit-image, taking turns."""
    pair = torch.rand(2, images, 3, image_size, image_size)
    on_device = pair.to(device)
    arrays = pair.permute(0, 1, 3, 4, 2).numpy()

    def loop() -> None:
        for prediction, target in zip(*arrays, strict=True):
            structural_similarity(
                prediction,
                target,
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
                data_range=1,
                channel_axis=-1,
            )

    ours, theirs = [], []
    for _ in range(6):
        ours.append(_seconds(lambda: ssim(*on_device), device) / images)
        theirs.append(_seconds(loop, device) / images)
    ours_median, theirs_median = float(np.median(ours[1:])), float(np.median(theirs[1:]))
    return {
        "seconds_an_image": ours_median,
        "scikit_image_seconds_an_image": theirs_median,
        "times_as_fast": theirs_median / ours_median,
    }


def start_seconds() -> dict[str, float]:
    """Seconds until Python has imported the training, and until `--help` has answered."""
    commands = {
        "import": ["-c", "import pix2pix_utils.training"],
        "help": ["-m", "pix2pix_utils", "--help"],
    }
    return {
        name: min(_seconds(_run_python, None, command) for _ in range(3))
        for name, command in commands.items()
    }


def _run_python(arguments: list[str]) -> None:
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)


def growth_with_pairs(device: torch.device) -> list[dict]:
    """Seconds of an epoch of a tiny network, and memory in use, for more and more pairs."""
    rows = []
    for count in tqdm(PAIR_COUNTS, "pairs", unit="epoch"):
        with tempfile.TemporaryDirectory() as folder:
            config = configure("baseline", "smoke", 0, [f"train_pairs={count}"])
            trainer = _trainer(config, count, Path(folder), device)
            taken = _seconds(_one_epoch, device, trainer)
            rows.append({"pairs": count, "epoch_seconds": taken, "memory_bytes": _memory(device)})
    return rows


def growth_with_pixels(width: int, device: torch.device) -> list[dict]:
    """Median seconds of a step at three image sizes."""
    rows = []
    for image_size in (64, 128, 256):
        step = make_step("fp32", image_size, width, device)
        seconds = [_seconds(step, device) for _ in range(5)][1:]
        rows.append({"image_size": image_size, "step_seconds": float(np.median(seconds))})
    return rows


def _trainer(config: Config, count: int, folder: Path, device: torch.device) -> Trainer:
    pairs = _random_pairs(count, config.image_size, folder)
    few = pairs.every(count)
    data = StreetData("random", "random", CITYSCAPES, pairs, few, few, "none", "random", "random")
    return Trainer(config, data, device)


def _one_epoch(trainer: Trainer) -> None:
    for batches, batches_in_all, _ in trainer.coming_steps():
        trainer.update(batches, batches_in_all)


def _random_pairs(count: int, image_size: int, folder: Path) -> StreetPairs:
    """Noise in memory-mapped files, as the cache has its pairs."""
    random = np.random.default_rng(0)
    shapes = {"photos": (count, image_size, image_size, 3), "classes": (count,) + (image_size,) * 2}
    arrays = []
    for name, shape in shapes.items():
        array = np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.uint8, shape)
        for index in range(count):
            array[index] = random.integers(0, len(CITYSCAPES), shape[1:], dtype=np.uint8)
        array.flush()
        arrays.append(np.load(folder / f"{name}.npy", mmap_mode="r"))
    photos, classes = arrays
    return StreetPairs(photos, classes, [str(index) for index in range(count)], CITYSCAPES)


def _memory(device: torch.device) -> int | None:
    """Bytes in use now, without mapped files: of the GPU, or of this process where Linux tells."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    return _status("RssAnon") if Path("/proc/self/status").is_file() else None


def _status(name: str) -> int:
    """Bytes of an entry of Linux's /proc/self/status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith(f"{name}:")]
    return int(line.split()[1]) * 1024


def _seconds(action: Callable, device: torch.device | None = None, *arguments) -> float:
    wait = torch.cuda.synchronize if device and device.type == "cuda" else lambda: None
    wait()
    start = time.perf_counter()
    action(*arguments)
    wait()
    return time.perf_counter() - start


def as_text(result: dict) -> str:
    """The result as tables for a terminal."""
    rates = result["matrix_product_flops_per_second"]
    lines = [
        f"baseline, {result['image_size']}x{result['image_size']}, width {result['width']}, "
        f"batch size 1, {result['environment']['device']}; matrix product "
        + ", ".join(f"{name} {rate / 1e9:.0f} GFLOP/s" for name, rate in rates.items())
        + f"; copy {result['memory_bytes_per_second'] / 1e9:.0f} GB/s",
        "",
        f"{'step':18} {'median':>9} {'images/s':>9} {'vs [3]':>7} {'vs [4]':>7} "
        f"{'GFLOP':>7} {'GB':>6} {'of rate':>8} {'roofline':>9} {'peak MB':>8}",
    ]
    for row in result["steps"]:
        memory = row["peak_memory_bytes"]
        lines.append(
            f"{row['step']:18} {row['median_seconds'] * 1e3:6.1f} ms"
            f" {row['images_per_second']:9.2f}"
            f" {row['times_as_fast_as_3']:6.2f}x {row['times_as_fast_as_4']:6.2f}x"
            f" {row['flops'] / 1e9:7.1f} {row['bytes_moved'] / 1e9:6.2f}"
            f" {row['share_of_matrix_product_rate']:8.1%} {row['share_of_roofline']:9.1%}"
            f" {memory / 2**20 if memory else float('nan'):8.0f}"
        )
    data, speed, start = result["data"], result["ssim"], result["start_seconds"]
    apart = result["same_losses"]
    lines += [
        "",
        f"losses in fp32 beside a plain eager step: {apart['each_step']:.1e} apart from the same "
        f"weights, {apart['in_a_row']:.1e} in {apart['steps']} steps in a row; "
        f"two plain loops with two of torch's Adams: {apart['two_adams']:.1e}",
        f"waiting for data: {data['wait_seconds'] * 1e3:.2f} ms a step, "
        f"{data['share_of_the_step']:.2%} of the time",
        f"SSIM: {speed['seconds_an_image'] * 1e3:.2f} ms an image, scikit-image "
        f"{speed['scikit_image_seconds_an_image'] * 1e3:.2f} ms: "
        f"{speed['times_as_fast']:.1f} times as fast",
        f"import {start['import']:.2f} s, --help {start['help']:.2f} s",
        "epoch of a tiny network: "
        + ", ".join(
            f"{row['pairs']} pairs {row['epoch_seconds']:.1f} s"
            + (f" ({row['memory_bytes'] / 2**20:.0f} MB)" if row["memory_bytes"] else "")
            for row in result["by_pairs"]
        ),
        "step by size: "
        + ", ".join(
            f"{row['image_size']} px {row['step_seconds'] * 1e3:.0f} ms"
            for row in result["by_pixels"]
        ),
    ]
    return "\n".join(lines)
