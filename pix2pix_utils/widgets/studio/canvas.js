// The street studio's user interface. It holds the class map, one byte per pixel, and edits it; who
// answers its messages paints the photos: Python (session.py) in a notebook, a worker in the page
// that `export --web` writes. Uses drawing.js and regions.js, which come first in the same module.

const KEEP = 100; // steps that can be undone
const PATIENCE = 5000; // ms without an answer before the status line says `late`
const OVERLAY = 640; // smallest side of the overlay in pixels, for thin lines over coarse pixels
const FAR = 8; // pixels that Shift and an arrow key move the cursor by
const AS_IT_WAS = -1; // the eraser restores the map as it was at the start

const TOOLS = [
  ["brush", "Brush", "b", "Drag to paint the chosen class."],
  ["eraser", "Eraser", "e", "Drag to erase, or with the right mouse button."],
  ["fill", "Fill", "f", "Give a whole region the chosen class."],
  ["pick", "Pick", "p", "Choose the class under the cursor. Alt does it with every tool."],
  ["move", "Move", "m", "Drag a region; its old place is filled from around it."],
  ["delete", "Delete", "d", "Remove a region; its place is filled from around it."],
  ["stamp", "Stamp", "s", "Add an object, its foot at the cursor."],
];

function render({ model, el }) {
  const { size, classes, scenes, stamps, percent, actions, late } = model.get("setup");
  const background = classes.map((one) => one.background);
  const view = Math.random().toString(36).slice(2);
  const scale = Math.max(2, Math.ceil(OVERLAY / size));

  let pixels = bytes(model.get("answer").classes).slice();
  let start = pixels.slice(); // what the eraser restores
  let undone = [];
  let done = [];
  let revision = 0; // of the map on this screen
  let outstanding = 0; // revision of the unanswered question, if any
  let unsent = false; // the map has changed since it was sent
  let tool = "brush";
  let chosen = 0;
  let cursor = { x: size >> 1, y: size >> 1 };
  let cursorShown = false;
  let gesture = null; // what the pressed pointer, or the lowered pen of the keyboard, is doing
  let waiting;

  // ---- elements

  const group = (legend, css, ...children) =>
    make("fieldset", { class: css }, make("legend", {}, legend), ...children);
  const radio = (name, value, checked, onchange) =>
    make("input", { type: "radio", name: `${view}-${name}`, value, checked, onchange });

  const toolButtons = TOOLS.map(([name, title, key, help]) =>
    make("label", { title: `${help} Key: ${key.toUpperCase()}`, "data-tool": name },
      radio("tool", name, name === tool, () => useTool(name)), title));
  const chips = classes.map(({ name, color }, index) =>
    make("label", { "data-class": index },
      radio("class", index, index === chosen, () => choose(index)),
      make("span", { class: "swatch", style: `background: rgb(${color})` }), name));
  const common = chips.filter((_, index) => !classes[index].rare);
  const rare = chips.filter((_, index) => classes[index].rare);
  const more = make("details", {}, make("summary", {}, "more classes"), ...rare);

  const brushSize = make("input", { type: "range", min: 1, max: Math.max(8, size >> 2),
    value: Math.max(1, size >> 4), oninput: () => showSizes() });
  const brushOut = make("output");
  const entries = (names) => names.map((name, index) => make("option", { value: index }, name));
  const nameOf = ({ name }) => name;
  const eraseTo = make("select", {},
    make("option", { value: AS_IT_WAS }, "what was there at the start"),
    ...entries(classes.map(nameOf)));
  const stampPick = make("select", { onchange: () => showSizes() },
    ...entries(stamps.map(nameOf)));
  const stampSize = make("input", { type: "range", min: percent[0], max: percent[1], step: 5,
    value: 100, oninput: () => showSizes() });
  const stampOut = make("output");
  const option = (words, tools, ...controls) =>
    make("label", { class: "option", "data-tools": tools }, words, ...controls);
  const help = make("p", { class: "help" });
  const options = make("div", { class: "options" },
    option("brush size ", "brush eraser", brushSize, brushOut),
    option("erase to ", "eraser", eraseTo),
    option("stamp ", "stamp", stampPick),
    option("its size ", "stamp", stampSize, stampOut));

  const button = (title, text, onclick) => make("button", { type: "button", title, onclick }, text);
  const undoButton = button("Ctrl+Z", "Undo", () => restore(done, undone, "undone"));
  const redoButton = button("Ctrl+Shift+Z or Ctrl+Y", "Redo",
    () => restore(undone, done, "done again"));
  const actionButtons = actions.map(({ kind, text, title }) => button(title, text, () => ask(kind)));
  const scenePick = make("select", { class: "scene", onchange: () => {
      if (scenePick.value !== "") ask("scene", { scene: Number(scenePick.value) });
      scenePick.value = "";
    } },
    make("option", { value: "" }, "choose"),
    make("option", { value: -1 }, "an empty street"),
    ...entries(scenes));

  const hint = make("p", { class: "hidden", id: `${view}-hint` },
    "Arrow keys move the cursor, with Shift by 8 pixels. Space uses the tool: with brush, eraser " +
    "and move it lowers the pen, arrows then draw or drag, and Space lifts it again. Escape cancels. " +
    "Letters choose the tool: " + TOOLS.map(([, title, key]) => `${key} ${title}`).join(", ") +
    ". Square brackets change the size.");
  const map = make("canvas", { class: "map", width: size, height: size, tabindex: 0,
    role: "application", "aria-label": "Label map, paint here", "aria-describedby": hint.id });
  const overlay = make("canvas", { class: "overlay", width: size * scale, height: size * scale,
    "aria-hidden": "true" });
  const under = make("span", { class: "under" }, "point at it to read its classes");
  const spoken = make("span", { class: "hidden", "aria-live": "polite" });
  const status = make("div", { class: "status", role: "status" });
  const photos = make("div", { class: "photos" });

  const root = make("div", { class: "street-studio", onkeydown: pressKey },
    make("div", { class: "bar" },
      group("tool", "tools", ...toolButtons),
      make("div", { class: "actions" }, undoButton, redoButton, ...actionButtons,
        make("label", {}, "start from ", scenePick))),
    make("div", { class: "second bar" }, help, options),
    group("class to paint", "classes", ...common, ...(rare.length ? [more] : [])),
    make("div", { class: "pictures" },
      make("figure", { class: "painted" },
        make("div", { class: "stack" }, map, overlay),
        make("figcaption", {}, make("b", {}, "label map"), " ", under, spoken, hint)),
      photos),
    status);
  el.append(root);

  // ---- the map

  const drawMap = () => putPixels(map, (i) => classes[pixels[i]].color);
  // Photos are painted as often as answers come, and once more for what has changed since.
  function changed() {
    revision += 1;
    drawMap();
    if (outstanding) unsent = true;
    else ask("paint");
  }

  // Show an edited map; null if the edit cannot be done, as only `removeRegion` may say.
  function edit(next, words) {
    if (!next)
      return say("the label map has only this class, so nothing can fill the gap; " +
        "paint another first", true);
    say(words);
    if (same(next, pixels)) return;
    remember(pixels);
    pixels = next;
    showUnder();
    changed();
  }

  function remember(before) {
    done.push(before);
    if (done.length > KEEP) done.shift();
    undone = [];
    showHistory();
  }
  function restore(from, to, words) {
    if (gesture || !from.length) return;
    say(words);
    to.push(pixels);
    pixels = from.pop();
    showHistory();
    showUnder();
    changed();
  }
  // aria-disabled instead of disabled, so that the focus stays when the last step is undone
  function showHistory() {
    undoButton.setAttribute("aria-disabled", !done.length);
    redoButton.setAttribute("aria-disabled", !undone.length);
  }

  // ---- questions and answers

  function ask(kind, details = {}) {
    outstanding = revision += 1;
    unsent = false;
    model.send({ kind, view, revision, ...details }, undefined, [pixels.slice().buffer]);
    clearTimeout(waiting);
    waiting = setTimeout(() => say(late), PATIENCE);
    root.dataset.busy = true;
  }

  function receive() {
    const answer = model.get("answer");
    const mine = answer.view === view;
    if (mine && answer.revision >= outstanding) {
      outstanding = 0;
      clearTimeout(waiting);
      if (status.textContent === late) say("");
    }
    showPhotos(photos, answer.pictures, size);
    const asked = mine && answer.edited;
    if (asked && answer.revision !== revision) {
      say("You painted in the meantime, so that was not done; try again.");
    } else if (answer.classes && (asked || !mine)) {
      const next = bytes(answer.classes);
      if (!same(next, pixels)) {
        if (gesture && !mine) gesture = null;
        remember(pixels);
        pixels = next.slice();
        drawMap();
        showUnder();
      }
      if (answer.kind === "scene") start = pixels.slice();
    }
    if (answer.message) say(answer.message, answer.refused);
    if (unsent && !outstanding) ask("paint");
    root.dataset.busy = Boolean(outstanding);
    drawOverlay();
  }

  function say(words, refused = false) {
    status.textContent = words;
    status.classList.toggle("refused", refused);
  }

  // ---- tools: each may begin a gesture, which is dragged, then ended or cancelled

  function stroke(point, valueAt) {
    const before = pixels.slice();
    const brush = brushMask(Number(brushSize.value));
    let last = point;
    const touch = ({ x, y }) =>
      eachPixel(brush, size, y, x, (index) => (pixels[index] = valueAt(index)));
    touch(point);
    changed();
    return {
      drag(next) {
        const [dx, dy] = [next.x - last.x, next.y - last.y];
        const steps = Math.max(Math.abs(dx), Math.abs(dy));
        const along = (from, way, step) => Math.round(from + (way * step) / steps);
        for (let step = 1; step <= steps; step++)
          touch({ x: along(last.x, dx, step), y: along(last.y, dy, step) });
        if (steps) changed();
        last = next;
      },
      end() {
        if (!same(before, pixels)) remember(before);
      },
      cancel() {
        pixels = before;
        changed();
      },
    };
  }

  function carry(point) {
    let to = point;
    const region = connectedRegion(pixels, size, point.y, point.x);
    const carried = outline({ mask: region, w: size, h: size }, scale);
    return {
      drag(next) {
        to = next;
      },
      end() {
        const [rows, columns] = [to.y - point.y, to.x - point.x];
        if (rows || columns)
          edit(moveRegion(pixels, size, region, rows, columns, background),
            `moved: ${nameAt(point)}`);
      },
      draw() {
        drawPath(lines, carried, to.x - point.x, to.y - point.y, scale);
      },
    };
  }

  function begin(name, point) {
    const { x: column, y: row } = point;
    const region = () => connectedRegion(pixels, size, row, column);
    if (name === "brush") return stroke(point, () => chosen);
    if (name === "eraser") {
      const to = Number(eraseTo.value);
      return stroke(point, (index) => (to === AS_IT_WAS ? start[index] : to));
    }
    if (name === "move") return carry(point);
    if (name === "pick") choose(pixels[row * size + column]);
    if (name === "fill")
      edit(recolor(pixels, region(), chosen),
        `filled: ${nameAt(point)} with ${classes[chosen].name}`);
    if (name === "delete")
      edit(removeRegion(pixels, size, region(), background), `deleted: ${nameAt(point)}`);
    if (name === "stamp" && stamps.length) {
      const stamp = stamps[Number(stampPick.value)];
      const shape = scaledStamp(stamp, Number(stampSize.value));
      edit(put(pixels, size, shape, stamp.class, row, column), `added: ${stamp.name}`);
    }
    return null;
  }

  function finish(how) {
    const finished = gesture;
    gesture = null;
    finished?.[how]?.();
    drawOverlay();
  }

  function useTool(name) {
    if (gesture) finish("cancel");
    tool = name;
    for (const label of toolButtons) label.firstChild.checked = label.dataset.tool === name;
    for (const label of options.querySelectorAll(".option"))
      label.hidden = !label.dataset.tools.split(" ").includes(name);
    help.textContent = TOOLS.find(([own]) => own === name)[3];
    map.dataset.tool = name;
    drawOverlay();
  }
  function choose(index) {
    chosen = index;
    if (classes[index].rare) more.open = true;
    chips[index].querySelector("input").checked = true;
    spoken.textContent = `chosen: ${classes[index].name}`;
  }
  function showSizes() {
    brushOut.textContent = `${brushSize.value} px`;
    stampOut.textContent = `${stampSize.value} %`;
    drawOverlay();
  }

  // ---- the overlay: what the tool would change

  const lines = overlay.getContext("2d");
  function drawOverlay() {
    lines.clearRect(0, 0, overlay.width, overlay.height);
    gesture?.draw?.();
    if (!cursorShown) return;
    let shape = { mask: [1], w: 1, h: 1, left: 0, top: 0 };
    if (tool === "stamp" && stamps.length)
      shape = scaledStamp(stamps[Number(stampPick.value)], Number(stampSize.value));
    else if (tool === "brush" || tool === "eraser") shape = brushMask(Number(brushSize.value));
    drawPath(lines, outline(shape, scale), cursor.x - shape.left, cursor.y - shape.top, scale);
  }

  const nameAt = ({ x, y }) => classes[pixels[y * size + x]].name;
  function showUnder() {
    under.textContent = `${nameAt(cursor)}, row ${cursor.y}, column ${cursor.x}`;
    return under.textContent;
  }
  function moveCursor(to) {
    cursor = to;
    cursorShown = true;
    drawOverlay();
    return showUnder();
  }

  // ---- mouse, pen and touch

  const clamp = (value) => Math.min(size - 1, Math.max(0, value));
  function pixelAt(event, inside = true) {
    const box = map.getBoundingClientRect();
    const x = Math.floor(((event.clientX - box.left) / box.width) * size);
    const y = Math.floor(((event.clientY - box.top) / box.height) * size);
    return inside ? { x: clamp(x), y: clamp(y) } : { x, y };
  }
  map.addEventListener("pointerdown", (event) => {
    const erasing = event.button === 2 || event.button === 5; // right button, a pen's eraser
    if (!event.isPrimary || (event.button !== 0 && !erasing)) return;
    event.preventDefault();
    map.focus({ preventScroll: true });
    map.setPointerCapture(event.pointerId);
    if (gesture) finish("cancel");
    const point = pixelAt(event);
    gesture = begin(erasing ? "eraser" : event.altKey ? "pick" : tool, point);
    moveCursor(point);
  });
  map.addEventListener("pointermove", (event) => {
    if (!event.isPrimary) return;
    if (gesture && map.hasPointerCapture(event.pointerId)) {
      // a stroke may leave the map and come back; a fast one has more points than events
      const passed = event.getCoalescedEvents?.() ?? [];
      for (const one of passed.length ? passed : [event]) gesture.drag(pixelAt(one, false));
    }
    moveCursor(pixelAt(event));
  });
  map.addEventListener("pointerup", (event) => {
    if (event.isPrimary && gesture && map.hasPointerCapture(event.pointerId)) finish("end");
  });
  map.addEventListener("pointercancel", () => finish("cancel"));
  map.addEventListener("pointerleave", () => {
    cursorShown = map.matches(":focus-visible");
    drawOverlay();
  });
  map.addEventListener("contextmenu", (event) => {
    event.preventDefault();
    event.stopPropagation();
  });

  // ---- keyboard

  map.addEventListener("focus", () => {
    cursorShown ||= map.matches(":focus-visible");
    drawOverlay();
  });
  map.addEventListener("blur", () => {
    if (gesture) finish("end");
    cursorShown = false;
    drawOverlay();
  });
  map.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? FAR : 1;
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    let to = cursor;
    if (event.key in way) {
      const [x, y] = way[event.key];
      to = { x: clamp(cursor.x + x * step), y: clamp(cursor.y + y * step) };
      gesture?.drag(to);
    } else if (event.key === " " || event.key === "Enter") {
      if (gesture) finish("end");
      else gesture = begin(tool, cursor);
    } else if (event.key === "Escape") {
      finish("cancel");
    } else return;
    event.preventDefault();
    spoken.textContent = moveCursor(to);
  });

  function pressKey(event) {
    const key = event.key.toLowerCase();
    const ctrl = event.ctrlKey || event.metaKey;
    const history = ctrl && (key === "z" || key === "y");
    const runsTheCell = event.shiftKey && event.key === "Enter";
    // JupyterLab would insert a cell on "b", and leave the cell on arrow keys
    if (history || !(ctrl || event.altKey || runsTheCell)) event.stopPropagation();
    if (history) {
      (key === "y" || event.shiftKey ? redoButton : undoButton).click();
    } else if (ctrl || event.altKey || event.target.tagName === "SELECT") {
      return; // letters choose an entry of a list
    } else if (key === "[" || key === "]") {
      const slider = tool === "stamp" ? stampSize : brushSize;
      if (key === "[") slider.stepDown();
      else slider.stepUp();
      showSizes();
    } else {
      const found = TOOLS.find(([, , own]) => own === key);
      if (!found) return;
      useTool(found[0]);
    }
    event.preventDefault();
  }

  model.on("change:answer", receive);
  drawMap();
  showPhotos(photos, model.get("answer").pictures, size);
  showHistory();
  showSizes();
  useTool(tool);
  return () => {
    clearTimeout(waiting);
    model.off("change:answer", receive);
  };
}

export default { render };
