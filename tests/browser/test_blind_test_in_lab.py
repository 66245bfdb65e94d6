"""The blind test in JupyterLab: answered with the keyboard, and with pictures that disappear."""

BLIND_TEST = """
from pix2pix_utils.data import load_data
from pix2pix_utils.widgets import real_or_generated, two_choices

limits = {"train": 12, "val": 6, "test": 6}
data = load_data("synthetic", image_size=32, limits=limits, progress=False)
blind = real_or_generated(data.train, "negative", 255 - data.train.photos, trials=3)
two_choices(blind%s)
"""
BUTTONS = ".jp-OutputArea-output button.jupyter-button"
PICTURE = 'img[alt="the picture on the left"]'


def test_three_answers_by_keyboard(open_notebook):
    lab = open_notebook(BLIND_TEST % "", BUTTONS + ">> nth=0")
    page = lab.page
    page.get_by_role("button", name="start", exact=True).focus()
    page.keyboard.press("Enter")
    page.locator(PICTURE).wait_for()
    page.keyboard.press("Tab")  # the start button has gone
    left = page.get_by_role("button", name="left", exact=True)
    assert left.evaluate("(button) => button === document.activeElement")
    outline = left.evaluate("(button) => getComputedStyle(button).outlineStyle")
    assert outline == "solid"  # the focus is seen
    for number in (2, 3):
        page.keyboard.press("Space")
        page.get_by_text(f"Trial {number} of 3").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("of 3 trials").wait_for()
    page.get_by_text("Recorded in judgements.json").wait_for()
    assert page.locator("figure img").count() == 6
    assert lab.evaluate("print(len(blind.answers))") == "3"


def test_pictures_disappear_after_the_exposure_time_in_every_trial(open_notebook):
    page = open_notebook(BLIND_TEST % ", seconds=2", BUTTONS + ">> nth=0").page
    page.get_by_role("button", name="start", exact=True).click()
    for number in (1, 2):
        page.get_by_text(f"Trial {number} of 3").wait_for()
        picture = page.locator(PICTURE)
        picture.wait_for(state="visible")
        picture.wait_for(state="hidden")
        page.get_by_role("button", name="right", exact=True).click()
