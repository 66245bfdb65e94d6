"""The model card of a run: its numbers are the run's, and whatever happens to it harms no run."""

import re
import shutil

import pytest
import yaml

from pix2pix_utils.__main__ import build_parser, main
from pix2pix_utils.cards import floors, words
from pix2pix_utils.cards.floors import floors_of
from pix2pix_utils.cards.run_card import CARD, run_card, write_run_cards
from pix2pix_utils.data.palette import CITYSCAPES
from pix2pix_utils.evaluation.predictors import ssim_scores
from pix2pix_utils.evaluation.reference import REFERENCE_PREDICTORS
from pix2pix_utils.evaluation.statistics import summarize
from pix2pix_utils.files import read_json, write_json
from pix2pix_utils.losses.adversarial import ADVERSARIAL_LOSSES
from pix2pix_utils.losses.objective import DISTANCES
from pix2pix_utils.models import DISCRIMINATORS, GENERATORS, LABEL_INPUTS
from pix2pix_utils.training import pretraining
from pix2pix_utils.training.experiments import configure
from pix2pix_utils.training.runs import Run

INTERVAL = "{mean:.3f} [{low:.3f}, {high:.3f}]"
ONE_SEED = "one seed says little"


@pytest.fixture
def run(finished_output, tmp_path):
    """A copy of the finished run, below `tmp_path/output/runs`."""
    shutil.copytree(finished_output / "runs", tmp_path / "output" / "runs")
    (folder,) = (tmp_path / "output" / "runs").iterdir()
    (folder / CARD).unlink(missing_ok=True)
    return Run.open(folder)


def text_of(run):
    return (run.folder / CARD).read_text(encoding="utf-8")


def metadata(card):
    """The YAML between the first two lines of three hyphens."""
    _, head, _ = card.split("---\n", 2)
    return yaml.safe_load(head)


def edit(path, **changes):
    write_json(path, read_json(path) | changes)


def with_seed(run, seed, better_by, **settings):
    """A finished run like this one with another seed, whose every score is higher."""
    folder = run.folder.with_name(f"seed-{seed}-{'-'.join(settings)}")
    shutil.copytree(run.folder, folder)
    edit(folder / "config.json", seed=seed, **settings)
    other = Run.open(folder)
    scores = [row | {"ssim": f"{float(row['ssim']) + better_by:.6f}"} for row in run.read_scores()]
    other.write_scores(scores)
    result = run.result()
    for split in result["ssim"]["eval"].values():
        split |= {key: split[key] + better_by for key in ("mean", "low", "high")}
    other.write_result(result)
    return other


def test_scores_are_those_of_the_result_and_floors_those_of_the_reference_predictors(
    run, street_data
):
    write_run_cards([run], street_data)
    card, ssim = text_of(run), run.result()["ssim"]["eval"]
    own = " | ".join(INTERVAL.format(**ssim[split]) for split in ("train", "val", "test"))
    assert f"| **this run** | {own} |" in card
    for name in ("mean image", "class colour", "class and row colour"):
        predict = REFERENCE_PREDICTORS[name](street_data.train)
        scores = [summarize(ssim_scores(predict, street_data[s])) for s in ("val", "test")]
        row = re.search(rf"\| no network: {name} \|  \| ([\d.]+) .*\| ([\d.]+) .*\|", card)
        assert [float(mean) for mean in row.groups()] == pytest.approx(
            [score["mean"] for score in scores], abs=0.0006
        )
    (entry,) = metadata(card)["model-index"]
    (metric,) = entry["results"][0]["metrics"]
    assert metric == {"type": "ssim", "value": round(ssim["test"]["mean"], 4)}
    assert metadata(card)["license"] == "mit"


def test_it_says_what_was_trained_how_and_what_it_is_not_for(run, street_data):
    write_run_cards([run], street_data)
    card, result, recorded = text_of(run), run.result(), run.data()
    for text in (
        f"{result['generator_parameters']:,} parameters",
        "cross-entropy of the discriminator's answers + 100 x L1",
        f"those of epoch {result['best_epoch']} of 2, the best by SSIM on val",
        "| profile | `smoke` |",
        "| pairs | 12 | 6 | 6 |",
        recorded["fingerprint"],
        recorded["split_rule"],
        run.sessions()[-1]["torch"],
        "teaching and research",
        "safety",
        "in no training scene",
        f"translate runs/{run.folder.name}",
        "CITATION.cff",
        ONE_SEED,
    ):
        assert text in card, text
    command = re.search(r"```bash\n(python -m pix2pix_utils train .*)\n```", card)[1]
    arguments = build_parser().parse_args(command.split()[3:])
    settings = (arguments.profile, arguments.seed, arguments.settings)
    assert configure(arguments.experiment, *settings) == run.config
    assert "{{" not in card and "{%" not in card and "nan" not in card


def test_runs_that_differ_in_their_seed_alone_name_each_others_scores(run, street_data):
    other = with_seed(run, 1, 0.125)
    stranger = with_seed(run, 2, 0.25, alpha=50.0)
    write_run_cards([run, stranger], street_data)
    means = [one.result()["ssim"]["eval"]["test"]["mean"] for one in (run, other, stranger)]
    for card in (text_of(run), text_of(other)):
        assert ONE_SEED not in card and "2 runs in the same folder" in card
        assert f"goes from {means[0]:.3f} to {means[1]:.3f}" in card
        assert f"{0.125 / 2**0.5:.3f}" in card  # the standard deviation of two means
        assert f"{means[2]:.3f}" not in card
    assert ONE_SEED in text_of(stranger)


