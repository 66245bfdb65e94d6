"""The version of the code that decides a run's numbers: a hash of the source, module by module."""

import ast
import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules

from pix2pix_utils import models
from pix2pix_utils.errors import UserError, check_choice
from pix2pix_utils.training.config import Config

EVERY_RUN = tuple(
    f"pix2pix_utils.{name}"
    for name in (
        *("acceleration.batch_norm", "acceleration.batches", "acceleration.convolution"),
        *("acceleration.distributed", "acceleration.graphs", "acceleration.precision"),
        *("acceleration.winograd", "data.augmentation", "data.images", "data.pairs"),
        *("data.palette", "data.reading.pair", "evaluation.metrics", "evaluation.predictors"),
        *("losses.adversarial", "losses.feature_matching", "losses.objective"),
        *("losses.structural", "training.discriminator_augmentation", "training.step"),
        *("training.trainer", "training.validation"),
    )
)
PRETRAINED_RUNS = ("pix2pix_utils.training.pretraining", "pix2pix_utils.training.weights")
STREETS_RUNS = ("pix2pix_utils.data.class_matching",)
PERCEPTUAL_RUNS = ("pix2pix_utils.losses.perceptual", "pix2pix_utils.training.weights")
LABEL_INPUT_RUNS = ("pix2pix_utils.models.label_input",)


def code_version(config: Config) -> dict[str, str]:
    """A hash of each module that the numbers of a configuration depend on, by the module's name.

    These are the modules of `EVERY_RUN`, those of settings that are not in every run, such as
    `PRETRAINED_RUNS` if the run starts from trained weights, and the files of its two networks with
    what they import from `models`. `networks` is a hash of the two networks' entries in
    `GENERATORS` and `DISCRIMINATORS`. Comments, docstrings and formatting do not count. Raises
    UserError for an unknown network or label input, for a network that is not defined in a file,
    and if a file was edited after this process had imported it.
    """
    check_choice("generator", config.generator, models.GENERATORS)
    check_choice("discriminator", config.discriminator, models.DISCRIMINATORS)
    models.parse_label_input(config.label_input)
    entries = [models.GENERATORS[config.generator], models.DISCRIMINATORS[config.discriminator]]
    names = {
        *EVERY_RUN,
        *(PRETRAINED_RUNS if config.weights != "none" else ()),
        *(STREETS_RUNS if config.weights == "streets" else ()),
        *(PERCEPTUAL_RUNS if config.perceptual_weight else ()),
        *(LABEL_INPUT_RUNS if config.label_input != "rgb" else ()),
    }
    for entry in entries:
        names |= _with_imported_models(getattr(entry, "func", entry).__module__)
    for name in names:
        _require_imported(name)
    return {
        "networks": _digest(repr(entries)),
        **{name: _hash(_imported(name)) for name in sorted(names)},
    }


def changed_parts(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """The names of the modules that differ between two versions, without the package's name."""
    names = sorted(name for name in before | now if before.get(name) != now.get(name))
    return [name.removeprefix("pix2pix_utils.") for name in names]


def read_source(name: str) -> str:
    """The source of a module as it is on the disk now; raises UserError if it has no file."""
    try:
        spec = find_spec(name)
    except ValueError:  # `__main__` of a notebook
        spec = None
    if spec is None or spec.origin is None:
        raise UserError(
            f"a network is defined in '{name}', which is not a file, so later edits of it would "
            "go unnoticed: define it in a module, for example in pix2pix_utils/models"
        )
    return Path(spec.origin).read_text(encoding="utf-8")


_sources = {  # as this process imported them
    name: read_source(name)
    for name in (
        *EVERY_RUN,
        *PRETRAINED_RUNS,
        *STREETS_RUNS,
        *PERCEPTUAL_RUNS,
        *(f"pix2pix_utils.models.{module.name}" for module in iter_modules(models.__path__)),
    )
}


def _imported(name: str) -> str:
    """The source of a module as this process imported it."""
    if name not in _sources:
        _sources[name] = read_source(name)
    return _sources[name]


def _require_imported(name: str) -> None:
    """Raise UserError if a module's file has changed since this process imported it.

    The process would train with the old code, in the belief that it is the new one.
    """
    if _hash(_imported(name)) != _hash(read_source(name)):
        raise UserError(
            f"{name} was edited after it was imported, so the edit has no effect yet: restart the "
            "notebook's kernel (or Python) and run again"
        )


def _with_imported_models(module: str) -> set[str]:
    """The module, and those of `models` that it imports, directly or through another."""
    found, waiting = set(), [module]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            nodes = ast.walk(ast.parse(_imported(name)))
            imports = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
            waiting += [name for name in imports if name.startswith("pix2pix_utils.models.")]
    return found


@cache
def _hash(source: str) -> str:
    """A hash of a module's statements, without comments, docstrings and formatting."""
    try:
        tree = ast.parse(source)
    except SyntaxError:  # in the middle of an edit
        return _digest(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return _digest(ast.unparse(tree))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
