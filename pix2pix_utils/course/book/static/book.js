// What scrolls sideways can be reached with the keyboard.
const boxes = document.querySelectorAll(".highlight pre, .table-wrapper, div.math");
const update = () => {
  for (const box of boxes) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
};
update();
addEventListener("resize", update);
