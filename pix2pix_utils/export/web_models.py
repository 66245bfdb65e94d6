"""Trained generators as a page shows them."""

from collections import Counter
from collections.abc import Sequence

from pix2pix_utils.export.description import Description, describe
from pix2pix_utils.export.onnx_format import onnx_model
from pix2pix_utils.export.web import PageModel
from pix2pix_utils.training.trained_generator import TrainedGenerator


def page_models(generators: Sequence[TrainedGenerator]) -> list[PageModel]:
    """The generators with weights in 16 bits, and what their runs say about them.

    Of the same experiment, the titles also have the seed. Raises UserError as `onnx_model` does.
    """
    descriptions = [describe(trained) for trained in generators]
    counts = Counter(description.title for description in descriptions)
    return [
        PageModel(
            description.title
            if counts[description.title] == 1
            else f"{description.title}, seed {trained.config.seed}",
            onnx_model(trained, half=True).content,
            trained.palette,
            trained.config.image_size,
            description.trained_on,
            _sentences(description),
        )
        for trained, description in zip(generators, descriptions, strict=True)
    ]


def _sentences(description: Description) -> str:
    """The score on test, and under what licence the photos are that it was trained on."""
    found = []
    if description.ssim and (score := description.ssim.get("test")):
        found.append(
            f"On {score['images']} test pairs its photos have an SSIM of {score['mean']:.3f} "
            "(1 would be the real photo)."
        )
    return " ".join([*found, *filter(None, [description.licence])])
