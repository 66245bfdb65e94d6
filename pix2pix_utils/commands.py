"""The commands about data and models: each takes its parsed arguments and returns the exit status.

Those about the course's notebooks are in `course_commands`.
"""

import sys
from argparse import Namespace
from pathlib import Path

import numpy as np

from pix2pix_utils import benchmark, report
from pix2pix_utils.acceleration.distributed import is_main, process_group, rank_zero_first
from pix2pix_utils.acceleration.side_by_side import default_processes
from pix2pix_utils.cards.data_card import data_card
from pix2pix_utils.cards.run_card import write_run_cards
from pix2pix_utils.data.camvid import CAMVID_LICENCE, download_camvid
from pix2pix_utils.data.checking import check_source
from pix2pix_utils.data.dataset import StreetData
from pix2pix_utils.data.discovery import open_source
from pix2pix_utils.data.folders import summarize_problems
from pix2pix_utils.data.palette import Palette
from pix2pix_utils.data.reading.options import Options
from pix2pix_utils.data.source import SPLITS, Reading
from pix2pix_utils.devices import choose_and_explain
from pix2pix_utils.errors import UserError
from pix2pix_utils.evaluation import perceptual
from pix2pix_utils.evaluation.confusion import (
    VOID_RULES,
    segmentation_scores,
    segmentation_summary,
)
from pix2pix_utils.evaluation.feature_distance import distance_summary, real_floor
from pix2pix_utils.evaluation.measures import Measures
from pix2pix_utils.evaluation.predictors import generator_predictor, ssim_scores
from pix2pix_utils.evaluation.segmentation import Segmenter, segmenter
from pix2pix_utils.evaluation.statistics import images_text, interval_text, summarize
from pix2pix_utils.files import as_csv, atomic_write, read_json, write_json, write_text
from pix2pix_utils.paths import data_root, output_root
from pix2pix_utils.released_models import released_folder
from pix2pix_utils.report.run_measures import measure_run
from pix2pix_utils.training.experiments import (
    AUGMENTED,
    BEYOND,
    EXPERIMENTS,
    TABLE_1,
    configure,
    default_profile,
)
from pix2pix_utils.training.pretraining import train_experiment
from pix2pix_utils.training.runs import Run, load_data_for, load_data_of
from pix2pix_utils.training.session import with_precision
from pix2pix_utils.training.trained_generator import load_generator, read_generator
from pix2pix_utils.translation import translate

STEP_BENCHMARK = {"image_size": 256, "width": 64, "repeats": 10}  # unless the options say otherwise


def data_command(arguments: Namespace) -> int:
    if arguments.download:
        if arguments.dataset.lower() != "camvid":
            raise UserError(
                f"only camvid can be downloaded, not '{arguments.dataset}'; see data/README.md"
            )
        print(CAMVID_LICENCE)
        download_camvid(arguments.data_root or data_root())
    source = open_source(_dataset(arguments), arguments.data_root)
    where = "" if source.location == source.name else f", in {source.location}"
    print(f"{source.name}: {source.description}{where}")
    print(f"splits: {source.split_rule}")
    _print_evidence(source.reading)
    check = check_source(source)
    print("pairs: " + ", ".join(f"{split} {count}" for split, count in check.counts.items()))
    sizes = [f"{w}x{h} ({count})" for (w, h), count in sorted(check.photo_sizes.items())]
    more = f" and {len(sizes) - 10} more sizes" if len(sizes) > 10 else ""
    print("photo sizes: " + ", ".join(sizes[:10]) + more)
    _print_classes(source.palette, check.class_frequencies)
    if arguments.sheet and not check.problems:
        from pix2pix_utils.figures import contact_sheet  # imports matplotlib

        with atomic_write(arguments.sheet) as temporary:
            contact_sheet(source).savefig(
                temporary,
                format="png",
                dpi=150,
                metadata={"Description": f"Label maps, photos and overlays of {source.name}"},
            )
        print(f"wrote {arguments.sheet}: do label maps and photos fit?")
    if arguments.card:
        write_text(arguments.card, data_card(source, check))
        print(f"wrote {arguments.card}")
    if arguments.problems:
        write_text(arguments.problems, "".join(f"{problem}\n" for problem in check.problems))
        print(f"wrote {arguments.problems}")
    if check.problems:
        raise UserError(
            f"{len(check.problems)} of the files or pairs cannot be used; fix or remove them:"
            f"{summarize_problems(check.problems)}"
        )
    return 0


