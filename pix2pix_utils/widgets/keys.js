// JupyterLab, since 4.1, treats a plain key that reaches the page as a command on cells, even if a
// widget's list or slider has the focus: "x" would cut the cell, an arrow key leave it.
function keep(event) {
  const forTheNotebook =
    event.ctrlKey || event.metaKey || event.altKey || (event.key === "Enter" && event.shiftKey);
  if (!forTheNotebook) event.stopPropagation();
}

function render({ el }) {
  let box = null;
  let frame = 0;
  // the box that this element is put into exists only after render() has returned
  function listen() {
    box = el.parentElement?.closest(".widget-box");
    if (box) box.addEventListener("keydown", keep);
    else frame = requestAnimationFrame(listen);
  }
  listen();
  return () => {
    cancelAnimationFrame(frame);
    box?.removeEventListener("keydown", keep);
  };
}

export default { render };
