"""The command line: `python -m pix2pix_utils COMMAND`.

Exit status: 0 for success, 1 if an experiment of a study failed, 2 for a user's mistake (with one
sentence on stderr), and 128 + signal number after an interruption. The commands are in modules of
their own, since importing torch takes seconds and `--help` should answer at once.
"""

import argparse
import os
import sys
from pathlib import Path

from pix2pix_utils import DEVICES
from pix2pix_utils.classroom.limits import CELL_SECONDS, NOTEBOOK_MINUTES
from pix2pix_utils.data.reading.options import LABEL_KINDS, PHOTO_ORIENTATIONS
from pix2pix_utils.errors import UserError
from pix2pix_utils.training.experiments import EXPERIMENTS, PROFILES
from pix2pix_utils.training.interrupts import Interrupted, InterruptGuard
from pix2pix_utils.tuning.plan import DEFAULT_TRIALS, SAMPLERS

DATASET_HELP = (
    "synthetic (needs no download), camvid, cityscapes, or the path of a folder of pairs; "
    "see data/README.md"
)
REUSE_HELP = (
    "also return or resume runs that were trained before the code of a network, a loss or another "
    "part that decides the numbers changed; without it they are trained again"
)
PROFILE_HELP = f"one of: {', '.join(PROFILES)}"
SHARED_OPTIONS: dict[str, dict] = {
    "--dataset": {"default": "synthetic", "help": DATASET_HELP},
    "--data-root": {"type": Path, "help": "folder of the named data sets (default: data/)"},
    "--label-side": {
        "metavar": "NAME",
        "help": "the folder, suffix or half (left, right) with the label maps",
    },
    "--label-kind": {
        "choices": LABEL_KINDS,
        "help": "how label maps name classes, if it was read wrong; see data/README.md",
    },
    "--photo-orientation": {
        "choices": PHOTO_ORIENTATIONS,
        "help": "turn photos as EXIF says, or read them as they are stored",
    },
    "--profile": {"help": f"{PROFILE_HELP} (default: $PIX2PIX_PROFILE or demo)"},
    "--seed": {"type": int, "default": 0},
    "--output": {
        "type": Path,
        "help": "folder of runs/ and report/ (default: the project's folder)",
    },
    "--set": {
        "dest": "settings",
        "metavar": "KEY=VALUE",
        "action": "append",
        "default": [],
        "help": "change a hyper-parameter, e.g. --set epochs=20; may be repeated",
    },
    "--device": {
        "choices": DEVICES,
        "default": "auto",
        "help": "auto is $PIX2PIX_DEVICE, or else cuda, or else cpu; mps is an Apple GPU",
    },
}


