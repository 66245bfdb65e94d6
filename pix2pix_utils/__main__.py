"""The command line: `python -m pix2pix_utils COMMAND`.

Exit status 0, or 2 with one sentence for a user's mistake, 1 if an experiment of a study failed,
and 128 + signal number after an interruption. Heavy imports stand inside the commands, so that
`--help` answers at once.
"""

import argparse
import os
import sys
from pathlib import Path

from pix2pix_utils.errors import UserError
from pix2pix_utils.paths import data_root, output_root
from pix2pix_utils.training.experiments import (
    AUGMENTED,
    EXPERIMENTS,
    PROFILES,
    TABLE_1,
    configure,
    default_profile,
)
from pix2pix_utils.training.interrupts import Interrupted, InterruptGuard


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

    report = commands.add_parser("report", help="tables, figures and a page about finished runs")
    report.add_argument("--dataset", help=f"{DATASET_HELP} (default: that of the newest run)")
    _add_data_root(report)
    report.add_argument(
        "--profile",
        help=f"one of: {', '.join(PROFILES)} (default: that of the newest run, or demo)",
    )
    report.add_argument(
        "--set",
        dest="settings",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="of the runs to report on, as they were trained; may be repeated",
    )
    report.add_argument(
        "--output", type=Path, help="folder of runs/ and report/ (default: the project's folder)"
    )
    report.add_argument(
        "--ship",
        metavar="FILE.json",
        type=Path,
        help="also write the measurements as data/results holds them",
    )
    _add_device(report)
    report.set_defaults(run=run_report)

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

    badges = commands.add_parser("badges", help="write Open-in-Colab badges into the notebooks")
    badges.add_argument("--remote", default="origin", help="git remote on GitHub (default: origin)")
    badges.add_argument("--branch", help="branch to open (default: the one that is checked out)")
    badges.add_argument("--remove", action="store_true", help="take the badges out again")
    badges.set_defaults(run=run_badges)

    benchmark = commands.add_parser("benchmark", help="measure how fast training is here")
    benchmark.add_argument("--image-size", type=int, default=256)
    benchmark.add_argument("--width", type=int, default=64)
    benchmark.add_argument("--repeats", type=int, default=10, help="steps of each variant")
    benchmark.add_argument("--json", type=Path, help="file for the measurements")
    _add_device(benchmark)
    benchmark.set_defaults(run=run_benchmark)
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
    from pix2pix_utils.data.camvid import CAMVID_LICENCE, download_camvid
    from pix2pix_utils.data.checking import check_source
    from pix2pix_utils.data.discovery import open_source

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
    from pix2pix_utils.acceleration.distributed import is_main, process_group, rank_zero_first
    from pix2pix_utils.devices import choose_device
    from pix2pix_utils.training.pretraining import train_experiment
    from pix2pix_utils.training.runs import load_data_for

    with process_group(choose_device(arguments.device)) as device:
        with rank_zero_first():  # the others then find the cache
            data = load_data_for(config, arguments.dataset, arguments.data_root)
        run = train_experiment(config, data, arguments.output or output_root(), device)
        if is_main():
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
    from pix2pix_utils.study import run_study
    from pix2pix_utils.training.runs import load_data_for

    device = choose_device(arguments.device)
    data = load_data_for(configs[0], arguments.dataset, arguments.data_root)
    outcome = run_study(configs, data, arguments.output or output_root(), device)
    _print_report(outcome.report)
    for experiment, reason in outcome.failures.items():
        print(f"{experiment} failed: {reason}", file=sys.stderr)
    return 1 if outcome.failures else 0


def run_report(arguments: argparse.Namespace) -> int:
    from pix2pix_utils.devices import choose_device
    from pix2pix_utils.report import choose_data, write_report

    device = choose_device(arguments.device)
    output = arguments.output or output_root()
    data, config = choose_data(
        output, arguments.dataset, arguments.data_root, arguments.profile, arguments.settings
    )
    _print_report(write_report(output, data, config, device, arguments.publish))
    return 0


def _print_report(written: list[Path]) -> None:
    for path in written:
        if path.name == "table1.md":
            print(path.read_text(encoding="utf-8"))
    if written:
        print(f"wrote {written[0]} and {len(written) - 1} files beside it")


