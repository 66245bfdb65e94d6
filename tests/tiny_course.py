"""A course of one tiny notebook: it has the exercises of notebook 2, and trains nothing."""

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

SETUP = """%matplotlib inline
import math
import os

import torch
from torch import nn
from torch.nn import functional as F

from pix2pix_utils import course
"""
PROGRAM = "import subprocess\n\nsubprocess.run(['uname'])  # which hand-ins may not"
PARAMETERS = 'PROFILE = os.environ.get("PIX2PIX_PROFILE", "demo")'

LOSS = "def answer_1(p):\n    return -(math.log(p) + math.log(1 - p)) / 2\n"
FIELD = """def answer_2(strides):
    field, first, jump = 1, 0, 1
    for stride in strides:
        first -= jump
        field += 3 * jump
        jump *= stride
    return field, max(first, 0), min(first + field, 256) - 1
"""
DETACH = """def answer_3(networks, label):
    sums = []
    for keep_apart in (True, False):
        networks.generator.zero_grad()
        fake = networks.generator(label)
        scores = networks.discriminator(label, fake.detach() if keep_apart else fake)
        F.binary_cross_entropy_with_logits(scores, torch.zeros_like(scores)).backward()
        grads = [p.grad for p in networks.generator.parameters() if p.grad is not None]
        sums.append(sum(grad.abs().sum().item() for grad in grads))
    return tuple(sums)
"""
STEPS = """def answer_4(network, optimizer, loss, factor):
    weights = lambda: nn.utils.parameters_to_vector(network.parameters()).detach().clone()
    before = weights()
    for step in range(20):
        optimizer.zero_grad()
        (factor * loss()).backward()
        optimizer.step()
    return (weights() - before).norm().item()
"""


def exercise(name: str, solution: str, time: str = "5 minutes") -> list:
    """The cells of an exercise, as a notebook of the course has them."""
    number = name[-1]
    return [
        new_markdown_cell(f"**{number} ({time}).** A question."),
        new_code_cell(f"answer_{number} = ...  # a function", metadata={"tags": ["exercise"]}),
        new_code_cell(f'course.check("{name}", answer_{number})', metadata={"tags": ["check"]}),
        new_markdown_cell(
            "<details><summary>Solution</summary>\n\n"
            f"```python\n{solution}```\nWhy it is right.\n</details>\n"
        ),
    ]


def write_notebook(folder, name: str, *exercises: list) -> None:
    """A notebook with these exercises, with an output as if it had been executed."""
    outputs = [nbformat.v4.new_output("stream", text="printed")]
    cells = [
        new_markdown_cell(f"# {name}\n\nThe solutions are folded."),
        new_code_cell(SETUP, execution_count=1, outputs=outputs),
        new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
        new_code_cell(PROGRAM),
        *(cell for one in exercises for cell in one),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=cells), folder / f"{name}.ipynb")


def write_course(folder) -> None:
    write_notebook(
        folder,
        "02_networks",
        exercise("02.1", LOSS),
        exercise("02.2", FIELD, time="20 minutes"),
        exercise("02.3", DETACH, time="an hour"),
        exercise("02.4", STEPS, time="an evening; it trains"),
    )