def _dataset(arguments: Namespace) -> str:
    """The data set's name or path with the options about how it is read."""
    options = Options(arguments.label_side, arguments.label_kind, arguments.photo_orientation)
    return options.address(arguments.dataset)


def _print_evidence(reading: Reading) -> None:
    """How the files are read; nothing about drawn streets."""
    for sentence in reading.evidence:
        print(sentence)


def _print_classes(palette: Palette, shares: np.ndarray) -> None:
    """The classes that occur, by their share of the pixels."""
    print("share of the pixels:")
    for index in np.argsort(-shares, kind="stable"):
        if shares[index] > 0:
            note = "  (void: not scored)" if index >= palette.evaluated else ""
            print(f"  {palette.classes[index]:15} {100 * shares[index]:6.2f} %{note}")
    absent = int((shares == 0).sum())
    if absent:
        print(f"  {absent} of {len(palette)} classes do not occur")


def train_command(arguments: Namespace) -> int:
    config = configure(arguments.experiment, arguments.profile, arguments.seed, arguments.settings)
    with process_group(choose_and_explain(arguments.device)) as device:
        with rank_zero_first():  # the others then find the cache
            data = load_data_for(config, _dataset(arguments), arguments.data_root)
        if is_main():
            _print_evidence(data.reading)
        output = arguments.output or output_root()
        run = train_experiment(config, data, output, device, reuse=arguments.reuse)
        if is_main():
            result = run.result()
            for split, score in result["ssim"]["eval"].items():
                _print_score(split, "ssim", score)
            if config.keep == "best":
                print(f"best epoch {result['best_epoch']} of {config.epochs}, chosen on val")
            else:
                print(f"the last of {config.epochs} epochs is kept, as the configuration says")
            print(f"run: {run.folder}")
            write_run_cards([run], data)
    return 0


def study_command(arguments: Namespace) -> int:
    named = {
        "table1": TABLE_1,
        "beyond": (*TABLE_1, *BEYOND),
        "all": (*EXPERIMENTS, *AUGMENTED),
    }
    names = named.get(arguments.experiments) or arguments.experiments.split(",")
    profile = arguments.profile or default_profile()
    for option in ("seeds", "jobs"):
        value = getattr(arguments, option)
        if value is not None and value < 1:
            raise UserError(f"--{option} is {value}, but it must be at least 1")
    configs = [
        configure(name.strip(), profile, seed, arguments.settings)
        for seed in range(arguments.seed, arguments.seed + arguments.seeds)
        for name in names
    ]
    from pix2pix_utils.study import run_study  # imports matplotlib, which training does without

    device = choose_and_explain(arguments.device)
    data = load_data_for(configs[0], _dataset(arguments), arguments.data_root)
    _print_evidence(data.reading)
    output = arguments.output or output_root()
    jobs = arguments.jobs or default_processes(device, len(configs))
    outcome = run_study(configs, data, output, device, arguments.reuse, jobs)
    _print_report(outcome.report)
    for experiment, reason in outcome.failures.items():
        print(f"{experiment} failed: {reason}", file=sys.stderr)
    return 1 if outcome.failures else 0


def tune_command(arguments: Namespace) -> int:
    from pix2pix_utils import tuning  # imports optuna, which nothing else needs

    if arguments.confirm is not None and arguments.confirm < 1:
        raise UserError(f"--confirm is {arguments.confirm}, but it must be at least 1 seed")
    config = configure(arguments.experiment, arguments.profile, arguments.seed, arguments.settings)
    space = tuning.parse_space(arguments.search, config)
    device = choose_and_explain(arguments.device)
    config = with_precision(config, device)
    plan = tuning.Plan(config, space, arguments.sampler, arguments.trials, arguments.prune)
    data = load_data_for(config, _dataset(arguments), arguments.data_root)
    _print_evidence(data.reading)
    output = arguments.output or output_root()
    study = tuning.Study(plan, data, output, arguments.storage)
    print(f"study {study.name}, in {study.where}")
    print(f"{study.budget} trials of {', '.join(space)}; their score is the SSIM on val")
    trials = tuning.search(
        study, device, on_trial=lambda trial: print(tuning.trial_text(trial), flush=True)
    )
    print(tuning.summary_text(trials))
    print(f"wrote {study.folder / 'trials.csv'} and best.json beside it")
    if arguments.confirm is not None:
        known = study.note("confirmation") or {}
        result = tuning.confirm(study, arguments.confirm, device)
        if "test" in known:
            print(f"confirmed once, on {result['date']}; a second look at test would choose by it")
        print(tuning.confirmation_text(result))
    return 0


