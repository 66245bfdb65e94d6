// What ipywidgets' controls lack for readers who use a keyboard or a screen reader.

// JupyterLab, since 4.1, treats a plain key that reaches the page as a command on cells, even if a
// widget's list or slider has the focus: "x" would cut the cell, an arrow key leave it.
function keep(event) {
  const forTheNotebook =
    event.ctrlKey || event.metaKey || event.altKey || (event.key === "Enter" && event.shiftKey);
  if (!forTheNotebook) event.stopPropagation();
}

const PLAY = { "fa-play": "play", "fa-pause": "pause", "fa-stop": "to the start", "fa-retweet": "repeat" };

function nameControls(box) {
  for (const slider of box.querySelectorAll(".widget-slider")) {
    const name = slider.querySelector(".widget-label")?.textContent ?? "";
    const readout = slider.querySelector(".widget-readout");
    readout?.setAttribute("role", "textbox"); // its number can be typed
    readout?.setAttribute("aria-label", name);
    for (const handle of slider.querySelectorAll(".noUi-handle, .ui-slider-handle")) {
      handle.setAttribute("aria-label", name);
      if (handle.role === "slider" && !handle.dataset.byHand) continue;
      handle.dataset.byHand = true; // ipywidgets 7 gives no role and no value
      handle.setAttribute("role", "slider");
      handle.setAttribute("aria-valuenow", parseFloat(readout?.textContent) || 0);
      handle.setAttribute("aria-valuetext", readout?.textContent ?? "");
    }
  }
  for (const icon of box.querySelectorAll(".widget-play button i")) {
    const button = icon.closest("button");
    const kind = Object.keys(PLAY).find((one) => icon.classList.contains(one));
    button.title = PLAY[kind] ?? "";
    button.setAttribute("aria-label", button.title);
    if (kind === "fa-retweet")
      button.setAttribute("aria-pressed", button.classList.contains("mod-active"));
  }
}

function render({ el }) {
  let box = null;
  let frame = 0;
  const names = new MutationObserver(() => nameControls(box)); // a "play" becomes "pause"
  // the box that this element is put into exists only after render() has returned
  function listen() {
    box = el.parentElement?.closest(".widget-box");
    if (box) {
      box.addEventListener("keydown", keep);
      names.observe(box, { childList: true, subtree: true, attributeFilter: ["class"] });
      nameControls(box);
    } else frame = requestAnimationFrame(listen);
  }
  listen();
  return () => {
    cancelAnimationFrame(frame);
    names.disconnect();
    box?.removeEventListener("keydown", keep);
  };
}

export default { render };