READING_OPTIONS = ("--label-side", "--label-kind", "--photo-orientation")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pix2pix_utils",
        description="pix2pix on street scenes: from label maps to photos.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    data = commands.add_parser("data", help="check a data set and describe it")
    data.add_argument("dataset", nargs="?", **SHARED_OPTIONS["--dataset"])
    data.add_argument(
        "--download", action="store_true", help="fetch the data set first (camvid only)"
    )
    data.add_argument(
        "--sheet",
        metavar="FILE.png",
        type=Path,
        help="draw a dozen pairs, to see how they are read",
    )
    data.add_argument(
        "--card",
        metavar="FILE.md",
        type=Path,
        help="write a data card: origin, licence, splits, classes, how it is read, faults",
    )
    data.add_argument("--problems", metavar="FILE", type=Path, help="write all problems to a file")
    _add_shared(data, "--data-root", *READING_OPTIONS)

    train = commands.add_parser("train", help="train one experiment, or resume it")
    train.add_argument(
        "experiment",
        metavar="EXPERIMENT",
        help=f"one of: {', '.join(EXPERIMENTS)}; append +flip, +jitter or +flip+jitter to augment "
        "the training pairs",
    )
    _add_shared(train, *SHARED_OPTIONS)
    train.add_argument("--reuse", action="store_true", help=REUSE_HELP)

    study = commands.add_parser("study", help="train every experiment and write the report")
    study.add_argument(
        "--experiments",
        default="table1",
        help="names separated by commas; 'table1' (the default), 'beyond' or 'all'",
    )
    _add_shared(study, *SHARED_OPTIONS)
    study.add_argument(
        "--seeds", type=int, default=1, metavar="N", help="train with N seeds, from --seed on"
    )
    study.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="train N rows at a time, each in a process of its own with its share of the cores "
        "(default: one for each core on a CPU, else 1)",
    )
    study.add_argument("--reuse", action="store_true", help=REUSE_HELP)

    tune = commands.add_parser(
        "tune", help="search for hyper-parameters; several processes can share a study"
    )
    tune.add_argument(
        "experiment", metavar="EXPERIMENT", help="as for train; its settings are the default"
    )
    tune.add_argument(
        "--search",
        metavar="KEY=LOW..HIGH[:log]|KEY=A,B,C",
        action="append",
        default=[],
        help="a hyper-parameter to vary, e.g. --search learning_rate=1e-4..1e-2:log or "
        "--search adversarial_loss=bce,mse; may be repeated",
    )
    tune.add_argument("--sampler", choices=SAMPLERS, default="tpe", help="(default: tpe)")
    tune.add_argument(
        "--trials",
        type=int,
        default=DEFAULT_TRIALS,
        help=f"of all processes and sessions together (default: {DEFAULT_TRIALS})",
    )
    tune.add_argument(
        "--prune",
        action="store_true",
        help="stop a trial that is below the median of the others after as many epochs",
    )
    tune.add_argument(
        "--storage",
        metavar="FILE_OR_URL",
        help="where the study is kept: an SQLite file, which processes of one machine can share, "
        "or the SQLAlchemy URL of a database server, for several machines "
        "(default: OUTPUT/tuning/studies.sqlite3)",
    )
    tune.add_argument(
        "--confirm",
        metavar="SEEDS",
        type=int,
        help="after the search, compare the best trial with the default on so many fresh seeds; "
        "reports test, once",
    )
    _add_shared(tune, *SHARED_OPTIONS)

    report = commands.add_parser("report", help="tables, figures and a page about finished runs")
    report.add_argument("--dataset", help=f"{DATASET_HELP} (default: that of the newest run)")
    report.add_argument(
        "--profile", help=f"{PROFILE_HELP} (default: that of the newest run, or demo)"
    )
    _add_shared(report, "--set", help="a setting that the runs were trained with; may be repeated")
    report.add_argument(
        "--publish",
        metavar="FOLDER",
        type=Path,
        help="also add the measurements to the records in a folder such as data/results; models "
        "that a record has and this report has not, or with fewer seeds, stay as they are",
    )
    _add_shared(report, "--data-root", "--output", "--device")

    evaluate = commands.add_parser("evaluate", help="score a run's best checkpoint")
    evaluate.add_argument("run_dir", metavar="RUN_DIR", type=Path)
    evaluate.add_argument("--split", choices=("train", "val", "test", "all"), default="all")
    evaluate.add_argument(
        "--inference",
        choices=("eval", "train"),
        default="eval",
        help="batch norm's running statistics without dropout, or the paper's way: "
        "each image's own statistics with dropout (default: eval)",
    )
    evaluate.add_argument(
        "--measures",
        action="store_true",
        help="also PSNR, L1, sharpness, LPIPS and the segmentation score; trains a small "
        "segmentation network the first time",
    )
    evaluate.add_argument(
        "--kid",
        action="store_true",
        help="also KID and FID, which need torch-fidelity and its network's weights",
    )
    evaluate.add_argument("--csv", type=Path, help="file for the scores of every image")
    evaluate.add_argument("--dataset", help="where the run's data set is now, if it has moved")
    _add_shared(evaluate, "--data-root", "--device")

    translate = commands.add_parser("translate", help="turn label maps into photos")
    translate.add_argument(
        "checkpoint",
        metavar="RUN_DIR_OR_CHECKPOINT",
        type=Path,
        help="or released, or released/NAME: a model of data/released",
    )
    translate.add_argument(
        "inputs", metavar="INPUT", nargs="+", type=Path, help="label-map files or folders of them"
    )
    translate.add_argument("--output", type=Path, required=True, help="folder for the photos")
    translate.add_argument(
        "--label-side",
        choices=("left", "right"),
        help="the half with the label map, if the inputs are pairs side by side",
    )
    _add_shared(translate, "--label-kind", "--device")

    release = commands.add_parser(
        "release", help="release finished runs on drawn streets: 16-bit weights and a model card"
    )
    release.add_argument(
        "run_dirs",
        metavar="RUN_DIR",
        nargs="+",
        type=Path,
        help="the first is the model that `released` stands for",
    )
    _add_shared(
        release, "--output", help="folder of the release, replaced (default: data/released)"
    )
    _add_shared(release, "--device")

    export = commands.add_parser("export", help="write trained generators for other programs")
    export.add_argument(
        "generators",
        metavar="RUN_DIR_OR_CHECKPOINT",
        nargs="+",
        type=Path,
        help="a page can have several, to choose from",
    )
    target = export.add_mutually_exclusive_group(required=True)
    target.add_argument(
        "--web", metavar="FILE.html", type=Path, help="a page to paint label maps in, all in a file"
    )
    target.add_argument("--onnx", metavar="FILE.onnx", type=Path, help="a file for onnxruntime")
    target.add_argument(
        "--pix2pix",
        metavar="FILE.pth",
        type=Path,
        help="weights for pytorch-CycleGAN-and-pix2pix, of a pix2pix-unet",
    )
    export.add_argument(
        "--half", action="store_true", help="ONNX weights in 16 bits, as a page's always are"
    )
    export.add_argument("--title", help="the page's heading")
    export.add_argument(
        "--runtime",
        metavar="FOLDER",
        type=Path,
        help="a folder with the npm package onnxruntime-web for the page (default: the cache, "
        "where npm puts it the first time)",
    )

    badges = commands.add_parser("badges", help="write Colab and Kaggle badges into the notebooks")
    badges.add_argument("--remote", default="origin", help="git remote on GitHub (default: origin)")
    badges.add_argument("--branch", help="branch to open (default: the one that is checked out)")
    badges.add_argument("--remove", action="store_true", help="remove the badges again")

    slides = commands.add_parser("slides", help="write slides for the sessions of the course")
    slides.add_argument("--output", type=Path, required=True, help="folder for the HTML files")
    slides.add_argument(
        "--reveal",
        type=Path,
        help="unpacked npm package reveal.js, to be copied into the files; without it, they load "
        "it from unpkg.com",
    )

    book = commands.add_parser("book", help="write the course as a web site to read without Python")
    book.add_argument("--output", type=Path, required=True, help="folder for the site")

    classroom = commands.add_parser(
        "classroom", help="make hand-outs from the notebooks, or grade hand-ins"
    )
    classroom.add_argument(
        "--grade",
        metavar="FOLDER",
        type=Path,
        help="a folder with a notebook, or a folder of notebooks, for each hand-in",
    )
    classroom.add_argument(
        "--output",
        type=Path,
        help="folder for the hand-outs or the grades (default: classroom/ in the output folder)",
    )
    classroom.add_argument(
        "--cell-seconds",
        type=float,
        default=CELL_SECONDS,
        metavar="SECONDS",
        help="time for each cell of a hand-in, and each call of an answer "
        f"(default: {CELL_SECONDS:.0f})",
    )
    classroom.add_argument(
        "--notebook-minutes",
        type=float,
        default=NOTEBOOK_MINUTES,
        metavar="MINUTES",
        help=f"time for each notebook that was handed in (default: {NOTEBOOK_MINUTES:.0f})",
    )

    benchmark = commands.add_parser(
        "benchmark", help="measure how fast training is here, or with --minutes how soon it is good"
    )
    steps = benchmark.add_argument_group("speed of the training step, the data and the evaluation")
    steps.add_argument("--image-size", type=int, help="pixels (default: 256)")
    steps.add_argument("--width", type=int, help="filters in the first layer (default: 64)")
    steps.add_argument("--repeats", type=int, help="steps of each variant (default: 10)")
    minutes = benchmark.add_argument_group("minutes to a score")
    minutes.add_argument(
        "--minutes",
        type=float,
        help="instead of the above, train the loops of the base repositories, a compiled one and "
        "three rows of this package for so many minutes each, in turns, and score them after each "
        "turn; run the same command again to resume",
    )
    for_minutes = ("--dataset", "--data-root", "--profile", "--seed", "--output", "--set")
    _add_shared(minutes, *for_minutes)
    benchmark.add_argument("--json", type=Path, help="file for the measurements")
    _add_shared(benchmark, "--device")
    return parser


def _add_shared(parser: argparse._ActionsContainer, *names: str, **changes: object) -> None:
    for name in names:
        parser.add_argument(name, **SHARED_OPTIONS[name] | changes)


def main(argv: list[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    arguments = build_parser().parse_args(argv)
    try:
        with InterruptGuard():
            from pix2pix_utils import course_commands

            name = f"{arguments.command}_command"
            command = getattr(course_commands, name, None)
            if command is None:
                from pix2pix_utils import commands  # which imports torch

                command = getattr(commands, name)
            return command(arguments)
    except UserError as error:
        if os.environ.get("RANK", "0") == "0":  # of several processes, one reports it
            print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:  # a full disk, a folder without write permission
        print(f"error: {error}", file=sys.stderr)
        return 2
    except Interrupted as stop:
        print(f"{stop}: run the same command again to resume", file=sys.stderr)
        return 128 + stop.signum
    except KeyboardInterrupt:
        print("stopped: run the same command again to resume", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