def report_command(arguments: Namespace) -> int:
    device = choose_and_explain(arguments.device)
    output = arguments.output or output_root()
    data, config = report.choose_data(
        output, arguments.dataset, arguments.data_root, arguments.profile, arguments.settings
    )
    _print_report(report.write_report(output, data, config, device, arguments.publish))
    write_run_cards(report.select_runs(output, data, config).runs, data)
    return 0


def _print_report(written: list[Path]) -> None:
    for path in written:
        if path.name == "table1.md":
            print(path.read_text(encoding="utf-8"))
    if written:
        print(f"wrote {written[0]} and {len(written) - 1} files beside it")


def evaluate_command(arguments: Namespace) -> int:
    run = Run.open(arguments.run_dir)
    device = choose_and_explain(arguments.device)
    generator, _, _ = load_generator(run.folder, device)
    data = load_data_of(run, arguments.dataset, arguments.data_root)
    predict = generator_predictor(generator, arguments.inference)
    rows: list[dict] = []
    for split in SPLITS if arguments.split == "all" else (arguments.split,):
        if arguments.measures:
            images = _print_measures(run, data, device, split, arguments.inference)
        else:
            images = {"ssim": ssim_scores(predict, data[split])}
            _print_score(split, "ssim", summarize(images["ssim"], data[split].groups))
        if arguments.kid:
            found = perceptual.inception_distances(predict, data[split], device)
            deviation = f"+/- {found['kid_deviation']:.4f} over random halves"
            print(f"{split:5}  KID {found['kid']:.4f} {deviation}  FID {found['fid']:.1f}")
        for index, name in enumerate(data[split].names):
            scores = {measure: f"{values[index]:.6f}" for measure, values in images.items()}
            rows.append({"split": split, "name": name, **scores})
    if arguments.csv:
        write_text(arguments.csv, as_csv(rows))
        print(f"wrote {arguments.csv}")
    write_run_cards([run], data)
    return 0


def _print_measures(run, data, device, split: str, inference: str) -> dict:
    """Print all measures of a split, one per line; returns those that exist for every image."""
    output = run.folder.resolve().parent.parent  # the folder of `runs/`
    measured = measure_run(run, data, output, device, split, inference)
    for name, values in measured.images.items():
        _print_score(split, name, summarize(values, data[split].groups))
    if measured.confusion is not None:
        _print_judgement(measured, data, segmenter(data, output, device), split)
    for name, reason in measured.missing.items():
        print(f"{split:5}  no {name}: {reason}")
    return measured.images


def _print_judgement(measured: Measures, data: StreetData, judge: Segmenter, split: str) -> None:
    """Print what the segmentation network makes of the photos, beside what it makes of real ones.

    The class accuracy is the same by both rules for void pixels.
    """
    print(f"{split:5}  judge: the segmentation network in {judge.folder}")
    assert measured.confusion is not None and measured.real_confusion is not None
    for void in VOID_RULES:
        ceiling = segmentation_scores(measured.real_confusion, data.palette, void)
        summary = segmentation_summary(measured.confusion, data.palette, measured.groups, void=void)
        for name, score in summary.items():
            if name != "class accuracy" or void == VOID_RULES[0]:
                note = f"  real photos {ceiling[name]:.4f}; void pixels {void}"
                _print_score(split, name, score, note)
    assert measured.features is not None and measured.real_features is not None
    other = "val" if split == "train" else "train"
    floor = real_floor(judge, data[split], data[other])
    known = {"kernel distance": "KID", "Fréchet distance": "FID"}
    for name, score in distance_summary(
        measured.features, measured.real_features, measured.groups
    ).items():
        real = f"real photos of {other} {floor[name]['mean']:.4f}; " if name in floor else ""
        _print_score(split, name, score, f"  {real}segmentation features, not {known[name]}")


def _print_score(split: str, name: str, score: dict, note: str = "") -> None:
    """Print the mean of a measure with its confidence interval, or why there is none."""
    title = name.upper() if name in ("ssim", "psnr", "l1", "lpips", "dists") else name
    digits, unit = (2, " dB") if name == "psnr" else (4, "")
    if name == "ssim" and "low" in score:
        note = f"  {images_text(score)}"
    interval = interval_text(score, digits)
    print(f"{split:5}  {title} {score['mean']:.{digits}f}{unit}  {interval}{note}")


