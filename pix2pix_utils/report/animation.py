"""Validation scenes after every epoch of a run, as an animation."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pix2pix_utils.files import atomic_write
from pix2pix_utils.training.runs import Run

MAX_FRAMES = 40  # evenly spaced epochs, including the first and the last
MIN_WIDTH = 560  # pixels; smaller pictures are enlarged
HEADING = 30  # pixels above the pictures
MILLISECONDS = 500  # per frame; four times as long for the last


def epoch_frames(run: Run) -> list[Image.Image]:
    """The run's sample grids with the epoch as heading; empty if it has none.

    A grid has one row each of label maps, generated photos and real photos.
    """
    grids = sorted(run.samples.glob("epoch-*.png"))  # four digits each
    if len(grids) > MAX_FRAMES:
        evenly = np.linspace(0, len(grids) - 1, MAX_FRAMES).round().astype(int)
        grids = [grids[index] for index in evenly]
    return [_frame(grid, run.config.epochs) for grid in grids]


def _frame(path: Path, epochs: int) -> Image.Image:
    with Image.open(path) as stored:
        scale = max(1, -(-MIN_WIDTH // stored.width))
        size = (stored.width * scale, stored.height * scale)
        grid = stored.convert("RGB").resize(size, Image.Resampling.NEAREST)
    frame = Image.new("RGB", (grid.width, grid.height + HEADING), "white")
    frame.paste(grid, (0, HEADING))
    heading = f"epoch {int(path.stem.removeprefix('epoch-'))} of {epochs}"
    font = ImageFont.load_default(size=HEADING * 0.6)
    ImageDraw.Draw(frame).text((8, HEADING * 0.15), heading, "black", font)
    return frame


def write_animation(frames: list[Image.Image], path: Path) -> list[Path]:
    """Write frames as a looping .gif, and the last one as a .png; returns both paths."""
    gif, png = path.with_suffix(".gif"), path.with_suffix(".png")
    durations = [MILLISECONDS] * (len(frames) - 1) + [4 * MILLISECONDS]
    with atomic_write(gif) as temporary:
        frames[0].save(
            temporary, save_all=True, append_images=frames[1:], duration=durations, loop=0
        )
    with atomic_write(png) as temporary:
        frames[-1].save(temporary)
    return [gif, png]
