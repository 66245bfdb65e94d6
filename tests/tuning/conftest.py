"""Studies of the smoke profile, with a training that takes no time."""

from types import SimpleNamespace

import pytest

from pix2pix_utils.tuning import searching
from pix2pix_utils.tuning.plan import Plan
from pix2pix_utils.tuning.space import parse_space
from pix2pix_utils.tuning.study import Study


def score_of(config) -> float:
    """The made-up SSIM of a configuration: best for alpha 10, and a little luck of the seed."""
    return 0.5 - abs(config.alpha - 10) / 1000 + config.seed / 10_000


def curve_of(config) -> list[float]:
    """Rises to the score in the last epoch."""
    return [score_of(config) - 0.05 * left for left in range(config.epochs - 1, -1, -1)]


@pytest.fixture
def make_study(smoke_config, street_data, tmp_path):
    """A function that opens a study, as another process would; options are those of a plan."""

    def make(*searches, storage=None, settings=(), output=tmp_path, **options):
        config = smoke_config.with_settings(settings)
        space = parse_space(searches or ["alpha=1..100:log"], config)
        plan = Plan(config, space, **{"sampler": "random", "trials": 4, **options})
        return Study(plan, street_data, output, storage)

    return make


@pytest.fixture
def pretended_training(monkeypatch):
    """Trials score as `curve_of` says, at once; the list of the configurations that were trained.

    To make a training fail, replace `list.before` by a function of the configuration.
    """

    class Trained(list):
        before = staticmethod(lambda config: None)

    trained = Trained()

    def train_once(config, study, device, progress, follow):
        trained.before(config)
        run = SimpleNamespace(config=config, folder=SimpleNamespace(name=f"run-{len(trained)}"))
        history = [{"val_ssim": ssim, "seconds": 1.0} for ssim in curve_of(config)]
        for epoch in range(1, config.epochs + 1):
            follow(run, history[:epoch])
        trained.append(config)
        run.result = lambda: {"ssim": {"eval": {"val": {"mean": curve_of(config)[-1]}}}}
        return run

    monkeypatch.setattr(searching, "train_once", train_once)
    return trained
