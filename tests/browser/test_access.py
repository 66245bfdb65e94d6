"""What the project renders has no serious fault of accessibility, by axe-core."""

from pathlib import Path

import pytest

from pix2pix_utils.__main__ import main
from pix2pix_utils.evaluation import segmentation

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "08_street_studio.ipynb"
CONTROLS = """
import ipywidgets
from pix2pix_utils.data import load_data
from pix2pix_utils.widgets import sample_browser
from pix2pix_utils.widgets.keys import with_own_keys

limits = {"train": 12, "val": 6, "test": 6}
display(sample_browser(load_data("synthetic", image_size=32, limits=limits, progress=False)))
epoch = ipywidgets.IntSlider(description="epoch", min=1, max=50)
with_own_keys(ipywidgets.HBox([epoch, ipywidgets.Play(min=1, max=50)]))
"""
OUTPUTS = ".jp-OutputArea-output"
widths = pytest.mark.parametrize("width", [400, 1300])


@pytest.fixture(scope="module")
def report_page(chromium, tmp_path_factory, cache_folder):
    """The page about the reference predictors, without a trained network."""
    output = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIX2PIX_CACHE", str(cache_folder))
        patch.setattr(segmentation, "SETTINGS", segmentation.Settings(epochs=2, steps=4))
        assert main(["report", "--profile", "smoke", "--output", str(output)]) == 0
    return output / "report" / "index.html"


@pytest.fixture(scope="module")
def notebook_page(chromium, tmp_path_factory):
    exporter = pytest.importorskip("nbconvert").HTMLExporter()
    path = tmp_path_factory.mktemp("notebook") / "notebook.html"
    path.write_text(exporter.from_filename(NOTEBOOK)[0], encoding="utf-8")
    return path


@pytest.fixture
def open_file(chromium):
    contexts = []

    def open_it(path, width):
        contexts.append(chromium.new_context(viewport={"width": width, "height": 900}))
        page = contexts[-1].new_page()
        page.route("http*://**", lambda route: route.abort())  # nbconvert's page loads scripts
        page.goto(path.as_uri(), wait_until="domcontentloaded")
        return page

    yield open_it
    for context in contexts:
        context.close()


@widths
def test_the_report(report_page, open_file, serious_faults, width):
    page = open_file(report_page, width)
    assert page.locator("img").count() >= 3
    assert serious_faults(page) == []


@widths
def test_the_outputs_of_a_notebook_as_html(notebook_page, open_file, serious_faults, width):
    page = open_file(notebook_page, width)
    alternatives = page.locator(f"{OUTPUTS} img").evaluate_all("all => all.map((one) => one.alt)")
    assert len(alternatives) >= 5
    assert all(len(words) > 40 for words in alternatives)
    assert serious_faults(page, OUTPUTS) == []


def test_controls_in_jupyterlab_have_names(open_notebook, serious_faults):
    page = open_notebook(CONTROLS, ".widget-play").page
    names = page.locator(".noUi-handle").evaluate_all("all => all.map((one) => one.ariaLabel)")
    assert names == ["scene", "label map", "epoch"]
    assert serious_faults(page, OUTPUTS) == []
    page.get_by_role("button", name="play", exact=True).click()
    page.get_by_role("button", name="pause", exact=True).click()
    page.get_by_role("button", name="play", exact=True).wait_for()
