"""The command line: `python -m pix2pix_utils COMMAND`.

Exit status 0, or 2 with one sentence for a user's mistake, 1 if an experiment of a study failed,
and 128 + signal number after an interruption. Heavy imports stand inside the commands, so that
`--help` answers at once.
"""

import argparse
import sys
from pathlib import Path

from pix2pix_utils.errors import UserError
from pix2pix_utils.experiments import (
    AUGMENTED,
    EXPERIMENTS,
    PROFILES,
    TABLE_1,
    configure,
    default_profile,
)
from pix2pix_utils.interrupts import Interrupted
from pix2pix_utils.paths import data_root, output_root


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pix2pix_utils",
        description="pix2pix on street scenes: from label maps to photos.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    data = commands.add_parser("data", help="check a data set and describe it")
    data.add_argument("dataset", nargs="?", default="synthetic", help=DATASET_HELP)
    _add_data_root(data)
    data.add_argument(
        "--download", action="store_true", help="fetch the data set first (camvid only)"
    )
    data.set_defaults(run=run_data)

    train = commands.add_parser("train", help="train one experiment, or go on with it")
    train.add_argument(
        "experiment",
        metavar="EXPERIMENT",
        help=f"one of: {', '.join(EXPERIMENTS)}; with +flip, +jitter or +flip+jitter behind it to "
        "augment the training pairs",
    )
    _add_training_options(train)
    train.set_defaults(run=run_train)

    study = commands.add_parser("study", help="train every experiment and write the report")
    study.add_argument(
        "--experiments",
        default="table1",
        help="names separated by commas; 'table1' (the default) or 'all'",
    )
    _add_training_options(study)
    study.set_defaults(run=run_study)

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
    evaluate.add_argument("--dataset", help="where the run's data set lies now, if it has moved")
    _add_data_root(evaluate)
    _add_device(evaluate)
    evaluate.set_defaults(run=run_evaluate)

    translate = commands.add_parser("translate", help="turn label maps into photos")
    translate.add_argument("checkpoint", metavar="RUN_DIR_OR_CHECKPOINT", type=Path)
    translate.add_argument(
        "inputs", metavar="INPUT", nargs="+", type=Path, help="label-map files or folders of them"
    )
    translate.add_argument("--output", type=Path, required=True, help="folder for the photos")
    _add_device(translate)
    translate.set_defaults(run=run_translate)
    return parser


DATASET_HELP = (
    "synthetic (needs no download), camvid, cityscapes, or the path of a folder of pairs; "
    "see data/README.md"
)


def _add_data_root(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data-root", type=Path, help="folder in which named data sets lie (default: data/)"
    )


def _add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")


def _add_training_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dataset", default="synthetic", help=DATASET_HELP)
    _add_data_root(parser)
    parser.add_argument(
        "--profile",
        help=f"one of: {', '.join(PROFILES)} (default: $PIX2PIX_PROFILE or demo)",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--output",
        type=Path,
        default=None,
        help="folder that gets runs/ and report/ (default: the project's folder)",
    )
    parser.add_argument(
        "--set",
        dest="settings",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="change a hyper-parameter, e.g. --set epochs=20; may be repeated",
    )
    _add_device(parser)


def run_data(arguments: argparse.Namespace) -> int:
    from pix2pix_utils.camvid import CAMVID_LICENCE, download_camvid
    from pix2pix_utils.data import check_source
    from pix2pix_utils.sources import open_source

    if arguments.download:
        if arguments.dataset.lower() != "camvid":
            raise UserError(
                f"only camvid can be downloaded, not '{arguments.dataset}'; see data/README.md"
            )
        print(CAMVID_LICENCE)
        download_camvid(arguments.data_root or data_root())
    source = open_source(arguments.dataset, arguments.data_root)
    where = "" if source.location == source.name else f", in {source.location}"
    print(f"{source.name}: {source.description}{where}")
    print(f"splits: {source.split_rule}")
    check = check_source(source)
    print("pairs: " + ", ".join(f"{split} {count}" for split, count in check.counts.items()))
    sizes = [f"{w}x{h} ({count})" for (w, h), count in sorted(check.photo_sizes.items())]
    print("photo sizes: " + ", ".join(sizes))
    print("share of the pixels:")
    shares = zip(source.palette.classes, check.class_frequencies, strict=True)
    for name, share in sorted(shares, key=lambda row: -row[1]):
        print(f"  {name:15} {100 * share:6.2f} %")
    if check.problems:
        listed = "\n  ".join(check.problems)
        raise UserError(
            f"{len(check.problems)} of the pairs cannot be used; mend or remove them:\n  {listed}"
        )
    return 0