def test_an_unfinished_run_gets_no_card(run, street_data, capsys):
    (run.folder / "result.json").unlink()
    write_run_cards([run], street_data)
    assert not (run.folder / CARD).exists() and not capsys.readouterr().err


def test_a_card_that_is_up_to_date_is_left_alone_and_floors_are_measured_once(
    run, street_data, cache_folder, monkeypatch
):
    write_run_cards([run], street_data)
    card, written = text_of(run), (run.folder / CARD).stat().st_mtime_ns
    with monkeypatch.context() as patch:
        patch.setattr(floors, "_measure", lambda data: pytest.fail("measured again"))
        write_run_cards([run], street_data)
        assert (run.folder / CARD).stat().st_mtime_ns == written
    for path in cache_folder.glob("floors-*.json"):
        path.write_text('{"ssim": {}}')  # damaged
    (run.folder / CARD).unlink()
    write_run_cards([run], street_data)
    assert text_of(run) == card


def test_a_card_that_cannot_be_written_is_a_warning(run, capsys):
    (run.folder / CARD).mkdir()
    output = str(run.folder.parents[1])
    train = ["train", "baseline", "--profile", "smoke", "--output", output, "--device", "cpu"]
    assert main(train) == 0
    printed = capsys.readouterr()
    assert f"run: {run.folder}" in printed.out
    assert printed.err.count("has no new card: cannot write") == 1 and CARD in printed.err


def test_evaluate_writes_the_card_of_an_older_run(run):
    assert main(["evaluate", str(run.folder), "--split", "val", "--device", "cpu"]) == 0
    assert "**this run**" in text_of(run)


def test_other_pairs_than_the_runs_give_no_card(run, street_data, capsys):
    edit(run.folder / "data.json", fingerprint="0" * 12)
    write_run_cards([run], street_data)
    assert "does not have the pairs" in capsys.readouterr().err
    assert not (run.folder / CARD).exists()


@pytest.mark.parametrize(
    "name, pair, licence, sentences",
    [
        ("camvid", "0016E5_08610", "other", ["research, not commercially", "CC BY-NC 4.0"]),
        ("my_copy", "0016E5_0861", "other", ["CamVid", "Do not publish photos"]),
        ("cityscapes", "ulm/{:06}", "other", ["Cityscapes Terms of Use", "number plates"]),
        ("pairs", "aachen/aachen_00000{}_000019", "other", ["Cityscapes Terms of Use"]),
        ("pairs", "street", "unknown", ["ask whoever made them", "faces and number plates"]),
    ],
)
def test_the_licence_follows_from_the_data_set(run, street_data, name, pair, licence, sentences):
    numbered = pair if "{" in pair else pair + "{}"
    splits = {
        split: [numbered.format(number) for number in range(len(names))]
        for split, names in run.data()["splits"].items()
    }
    place = f"/home/someone/{name}?label_side=left"
    edit(run.folder / "data.json", name=name, location=place, splits=splits)
    card = run_card(run, CITYSCAPES.classes, floors_of(street_data), [run])
    for sentence in sentences:
        assert sentence in card.replace("\n", " "), sentence
    assert metadata(card)["license"] == licence
    assert f"--dataset '{name}?label_side=left'" in card
    assert "someone" not in card  # no place on this machine
    assert "drawn streets are part" not in card and "streets-card.md" not in card


def test_networks_that_others_trained_are_named_with_what_they_learnt_from(run, street_data):
    result = run.result()
    result["started_from"]["discriminator"] = {"released as": "resnet18", "file": "resnet18.pth"}
    run.write_result(result)
    edit(run.folder / "config.json", perceptual_weight=1.0)
    card = run_card(Run.open(run.folder), CITYSCAPES.classes, floors_of(street_data), [run])
    licence = card.partition("## Licence")[2].partition("##")[0]
    assert "ResNet18" in licence and "VGG19" in licence and "ImageNet" in licence
    assert metadata(card)["license"] == "other"


def test_every_network_and_loss_has_words():
    assert words.GENERATORS.keys() == GENERATORS.keys()
    assert words.DISCRIMINATORS.keys() == DISCRIMINATORS.keys()
    assert words.ADVERSARIAL.keys() == ADVERSARIAL_LOSSES.keys()
    assert words.DISTANCES.keys() == DISTANCES.keys()
    assert words.LABEL_INPUTS.keys() == {*LABEL_INPUTS}
    released = {
        *pretraining._RELEASED_GENERATORS.values(),
        *pretraining._RELEASED_DISCRIMINATORS.values(),
    }
    assert released == words.OTHERS_WEIGHTS.keys()
    look, alone = configure("best-look", "demo"), configure("best-ssim", "demo")
    assert words.loss_words(look) == (
        "cross-entropy of the discriminator's classes + 5 x L1 + 10 x (1 - SSIM)"
    )
    assert words.loss_words(alone) == "10 x L1 + 100 x (1 - SSIM)"
    assert words.discriminator_words(alone).startswith("none")
    assert words.input_words(look) == "one plane per class"


def test_hostile_names_stay_text(run, street_data):
    hostile = "<b>*x*</b> `y`"
    edit(run.folder / "config.json", experiment=hostile)
    edit(run.folder / "data.json", name=hostile, location="/data/x", split_rule=hostile)
    classes = [hostile, *CITYSCAPES.classes[1:]]
    card = run_card(Run.open(run.folder), classes, floors_of(street_data), [run])
    body = re.sub(r"`[^`]*`", "", card.split("---\n", 2)[2].replace(r"\`", ""))
    assert r"\<b\>\*x\*\</b\>" in body and "<b>" not in body
    entry = metadata(card)["model-index"][0]["results"][0]
    assert entry["dataset"]["name"] == hostile
