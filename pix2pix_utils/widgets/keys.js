// JupyterLab, from 4.1 on, takes a plain key that reaches the page for a command on cells, also when
// a list or a slider of a widget has the focus: "x" would cut the cell, an arrow leave it.
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
