"""The sample browser in JupyterLab: its controls by keyboard and mouse change the picture."""

BROWSER = """
from pix2pix_utils.data import load_data
from pix2pix_utils.widgets import sample_browser

limits = {"train": 12, "val": 6, "test": 6}
data = load_data("synthetic", image_size=32, limits=limits, progress=False)
sample_browser(data)
"""
PICTURE = ".widget-hbox img"


def test_slider_by_keyboard_and_dropdown(open_notebook):
    page = open_notebook(BROWSER, PICTURE).page
    picture = page.locator(PICTURE)

    def changes_to_another(action):
        before = picture.get_attribute("src")
        action()
        page.wait_for_function(
            "([selector, before]) => document.querySelector(selector).src !== before",
            arg=[PICTURE, before],
        )

    def choose(description, value):
        row = page.locator(".widget-dropdown", has_text=description)
        changes_to_another(lambda: row.locator("select").select_option(value))

    words = picture.get_attribute("alt")
    scene = page.locator(".widget-slider", has_text="scene")
    scene.locator(".noUi-handle").focus()
    changes_to_another(lambda: page.keyboard.press("ArrowRight"))
    assert scene.locator(".widget-readout").inner_text() == "1"
    assert picture.get_attribute("alt") != words

    choose("highlight", "road")
    assert "road" in picture.get_attribute("alt")
    choose("split", "train")


def test_keys_in_a_list_are_no_commands_for_the_notebook(open_notebook):
    """In JupyterLab's command mode "c", "a" and "x" copy, insert and cut cells."""
    page = open_notebook(BROWSER, PICTURE).page
    cells = page.locator(".jp-Cell").count()
    listed = page.locator(".widget-dropdown", has_text="highlight").locator("select")
    chosen = listed.locator("option:checked")
    listed.focus()
    page.keyboard.type("car")
    page.wait_for_function(
        "(selector) => document.querySelector(selector).alt.includes(': car ')", arg=PICTURE
    )
    page.keyboard.press("ArrowDown")
    assert chosen.inner_text() == "truck"
    outline = listed.evaluate("(element) => getComputedStyle(element).outlineStyle")
    assert outline == "solid"  # the focus is seen
    page.locator(".widget-slider", has_text="scene").locator(".noUi-handle").focus()
    page.keyboard.press("x")
    assert page.locator(".jp-Cell").count() == cells


def test_a_narrow_window_cuts_nothing_off(open_notebook):
    page = open_notebook(BROWSER, PICTURE, viewport={"width": 900, "height": 900}).page
    room = page.locator(".jp-OutputArea-output:has(.widget-hbox)").bounding_box()
    for control in page.locator(".widget-dropdown, .widget-slider, " + PICTURE).all():
        box = control.bounding_box()
        assert box["x"] + box["width"] <= room["x"] + room["width"]
