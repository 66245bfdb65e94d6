"""Diagrams of networks."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.patches import Patch, Rectangle

from pix2pix_utils.figures.described import Figure
from pix2pix_utils.figures.style import BELOW, COLORS


def unet_diagram(networks: Mapping[str, Sequence[Mapping]]) -> Figure:
    """U-Nets, one above the other, with a bar for each block.

    `networks` maps a title to the blocks in the order in which they run, encoder first, with as
    many decoder as encoder blocks. A block has `size` (the bar's height is its log2) and `channels`
    (the bar's width) of its output, `convolutions` (the bar's compartments) and `dropout`, true or
    false. Arrows are the skip connections.
    """
    figure = Figure(figsize=(10, 2.9 * len(networks) + 0.3), layout="constrained")
    axes = figure.subplots(len(networks), 1, squeeze=False)[:, 0]
    deepest = max(len(blocks) // 2 for blocks in networks.values())
    widest = max(block["channels"] for blocks in networks.values() for block in blocks)
    for axis, (title, blocks) in zip(axes, networks.items(), strict=True):
        levels = len(blocks) // 2
        edges = []  # left, right and top of each bar
        for number, block in enumerate(blocks):
            middle, height = number - levels + 0.5, np.log2(block["size"]) + 0.6
            width = max(0.8 * block["channels"] / widest, 0.05)
            edges.append((middle - width / 2, middle + width / 2, height))
            for part in range(block["convolutions"]):
                axis.add_patch(
                    Rectangle(
                        (middle - width / 2 + part * width / block["convolutions"], 0),
                        width / block["convolutions"],
                        height,
                        facecolor=COLORS[5] if number < levels else COLORS[4],
                        hatch="//" if block["dropout"] else "",
                        edgecolor="black",
                        linewidth=0.7,
                    )
                )
            text = f"{block['size']}x{block['size']}\n{block['channels']}"
            axis.text(middle, -0.25, text, ha="center", va="top", fontsize=8)
        for number in range(levels - 1):
            partner = 2 * levels - 2 - number
            axis.annotate(
                "",
                xy=(edges[partner][0], edges[partner][2] - 0.2),
                xytext=(edges[number][1], edges[number][2] - 0.2),
                arrowprops={"arrowstyle": "->", "color": "#555555", "shrinkA": 0, "shrinkB": 0},
            )
        axis.set(xlim=(-deepest, deepest), ylim=(-2.1, max(top for _, _, top in edges) + 0.2))
        axis.set_title(title, fontsize=10)
        axis.set_axis_off()
    figure.legend(
        handles=[
            Patch(facecolor=COLORS[5], edgecolor="black", label="encoder block"),
            Patch(facecolor=COLORS[4], edgecolor="black", label="decoder block"),
            Patch(facecolor="white", edgecolor="black", hatch="//", label="ends in dropout"),
        ],
        ncols=3,
        **BELOW,
    )
    figure.details = " ".join(_in_words(*named) for named in networks.items())
    return figure


def _in_words(title: str, blocks: Sequence[Mapping]) -> str:
    """The blocks of a network in the order in which they run."""
    texts = [
        f"{block['size']}x{block['size']}x{block['channels']}{' and dropout' * block['dropout']}"
        for block in blocks
    ]
    half = len(blocks) // 2
    counts = " or ".join(map(str, sorted({block["convolutions"] for block in blocks})))
    several = "s" * (counts != "1")
    return (
        f"{title}, {counts} convolution{several} in each block, whose outputs are: "
        f"encoder {', '.join(texts[:half])}; decoder {', '.join(texts[half:])}."
    )
