"""A small street."""

import numpy as np
import pytest
from studio_helpers import BUILDING, CAR, PERSON, ROAD, SKY


@pytest.fixture
def street():
    """Sky above a building above the road, 12 x 12, with a car and a person beside it."""
    class_map = np.full((12, 12), ROAD, dtype=np.uint8)
    class_map[:7] = BUILDING
    class_map[:2] = SKY
    class_map[5:9, 3:7] = CAR
    class_map[5:9, 7] = PERSON
    return class_map
