"""The report about finished runs: whole, honest about what is missing, and safe to open."""

import csv
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pix2pix_utils.__main__ import main
from pix2pix_utils.data.dataset import load_data
from pix2pix_utils.files import read_json
from pix2pix_utils.report import choose_data, record_scores, select_runs
from pix2pix_utils.report.page import PAINT_PAGE, build_page
from pix2pix_utils.report.published import write_record
from pix2pix_utils.training.experiments import TABLE_1, configure
from pix2pix_utils.training.runs import Run
from pix2pix_utils.training.session import train

CPU = torch.device("cpu")


TABLES = (
    "table1",
    "claims",
    "paired",
    "evaluation",
    "classes",
    "alpha",
    "augmentation",
    "beyond",
    "ingredients",
)


FIGURES = (
    "figure1",
    "figure2",
    "translations",
    "curves",
    "ssim",
    "differences",
    "distribution",
    "sharpness",
    "class-ssim",
    "ranked",
    "realism",
    "beyond-translations",
)


HOSTILE = "<script>alert(1)</script>\"'&|$x_$"


HOSTILE_FOLDER = "<img src=x onerror=alert(2)>"


def run_of(output: Path, experiment: str, seed: int = 0) -> Run:
    runs = [Run.open(folder) for folder in (output / "runs").iterdir() if folder.is_dir()]
    (run,) = [r for r in runs if (r.config.experiment, r.config.seed) == (experiment, seed)]
    return run


