"""Checks can do with a hand-in's networks what they do with those of a notebook."""

import time

import pytest
import torch

from pix2pix_utils.classroom.answers import AnswerReader
from pix2pix_utils.classroom.sandbox import Limits, Sandbox, make_room
from pix2pix_utils.course.exercises import RIGHT, judge
from pix2pix_utils.models import EnhancedUNet

CELL = """
import torch
from torch import nn

from pix2pix_utils import models

answer_2 = models.EnhancedUNet(128, 8, extra_conv=False, norm_everywhere=False)
answer_3 = models.EnhancedUNet(32, 8).train()
answer_3.output.layers.insert(len(answer_3.output.layers) - 1, nn.BatchNorm2d(3))
"""


@pytest.fixture(scope="module")
def answer(tmp_path_factory):
    """A function that reads an answer of the cell from a sandbox."""
    room = tmp_path_factory.mktemp("room")
    make_room(room)
    with Sandbox(room, Limits(cell_seconds=120), time.monotonic() + 600) as sandbox:
        assert sandbox.cell(CELL) == ""
        reader = AnswerReader(sandbox)
        yield lambda name: reader.read(sandbox.answer(name)["value"])


@pytest.mark.parametrize(("number", "context"), [(2, {}), (3, {"size": 32, "width": 8})])
def test_a_network_that_is_right_is_called_right(answer, number, context):
    assert judge(f"05.{number}", answer(f"answer_{number}"), **context) == (RIGHT, "")


def test_a_network_is_what_it_is_inside(answer):
    network = answer("answer_3")
    assert isinstance(network, EnhancedUNet) and network.training
    own = [*EnhancedUNet(32, 8).parameters(), torch.ones(3), torch.zeros(3)]
    assert [p.numel() for p in network.parameters()] == [p.numel() for p in own]
    assert not network.eval().training and not answer("answer_3").training