def run_train(arguments: argparse.Namespace) -> int:
    config = configure(arguments.experiment, arguments.profile, arguments.seed, arguments.settings)
    from pix2pix_utils.devices import choose_device
    from pix2pix_utils.pretraining import train_experiment
    from pix2pix_utils.study import load_data_for

    device = choose_device(arguments.device)
    data = load_data_for(config, arguments.dataset, arguments.data_root)
    run = train_experiment(config, data, arguments.output or output_root(), device)
    result = run.result()
    _print_scores(result["ssim"]["eval"])
    print(f"best epoch {result['best_epoch']} of {config.epochs}, chosen on val")
    print(f"run: {run.folder}")
    return 0


def run_study(arguments: argparse.Namespace) -> int:
    named = {"table1": TABLE_1, "all": (*EXPERIMENTS, *AUGMENTED)}
    names = named.get(arguments.experiments) or arguments.experiments.split(",")
    profile = arguments.profile or default_profile()
    configs = [
        configure(name.strip(), profile, arguments.seed, arguments.settings) for name in names
    ]
    from pix2pix_utils.devices import choose_device
    from pix2pix_utils.study import load_data_for, run_study

    device = choose_device(arguments.device)
    data = load_data_for(configs[0], arguments.dataset, arguments.data_root)
    outcome = run_study(configs, data, arguments.output or output_root(), device)
    for path in outcome.report:
        if path.name == "table1.md":
            print(path.read_text(encoding="utf-8"))
    for path in outcome.report:
        print(f"wrote {path}")
    for experiment, reason in outcome.failures.items():
        print(f"{experiment} failed: {reason}", file=sys.stderr)
    return 1 if outcome.failures else 0


def run_evaluate(arguments: argparse.Namespace) -> int:
    from pix2pix_utils.devices import choose_device
    from pix2pix_utils.evaluation import generator_predictor, ssim_scores, summarize
    from pix2pix_utils.runs import Run
    from pix2pix_utils.sources import SPLITS
    from pix2pix_utils.study import load_data_of
    from pix2pix_utils.translation import load_generator

    run = Run.open(arguments.run_dir)
    generator, _, _ = load_generator(run.folder, choose_device(arguments.device))
    data = load_data_of(run, arguments.dataset, arguments.data_root)
    predict = generator_predictor(generator, arguments.inference)
    splits = SPLITS if arguments.split == "all" else (arguments.split,)
    _print_scores({split: summarize(ssim_scores(predict, data[split])) for split in splits})
    return 0


def run_translate(arguments: argparse.Namespace) -> int:
    from pix2pix_utils.devices import choose_device
    from pix2pix_utils.translation import translate

    device = choose_device(arguments.device)
    written = translate(arguments.checkpoint, arguments.inputs, arguments.output, device)
    print(f"wrote {len(written)} photo(s) to {arguments.output}")
    return 0


def _print_scores(scores: dict[str, dict]) -> None:
    for split, score in scores.items():
        print(
            f"{split:5}  SSIM {score['mean']:.4f}  "
            f"[{score['low']:.4f}, {score['high']:.4f}]  {score['images']} images"
        )


def main(argv: list[str] | None = None) -> int:
    arguments = build_parser().parse_args(argv)
    try:
        return arguments.run(arguments)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except Interrupted as stop:
        print(f"{stop}: the same command goes on from here", file=sys.stderr)
        return 128 + stop.signum
    except KeyboardInterrupt:
        print("stopped: the same command goes on from here", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
