"""What is known about a trained generator, as an exported file tells it."""

import json
from dataclasses import dataclass

from pix2pix_utils.data.camvid import CAMVID_LICENCE
from pix2pix_utils.errors import UserError
from pix2pix_utils.training.experiments import find_experiment
from pix2pix_utils.training.trained_generator import TrainedGenerator

_LICENCES = {"camvid": CAMVID_LICENCE}  # of the photos, by the name of the data set


@dataclass(frozen=True)
class Description:
    """What is known about a trained generator beyond its classes.

    A checkpoint on its own knows its configuration, but not its data set and its scores.
    """

    title: str  # of the experiment
    dataset: str | None = None  # the data set's name
    train_pairs: int | None = None
    ssim: dict | None = None  # by split: mean, low, high (95 % interval), images
    licence: str | None = None  # of the photos that it was trained on

    @property
    def trained_on(self) -> str:
        """The end of a sentence, such as '600 drawn street scenes'."""
        if self.dataset is None:
            return "an unknown data set"
        if self.dataset == "synthetic":
            return f"{self.train_pairs} drawn street scenes"
        return f"{self.train_pairs} pairs of a label map and a photo from {self.dataset}"


def describe(trained: TrainedGenerator) -> Description:
    """What a generator's run or release says about it.

    Raises UserError if the run's records are damaged.
    """
    title, run, release = _title(trained.config.experiment), trained.run, trained.release
    if release:
        scores = release["models"][trained.config.experiment]["scores"]
        train_pairs = release["pairs"]["train"]
        return Description(title, release["dataset"], train_pairs, {"test": scores["ssim"]})
    if run is None:
        return Description(title)
    try:
        data = run.data()
        name, train_pairs = str(data["name"]), len(data["splits"]["train"])
        ssim = run.result()["ssim"]["eval"] if run.is_finished else None
    except (KeyError, TypeError) as error:
        raise UserError(
            f"the records of {run.folder} are damaged ({error}); "
            f"export its checkpoint on its own: {run.best_checkpoint}"
        ) from None
    return Description(title, name, train_pairs, ssim, _LICENCES.get(name))


def _title(experiment: str) -> str:
    """Of a row of the study; any other experiment has only its name."""
    try:
        row, augmentation = find_experiment(experiment)
    except UserError:
        return experiment
    return row.title if augmentation == "none" else f"{row.title}, {augmentation}"


def metadata(trained: TrainedGenerator, description: Description) -> dict[str, str]:
    """Names and values for an exported file; all but plain words are JSON.

    `classes` are the classes' names and `colors` theirs in 0 to 255, in the palette's order; the
    first `evaluated` classes were scored. `ssim` has a mean, its 95 % interval and the number of
    images for each split. `licence` is that of the photos.
    """
    config, palette = trained.config, trained.palette
    values = {
        "title": description.title,
        "experiment": config.experiment,
        "generator": config.generator,
        "label_input": config.label_input,
        "image_size": config.image_size,
        "width": config.width,
        "seed": config.seed,
        "palette": palette.name,
        "classes": list(palette.classes),
        "colors": palette.colors.tolist(),
        "evaluated": palette.evaluated,
        "dataset": description.dataset,
        "train_pairs": description.train_pairs,
        "ssim": description.ssim,
        "licence": description.licence,
    }
    return {
        key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for key, value in values.items()
        if value is not None
    }