def run_evaluate(arguments: argparse.Namespace) -> int:
    from pix2pix_utils.data.source import SPLITS
    from pix2pix_utils.devices import choose_device
    from pix2pix_utils.evaluation.predictors import generator_predictor, ssim_scores
    from pix2pix_utils.evaluation.statistics import summarize
    from pix2pix_utils.training.runs import Run, load_data_of
    from pix2pix_utils.training.trained_generator import load_generator

    run = Run.open(arguments.run_dir)
    device = choose_device(arguments.device)
    generator, _, _ = load_generator(run.folder, device)
    data = load_data_of(run, arguments.dataset, arguments.data_root)
    splits = SPLITS if arguments.split == "all" else (arguments.split,)
    predict = generator_predictor(generator, arguments.inference)
    rows: list[dict] = []
    for split in splits:
        if arguments.measures:
            images = _print_measures(run, data, device, split, arguments.inference)
        else:
            images = {"ssim": ssim_scores(predict, data[split])}
            _print_scores({split: summarize(images["ssim"])})
        if arguments.kid:
            from pix2pix_utils.evaluation.perceptual import inception_distances

            found = inception_distances(predict, data[split], device)
            deviation = f"+/- {found['kid_deviation']:.4f} over random halves"
            print(f"{split:5}  KID {found['kid']:.4f} {deviation}  FID {found['fid']:.1f}")
        for index, name in enumerate(data[split].names):
            scores = {measure: f"{values[index]:.6f}" for measure, values in images.items()}
            rows.append({"split": split, "name": name, **scores})
    if arguments.csv:
        from pix2pix_utils.files import write_text
        from pix2pix_utils.report import as_csv

        write_text(arguments.csv, as_csv(rows))
        print(f"wrote {arguments.csv}")
    return 0


def _print_measures(run, data, device, split: str, inference: str) -> dict:
    """Print all measures of a split, one a line; returns those that exist for every image."""
    from pix2pix_utils.evaluation.segmentation import segmenter
    from pix2pix_utils.evaluation.segmentation_scores import segmentation_summary
    from pix2pix_utils.evaluation.statistics import summarize
    from pix2pix_utils.report.run_measures import measure_run

    output = run.folder.resolve().parent.parent  # that `runs/` lies in
    measured = measure_run(run, data, output, device, split, inference)
    units = {"psnr": ("PSNR", 2, " dB"), "l1": ("L1", 4, ""), "lpips": ("LPIPS", 4, "")}
    for name, values in measured.images.items():
        score = summarize(values)
        if name == "ssim":
            _print_scores({split: score})
            continue
        title, digits, unit = units.get(name, (name, 4, ""))
        interval = f"[{score['low']:.{digits}f}, {score['high']:.{digits}f}]"
        print(f"{split:5}  {title} {score['mean']:.{digits}f}{unit}  {interval}")
    if measured.confusion is not None:
        ceiling = segmenter(data, output, device).result[split]
        for name, score in segmentation_summary(measured.confusion, data.palette).items():
            interval = f"[{score['low']:.4f}, {score['high']:.4f}]"
            print(
                f"{split:5}  {name} {score['mean']:.4f}  {interval}  "
                f"real photos {ceiling[name]:.4f}"
            )
    for name, reason in measured.missing.items():
        print(f"{split:5}  no {name}: {reason}")
    return measured.images


def run_translate(arguments: argparse.Namespace) -> int:
    from pix2pix_utils.devices import choose_device
    from pix2pix_utils.translation import translate

    device = choose_device(arguments.device)
    written = translate(arguments.checkpoint, arguments.inputs, arguments.output, device)
    print(f"wrote {len(written)} photo(s) to {arguments.output}")
    return 0


def run_badges(arguments: argparse.Namespace) -> int:
    from pix2pix_utils.course import badges
    from pix2pix_utils.paths import project_root

    project = project_root()
    if project is None:
        raise UserError("there are no notebooks here: call this in the project's folder")
    if arguments.remove:
        changed = badges.remove_badges(project / "notebooks")
    else:
        repository = badges.github_repository(badges.current_remote(project, arguments.remote))
        branch = arguments.branch or badges.current_branch(project)
        changed = badges.write_badges(project / "notebooks", repository, branch)
    print(f"changed {len(changed)} notebook(s)")
    return 0


def run_benchmark(arguments: argparse.Namespace) -> int:
    from pix2pix_utils.benchmark import run_benchmark
    from pix2pix_utils.benchmark.table import as_text
    from pix2pix_utils.devices import choose_device
    from pix2pix_utils.files import write_json

    if arguments.repeats < 1:
        raise UserError(f"--repeats is {arguments.repeats}, but it must be at least 1")
    device = choose_device(arguments.device)
    result = run_benchmark(arguments.image_size, arguments.width, arguments.repeats, device)
    print(as_text(result))
    if arguments.json:
        write_json(arguments.json, result)
        print(f"wrote {arguments.json}")
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
        with InterruptGuard():
            return arguments.run(arguments)
    except UserError as error:
        if os.environ.get("RANK", "0") == "0":  # of several processes, one says it
            print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:  # a full disk, a folder that may not be written
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
