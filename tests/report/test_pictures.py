"""The scenes that the report shows."""

import numpy as np
import pytest

from pix2pix_utils.report import ranked_figure, ranked_scenes, select_runs, translation_strip
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.runs import load_data_for


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


def test_generated_photos_name_the_epoch_of_their_weights(finished, cache_folder, monkeypatch):
    monkeypatch.setenv("PIX2PIX_CACHE", str(cache_folder))
    run = next(iter(select_runs(finished, smoke_data(), configure("baseline", "smoke")).runs))
    said = f"epoch {run.result()['best_epoch']} of {run.config.epochs}"
    titles = [axis.get_title() for axis in translation_strip([run], smoke_data()).axes]
    assert said in " ".join(titles).replace("\n", " ")
    rows = [axis.get_ylabel() for axis in ranked_figure(run, smoke_data()).axes]
    assert said in " ".join(rows).replace("\n", " ")


def smoke_data():
    return load_data_for(configure("baseline", "smoke"), "synthetic")
