"""The scenes that the report shows."""

import numpy as np
import pytest

from pix2pix_utils.report import ranked_scenes


@pytest.mark.parametrize("images", [1, 2, 3, 7, 100])
def test_best_median_and_worst_are_what_they_are_called(images):
    scores = np.random.default_rng(0).permutation(images) / images
    chosen = ranked_scenes(scores, 2)
    assert scores[chosen["best"][0]] == scores.max()
    assert scores[chosen["worst"][-1]] == scores.min()
    if images >= 3:
        indices = [index for group in chosen.values() for index in group]
        assert len(set(indices)) == len(indices)
        assert abs(scores[chosen["median"][0]] - np.median(scores)) <= 2 / images