def translate_command(arguments: Namespace) -> int:
    device = choose_and_explain(arguments.device)
    written = translate(
        arguments.checkpoint,
        arguments.inputs,
        arguments.output,
        device,
        label_half=arguments.label_side,
        label_kind=arguments.label_kind,
    )
    print(f"wrote {len(written)} photo(s) to {arguments.output}")
    return 0


def release_command(arguments: Namespace) -> int:
    from pix2pix_utils.release.making import make_release  # imports matplotlib and widgets

    output = arguments.output or released_folder()
    written = make_release(arguments.run_dirs, output, choose_and_explain(arguments.device))
    for name, model in read_json(written[0])["models"].items():
        before, after = model["rounding"]["before"], model["rounding"]["after"]
        print(f"{name}: test SSIM {before:.4f} in 32 bits, {after:.4f} in 16 bits")
    print(f"wrote {written[0]} and {len(written) - 1} files beside it")
    return 0


def export_command(arguments: Namespace) -> int:
    from pix2pix_utils import export  # imports torch's exporter, which nothing else needs

    page_only = {"--title": arguments.title, "--runtime": arguments.runtime}
    for option, value in page_only.items():
        if value is not None and not arguments.web:
            raise UserError(f"{option} belongs to a page: use it with --web FILE.html")
    if arguments.half and arguments.pix2pix:
        raise UserError("--half is for --onnx: the format of --pix2pix has 32-bit weights")
    if len(arguments.generators) > 1 and not arguments.web:
        raise UserError("only a page can have several generators: name one, or use --web FILE.html")
    generators = [read_generator(path) for path in arguments.generators]
    path = arguments.onnx or arguments.pix2pix or arguments.web
    if arguments.onnx:
        model = export.write_onnx(generators[0], path, arguments.half)
        print(f"photos in [-1, 1] differ from torch's by {model.difference:.1e} at most")
    elif arguments.pix2pix:
        print(f"there, its network is {export.write_pix2pix(generators[0], path)}")
    else:
        runtime = export.load_runtime(arguments.runtime)
        title = {} if arguments.title is None else {"title": arguments.title}
        export.write_page(export.page_models(generators), path, runtime, **title)
    print(f"wrote {path} ({path.stat().st_size / 1e6:.1f} MB)")
    return 0


def benchmark_command(arguments: Namespace) -> int:
    given = {key: getattr(arguments, key) for key in STEP_BENCHMARK}
    given = {key: value for key, value in given.items() if value is not None}
    if arguments.minutes is not None:
        if given:
            raise UserError(
                "--image-size, --width and --repeats are for the speed of the training step; with "
                "--minutes use --set, as in --set image_size=64 --set width=16"
            )
        return _minutes_command(arguments)
    if arguments.profile or arguments.settings:
        raise UserError(
            "--profile and --set need --minutes; the training step is measured with --image-size "
            "and --width"
        )
    chosen = STEP_BENCHMARK | given
    if chosen["repeats"] < 1:
        raise UserError(f"--repeats is {chosen['repeats']}, but it must be at least 1")
    device = choose_and_explain(arguments.device)
    result = benchmark.run_benchmark(**chosen, device=device)
    print(benchmark.as_text(result))
    _write_measurements(arguments, result)
    return 0


def _minutes_command(arguments: Namespace) -> int:
    benchmark.check_minutes(arguments.minutes)
    device = choose_and_explain(arguments.device)
    plans = benchmark.plan_loops(arguments.profile, arguments.seed, arguments.settings, device)
    data = load_data_for(plans[0].config, arguments.dataset, arguments.data_root)
    output = arguments.output or output_root()
    result, folder = benchmark.train_in_turns(plans, data, output, device, arguments.minutes)
    print(benchmark.minutes_as_text(result))
    from pix2pix_utils import figures  # imports matplotlib

    histories = {row["name"]: row["points"] for row in result["loops"]}
    figure = figures.scores_over_time(histories, result["levels"])
    written = figures.save(figure, folder / "scores.png", "Scores on val by training time")
    print(f"wrote {', '.join(map(str, [folder / 'result.json', *written]))}")
    _write_measurements(arguments, result)
    return 0


def _write_measurements(arguments: Namespace, result: dict) -> None:
    if arguments.json:
        write_json(arguments.json, result)
        print(f"wrote {arguments.json}")
