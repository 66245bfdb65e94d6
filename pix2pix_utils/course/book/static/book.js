// The two side bars are told apart, and what scrolls sideways can be reached with the keyboard.
document.querySelector(".sidebar-drawer")?.setAttribute("aria-label", "Site");
document.querySelector(".toc-drawer")?.setAttribute("aria-label", "This page");

const boxes = document.querySelectorAll(".highlight pre, .table-wrapper, div.math");
const update = () => {
  for (const box of boxes) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
};
update();
addEventListener("resize", update);