def rows_of(output: Path, table: str) -> list[dict[str, str]]:
    with (output / "report" / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def row_of(output: Path, table: str, **wanted: str) -> dict[str, str]:
    (row,) = [row for row in rows_of(output, table) if wanted.items() <= row.items()]
    return row


class Page(HTMLParser):
    """Every tag of a page with its attributes, and its text."""

    def __init__(self, path: Path):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.words = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.words += data

    def all(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_every_table_is_written_in_three_formats(finished):
    for name in TABLES:
        rows = rows_of(finished, name)
        markdown = (finished / "report" / f"{name}.md").read_text(encoding="utf-8")
        latex = (finished / "report" / f"{name}.tex").read_text(encoding="utf-8")
        lines = [line for line in markdown.splitlines() if line.startswith("| ")]
        assert len(lines) == len(rows) + 2  # the header and the rule below it
        assert latex.count(r" \\") == len(rows) + 1
        assert "32x32 pixels, width 8, 2 epochs" in markdown and "32x32 pixels" in latex
        assert "seeds 0, 1" in markdown


def test_every_figure_is_a_png_and_a_pdf(finished):
    for name in FIGURES:
        with Image.open(finished / "report" / f"{name}.png") as figure:
            assert min(figure.size) > 100
            assert "32x32 pixels" in figure.text["Description"]
        assert (finished / "report" / f"{name}.pdf").read_bytes().startswith(b"%PDF")


def test_the_animation_has_a_frame_for_every_epoch(finished):
    with Image.open(finished / "report" / "epochs.gif") as animation:
        assert animation.n_frames == 2


def test_table_1_holds_the_reports_numbers_and_ours(finished):
    row = row_of(finished, "table1", experiment="baseline")
    assert [row[f"report {split}"] for split in ("train", "val", "test")] == [
        "0.369",
        "0.324",
        "0.301",
    ]
    assert row["seeds"] == "0, 1"
    runs = [run_of(finished, "baseline", seed) for seed in (0, 1)]
    for split in ("train", "val", "test"):
        means = [run.result()["ssim"]["eval"][split]["mean"] for run in runs]
        assert row[split].startswith(f"{np.mean(means):.3f} [")
    assert row["lowest to highest seed"] == f"{min(means):.3f} to {max(means):.3f}"
    assert row_of(finished, "table1", experiment="enhanced")["lowest to highest seed"] == "one seed"


@pytest.mark.parametrize("table", ["table1", "alpha", "augmentation"])
def test_reference_predictors_and_the_oracle_are_below_the_models(finished, table):
    models = [row["model"] for row in rows_of(finished, table)]
    assert "no network: class colour" in models
    perfect = [row for row in rows_of(finished, table) if row["test"] == "1.000 [1.000, 1.000]"]
    assert [row["model"] for row in perfect] == ["no network: real photo"]


def test_the_other_tables_have_their_rows(finished):
    assert row_of(finished, "alpha", experiment="baseline-l1-50")["test"]
    assert row_of(finished, "augmentation", experiment="baseline+flip")["test"]
    evaluated = row_of(finished, "evaluation", model="baseline")
    titles = ("SSIM ↑", "PSNR (dB) ↑", "L1 (share of the range) ↓", "sharpness (real photo: 1)")
    assert all(evaluated[name] for name in titles)
    assert "LPIPS ↓" not in evaluated  # the photos are too small for it
    assert "Left out: LPIPS needs photos" in (finished / "report" / "evaluation.md").read_text()
    assert row_of(finished, "paired", model="enhanced", minus="baseline")["difference"]
    floored = row_of(finished, "paired", model="enhanced", minus="no network: class and row colour")
    assert floored["images improved"].endswith("%")
    assert all(evaluated[name] for name in ("pixel accuracy ↑", "class accuracy ↑", "class IoU ↑"))
    assert 0 < float(row_of(finished, "classes", **{"class": "road"})["baseline"]) < 1


def test_experiments_beyond_the_report_have_a_section_of_their_own(finished):
    assert row_of(finished, "beyond", model="best-look")["kernel distance ↓"]
    assert row_of(finished, "ingredients", model="best-ssim-l1")["minus"] == "best-ssim"
    for name in ("table1", "paired", "evaluation", "augmentation"):
        assert "best-" not in (finished / "report" / f"{name}.md").read_text(encoding="utf-8")
    assert rows_of(finished, "further")[0]["experiment"] == "baseline-l1-only"
    assert "best-" not in (finished / "report" / "further.md").read_text(encoding="utf-8")
    assert "best-ssim" not in record_scores(read_json(finished / "report" / "results.json"))
    record = read_json(finished / "report" / "beyond.json")
    assert {"baseline", "best-ssim", "best-ssim-l1", "best-look"} < record["models"].keys()
    seeds = record["models"]["baseline"]["seeds"]
    assert [one["seed"] for one in seeds] == [0, 1] and len(seeds[0]["test_ssim"]) == 6
    page = Page(finished / "report" / "index.html")
    assert "Beyond the report" in page.words and "Beyond the report is left out" not in page.words
    note = (finished / "report" / "beyond.md").read_text(encoding="utf-8")
    assert "The first is trained by: python -m pix2pix_utils train best-ssim-rgb" in note


def test_what_is_not_trained_is_named_once_with_the_command_that_trains_it(finished):
    missing = row_of(finished, "table1", experiment="enhanced-mse")
    assert missing["starts from"] == "not trained"
    assert missing["report test"] == "0.462" and missing["test"] == ""
    table = (finished / "report" / "table1.md").read_text(encoding="utf-8")
    command = "python -m pix2pix_utils train baseline-mse --profile smoke"
    assert f"The first is trained by: {command} --output {finished}" in table
    augmented = (finished / "report" / "augmentation.md").read_text(encoding="utf-8")
    assert "Not trained: baseline+jitter, baseline+flip+jitter, baseline-mse+flip" in augmented
    assert "and 11 more. The first is trained by: python -m" in augmented
    models = {row["experiment"] for row in rows_of(finished, "augmentation")}
    assert models == {"", "baseline", "baseline+flip"}


def test_no_column_is_empty(finished):
    for name in TABLES:
        rows = rows_of(finished, name)
        assert all(any(row[key] for row in rows) for key in rows[0]), name


def test_every_claim_of_the_report_has_a_verdict_with_its_reason(finished):
    rows = rows_of(finished, "claims")
    assert len(rows) > 20 and all(row["verdict"] and row["reason"] for row in rows)
    sections = {row["section"].split(",")[0] for row in rows}
    assert {"II.A", "II.B", "II.C.2", "II.C.3", "II.C.4", "III", "V"} <= sections
    page = Page(finished / "report" / "index.html")
    assert f"Verdicts on {len(rows)} claims: " in page.words


def test_the_page_says_its_protocol_once(finished):
    page = Page(finished / "report" / "index.html")
    assert page.words.count("32x32 pixels, width 8, 2 epochs") == 1


def test_a_deleted_run_becomes_a_missing_row(finished, changed):
    assert row_of(finished, "table1", experiment="enhanced")["test"]
    row = row_of(changed, "table1", experiment="enhanced")
    assert row["starts from"] == "not trained"
    table = (changed / "report" / "table1.md").read_text(encoding="utf-8")
    assert "Not trained: baseline-mse, pretrained-torchvision, pretrained-unet, enhanced," in table
    assert row["test"] == "" and row["report test"] == "0.535"
    assert "enhanced" not in {row["model"] for row in rows_of(changed, "evaluation")}


def test_an_unfinished_run_is_named_and_not_counted(changed):
    left_out = {row[0]: row[1] for row in cells_below(changed, "Runs left out")}
    (reason,) = [text for name, text in left_out.items() if name.startswith("baseline-l1-50")]
    assert reason == "not finished: 2 of 2 epochs"
    page = Page(changed / "report" / "index.html")
    assert "The weight of L1 is left out, as none of its 2 models is trained" in page.words
    assert "is left out: it takes a row and its base" not in page.words


def test_runs_that_do_not_count_are_named_with_the_reason(changed):
    left_out = {row[0]: row[1] for row in cells_below(changed, "Runs left out")}
    assert left_out.pop("another size") == "other settings: epochs=1"
    reasons = {name.split("-synthetic")[0]: reason for name, reason in left_out.items()}
    assert reasons["baseline-l1-50"] == "not finished: 2 of 2 epochs"
    assert "is not a JSON file" in reasons["baseline+flip"]
    assert "best.pt is damaged" in reasons["torn"]
    assert row_of(changed, "table1", experiment="baseline")["seeds"] == "0, 1"


def test_changed_settings_make_a_variant_of_their_own(changed):
    row = row_of(changed, "further", experiment="baseline alpha=55.0")
    assert row["model"] == "Baseline Model, alpha=55.0" and row["seeds"] == "1"


def cells_below(output: Path, caption: str) -> list[list[str]]:
    """The texts of a table's rows on the page."""
    page = (output / "report" / "index.html").read_text(encoding="utf-8")
    table = page.split(f"<b>{caption}.</b>")[1].split("</table>")[0]
    texts = [row.replace("</th>", "").replace("<td>", "|") for row in table.split("<tr>")[2:]]
    return [[part.split("</td>")[0].split(">")[-1] for part in text.split("|")] for text in texts]


def test_without_any_run_the_reports_and_the_shipped_numbers_stand(tmp_path, capsys):
    assert main(["report", "--profile", "smoke", "--output", str(tmp_path)]) == 0
    for name in TABLE_1:
        row = row_of(tmp_path, "table1", experiment=name)
        assert row["report test"] and row["shipped test"] and not row["test"]
    assert row_of(tmp_path, "table1", model="no network: class colour")["test"]
    page = Page(tmp_path / "report" / "index.html")
    assert "There are no finished runs yet" in page.words and page.all("img")
    assert "Beyond the report is left out, as none of its" in page.words
    assert not (tmp_path / "report" / "beyond.md").exists()


def test_the_page_needs_nothing_beside_it(finished):
    page = Page(finished / "report" / "index.html")
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object"}
    sources = [image["src"] for image in page.all("img")]
    assert len(sources) > len(FIGURES)
    assert all(source.startswith("data:image/") for source in sources)
    assert all(link["href"].startswith("#") for link in page.all("a"))


def test_the_page_links_to_a_page_to_paint_in_if_it_lies_beside(tmp_path):
    for is_there in (False, True):
        if is_there:
            (tmp_path / PAINT_PAGE).touch()
        (tmp_path / "index.html").write_text(build_page("Title", [], {}, tmp_path))
        links = [link["href"] for link in Page(tmp_path / "index.html").all("a")]
        assert (PAINT_PAGE in links) == is_there


def test_the_page_can_be_read_without_seeing_it(finished):
    page = Page(finished / "report" / "index.html")
    assert page.all("html")[0]["lang"] == "en"
    assert all(len(image["alt"]) > 20 for image in page.all("img"))
    assert len(page.all("caption")) == len(page.all("table"))
    assert len(page.all("h1")) == 1
    assert {cell["scope"] for cell in page.all("th")} == {"col", "row"}
    targets = {heading["id"] for heading in page.all("h2")}
    assert {link["href"][1:] for link in page.all("a")} == targets


def test_hostile_names_stay_text(changed):
    page = Page(changed / "report" / "index.html")
    assert not page.all("script")
    assert all("onerror" not in attributes for _, attributes in page.tags)
    assert HOSTILE in page.words and HOSTILE_FOLDER in page.words
    assert HOSTILE in {row["model"] for row in rows_of(changed, "evaluation")}
    for name in TABLES:  # the pipe breaks no Markdown row, the ampersand no LaTeX row
        text = (changed / "report" / f"{name}.md").read_text(encoding="utf-8")
        rows = [line.replace("\\|", "") for line in text.splitlines() if line.startswith("| ")]
        assert len({row.count("|") for row in rows}) == 1
        latex = (changed / "report" / f"{name}.tex").read_text(encoding="utf-8")
        rows = [line.replace("\\&", "") for line in latex.splitlines() if line.endswith(r" \\")]
        assert len({row.count("&") for row in rows}) == 1


def test_hostile_classes_stay_text(camvid_folder, tmp_path):
    names = ["<script>alert(1)</script>", *(f"class {index} & more" for index in range(11))]
    colors = [f"{index * 20},0,{index}" for index in range(12)]
    lines = [f"{name},{color}" for name, color in zip(names, colors, strict=True)]
    (camvid_folder / "palette.csv").write_text("name,red,green,blue\n" + "\n".join(lines) + "\n")
    arguments = ["--dataset", str(camvid_folder), "--profile", "smoke", "--output", str(tmp_path)]
    assert main(["report", *arguments]) == 0
    page = Page(tmp_path / "report" / "index.html")
    assert not page.all("script") and names[0] in page.words


def test_mistakes_get_one_sentence_and_status_2(changed, tmp_path, capsys):
    def error_of(*arguments) -> str:
        assert main(["report", *map(str, arguments)]) == 2
        return capsys.readouterr().err

    assert "no profile 'tiny'" in error_of("--output", changed, "--profile", "tiny")
    assert "nowhere" in error_of("--output", changed, "--dataset", tmp_path / "nowhere")
    occupied = tmp_path / "occupied"
    occupied.mkdir()
    (occupied / "report").write_text("a file")
    assert "--output" in error_of("--output", occupied, "--profile", "smoke")
    assert (occupied / "report").read_text() == "a file"


def test_the_newest_whole_profile_is_chosen(changed):
    data, config = choose_data(changed)
    assert (data.name, config.image_size, config.epochs) == ("synthetic", 32, 2)
    assert choose_data(changed, profile="smoke", settings=["epochs=1"])[1].epochs == 1
    assert choose_data(changed / "nothing", profile="smoke")[1].epochs == 2
    selection = select_runs(
        changed, data, choose_data(changed, None, None, "smoke", ["epochs=1"])[1]
    )
    assert [run.folder.name for run in selection.runs] == ["another size"]


def test_data_that_has_changed_is_refused(camvid_folder, tmp_path, capsys):
    config = configure("baseline", "smoke")
    data = load_data(str(camvid_folder), image_size=32, progress=False)
    train(config, data, tmp_path / "output", CPU, progress=False)
    for folder in ("train", "trainannot"):
        (camvid_folder / folder / "train0.png").unlink()
    assert main(["report", "--output", str(tmp_path / "output")]) == 2
    assert "is not what" in capsys.readouterr().err


def test_the_record_is_small_and_gives_the_scores_back(finished, tmp_path):
    path = finished / "report" / "results.json"
    assert path.stat().st_size < 200_000
    record = read_json(path)
    scores = record_scores(record)
    assert sorted(scores["baseline"]) == [0, 1]
    run = run_of(finished, "baseline", 1)
    own = [r["ssim"] for r in run.read_scores() if (r["split"], r["inference"]) == ("test", "eval")]
    assert np.allclose(scores["baseline"][1], np.array(own, dtype=float), atol=1e-4)
    assert record["runs"][0]["environment"]["torch"] and record["pairs"]["test"] == 6
    write_record(tmp_path / "again.json", record)
    assert read_json(tmp_path / "again.json") == record
