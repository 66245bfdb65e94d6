"""The model card of a release, `data/released/README.md`, written from its manifest alone."""

from collections.abc import Mapping

from pix2pix_utils.cards.templates import render
from pix2pix_utils.evaluation.statistics import mean_text
from pix2pix_utils.released_models import RELEASED
from pix2pix_utils.report.formats import as_markdown
from pix2pix_utils.training.config import Config

STREET, SCENES = "street.png", "scenes.jpg"  # the pictures on the card
TITLES = {"ssim": "SSIM", "sharpness": "sharpness (real photo: 1)", "class IoU": "class IoU"}


def model_card(manifest: Mapping) -> str:
    """The card as Markdown; `manifest` is that of `making`."""
    models = manifest["models"]
    scores = {f"**{name}**": model["scores"] for name, model in models.items()}
    for name, found in manifest["no_network"].items():
        scores[name if name == "real photo" else f"no network: {name}"] = found
    return render(
        "release.md",
        names=list(models),
        full_names=[f"{RELEASED}/{name}" for name in models],
        models=list(models.values()),
        size=manifest["image_size"],
        pairs=manifest["pairs"],
        fingerprint=manifest["fingerprint"],
        unseen=manifest["unseen"],
        street=STREET,
        scenes=SCENES,
        training=as_markdown([_training(name, model) for name, model in models.items()]),
        rounding=[_rounding(name, model["rounding"]) for name, model in models.items()],
        scores=as_markdown([_scores(name, found) for name, found in scores.items()]),
        files=as_markdown([_file(model) for model in models.values()]),
    )


def _training(name: str, model: Mapping) -> dict[str, str]:
    config, environment = Config.from_dict(model["config"]), model["environment"]
    hardware = environment["gpu"] or environment["processor"]
    return {
        "model": name,
        "generator": f"{config.generator}, {model['parameters']:,} parameters",
        "discriminator": config.discriminator,
        "weights": f"of epoch {model['epoch']} of {config.epochs}",
        "hours": f"{model['train_seconds'] / 3600:.1f}",
        "trained with": f"torch {environment['torch']} on {environment['device']} ({hardware})",
        "date": environment["date"][:10],
    }


def _rounding(name: str, rounding: Mapping) -> str:
    return (
        f"of {name} from {rounding['before']:.6f} to {rounding['after']:.6f} (by at most "
        f"{rounding['largest']:.6f} for any scene)"
    )


def _scores(name: str, scores: Mapping) -> dict[str, str]:
    return {"": name, **{title: mean_text(scores[key]) for key, title in TITLES.items()}}


def _file(model: Mapping) -> dict[str, str]:
    return {"file": model["file"], "bytes": f"{model['bytes']:,}", "SHA-256": model["sha256"]}
