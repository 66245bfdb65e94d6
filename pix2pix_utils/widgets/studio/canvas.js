// The screen of the street studio. It keeps the class map while someone paints, one byte a pixel, so
// that a stroke needs no round trip; Python (session.py) does every edit of a region and paints.

const KEEP = 100; // steps that can be undone
const PATIENCE = 5000; // ms without an answer before the status line says so
const OVERLAY = 640; // pixels of the overlay's side at least, for thin lines over coarse pixels
const FAR = 8; // pixels that Shift and an arrow key move the cursor by
const AS_IT_WAS = -1; // the eraser brings back the map that was started from

const TOOLS = [
  ["brush", "Brush", "b", "Drag to paint the chosen class."],
  ["eraser", "Eraser", "e", "Drag to erase, or with the right mouse button."],
  ["fill", "Fill", "f", "Give a whole region the chosen class."],
  ["pick", "Pick", "p", "Choose the class under the cursor. Alt does it with every tool."],
  ["move", "Move", "m", "Drag a region; its old place is filled from around it."],
  ["delete", "Delete", "d", "Take a region away; its place is filled from around it."],
  ["stamp", "Stamp", "s", "Put in a thing, its foot at the cursor."],
];

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const bytes = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

// The outline of a mask of w x h pixels as a path, in units of `scale` screen pixels.
function outline(mask, w, h, scale) {
  const path = new Path2D();
  const at = (x, y) => x >= 0 && y >= 0 && x < w && y < h && mask[y * w + x];
  const line = (x0, y0, x1, y1) => {
    path.moveTo(x0 * scale, y0 * scale);
    path.lineTo(x1 * scale, y1 * scale);
  };
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) {
      if (!at(x, y)) continue;
      if (!at(x - 1, y)) line(x, y, x, y + 1);
      if (!at(x + 1, y)) line(x + 1, y, x + 1, y + 1);
      if (!at(x, y - 1)) line(x, y, x + 1, y);
      if (!at(x, y + 1)) line(x, y + 1, x + 1, y + 1);
    }
  return path;
}

// The pixels of a round brush as offsets from the pixel under the cursor.
function dab(diameter) {
  const offsets = [];
  const center = diameter % 2 ? 0.5 : 0;
  const reach = Math.ceil(diameter / 2);
  for (let y = -reach; y <= reach; y++)
    for (let x = -reach; x <= reach; x++)
      if ((x + 0.5 - center) ** 2 + (y + 0.5 - center) ** 2 <= diameter ** 2 / 4)
        offsets.push([x, y]);
  return offsets;
}

function render({ model, el }) {
  const { size, classes, scenes, stamps, percent } = model.get("setup");
  const view = Math.random().toString(36).slice(2);
  const scale = Math.max(2, Math.ceil(OVERLAY / size));

  let pixels = bytes(model.get("answer").classes).slice();
  let start = pixels.slice(); // what the eraser brings back
  let undone = [];
  let done = [];
  let revision = 0; // of the map on this screen
  let outstanding = 0; // number of the question that is not answered yet
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
  const chip = ({ name, color }, index) =>
    make("label", { "data-class": index },
      radio("class", index, index === chosen, () => choose(index)),
      make("span", { class: "swatch", style: `background: rgb(${color})` }), name);
  const chips = classes.map(chip);
  const common = chips.filter((_, index) => !classes[index].rare);
  const rare = chips.filter((_, index) => classes[index].rare);
  const more = make("details", {}, make("summary", {}, "more classes"), ...rare);

  const brushSize = make("input", { type: "range", min: 1, max: Math.max(8, size >> 2),
    value: Math.max(1, size >> 4), oninput: () => showSizes() });
  const brushOut = make("output");
  const eraseTo = make("select", {},
    make("option", { value: AS_IT_WAS }, "what was there at the start"),
    ...classes.map(({ name }, index) => make("option", { value: index }, name)));
  const stampPick = make("select", { onchange: () => showSizes() },
    ...stamps.map(({ name }, index) => make("option", { value: index }, name)));
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

  const undoButton = make("button", { type: "button", title: "Ctrl+Z", onclick: undo }, "Undo");
  const redoButton = make("button", { type: "button", title: "Ctrl+Shift+Z or Ctrl+Y",
    onclick: redo }, "Redo");
  const scenePick = make("select", { class: "scene", onchange: () => {
      if (scenePick.value !== "") ask("scene", { scene: Number(scenePick.value) });
      scenePick.value = "";
    } },
    make("option", { value: "" }, "choose"),
    make("option", { value: -1 }, "an empty street"),
    ...scenes.map((name, index) => make("option", { value: index }, name)));
  const saveButton = make("button", { type: "button", onclick: () => ask("save") }, "Save");

  const hint = make("p", { class: "hidden", id: `${view}-hint` },
    "Arrow keys move the cursor, with Shift by 8 pixels. Space uses the tool: with brush, eraser " +
    "and move it lowers the pen, arrows then draw or drag, and Space lifts it again. Escape gives up. " +
    "Letters choose the tool: " + TOOLS.map(([, title, key]) => `${key} ${title}`).join(", ") +
    ". Square brackets change the size.");
  const map = make("canvas", { class: "map", width: size, height: size, tabindex: 0,
    role: "application", "aria-label": "Label map, paint here", "aria-describedby": hint.id });
  const overlay = make("canvas", { class: "overlay", width: size * scale, height: size * scale,
    "aria-hidden": "true" });
  const under = make("span", { class: "under" }, "move over the map to read its classes");
  const spoken = make("span", { class: "hidden", "aria-live": "polite" });
  const status = make("div", { class: "status", role: "status" });
  const photos = make("div", { class: "photos" });

  const root = make("div", {
      class: "street-studio",
      onkeydown: pressKey,
    },
    make("div", { class: "bar" },
      group("tool", "tools", ...toolButtons),
      make("div", { class: "actions" }, undoButton, redoButton, saveButton,
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

  const context = map.getContext("2d");
  const image = context.createImageData(size, size);
  function drawMap() {
    for (let i = 0; i < pixels.length; i++) {
      const [red, green, blue] = classes[pixels[i]].color;
      image.data.set([red, green, blue, 255], 4 * i);
    }
    context.putImageData(image, 0, 0);
  }

  function changed() {
    revision += 1;
    drawMap();
    paintSoon();
  }

  function remember(before) {
    done.push(before);
    if (done.length > KEEP) done.shift();
    undone = [];
    showHistory();
  }
  function undo() { stepInto(done, undone, "undone"); }
  function redo() { stepInto(undone, done, "done again"); }
  function stepInto(from, to, words) {
    if (gesture || !from.length) return;
    say(words);
    to.push(pixels);
    pixels = from.pop();
    showHistory();
    showUnder();
    changed();
  }
  // aria-disabled, not disabled: the focus must not be lost when the last step is undone
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
    waiting = setTimeout(() => say("Python has not answered yet. It may be busy with another " +
      "cell; after a restart, run this cell again."), PATIENCE);
    root.dataset.busy = true;
  }
  // While somebody paints: as often as Python answers, and once more for what came meanwhile.
  function paintSoon() {
    if (outstanding) unsent = true;
    else ask("paint");
  }

  function receive() {
    const answer = model.get("answer");
    const mine = answer.view === view;
    if (mine && answer.revision >= outstanding) {
      outstanding = 0;
      clearTimeout(waiting);
      if (status.dataset.late) say("");
    }
    showPhotos(answer.pictures);
    if (mine && answer.region && gesture) gesture.take?.(answer);
    const asked = mine && answer.edited;
    if (asked && answer.revision !== revision) {
      say("You painted on meanwhile, so that was not done; try it again.");
    } else if (asked || !mine) {
      const next = bytes(answer.classes);
      if (next.some((value, index) => value !== pixels[index])) {
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
    status.dataset.late = words.startsWith("Python has not") ? "true" : "";
  }

  function showPhotos(pictures) {
    const shown = [...photos.children];
    pictures.forEach(({ title, note, pixels: rgb }, index) => {
      const figure = shown[index] ?? photos.appendChild(make("figure", {},
        make("canvas", { width: size, height: size, role: "img" }),
        make("figcaption", {}, make("b"), " ", make("span"))));
      const [canvas, caption] = figure.children;
      const own = canvas.getContext("2d");
      const photo = own.createImageData(size, size);
      const from = bytes(rgb);
      for (let i = 0, j = 0; i < from.length; i += 3, j += 4)
        photo.data.set([from[i], from[i + 1], from[i + 2], 255], j);
      own.putImageData(photo, 0, 0);
      canvas.setAttribute("aria-label", `${title}, ${note}`);
      caption.firstChild.textContent = title;
      caption.lastChild.textContent = note;
    });
    shown.slice(pictures.length).forEach((figure) => figure.remove());
  }

  // ---- tools: each begins a gesture, which is drawn on, ended, or given up

  function stroke(point, valueAt) {
    const before = pixels.slice();
    const offsets = dab(Number(brushSize.value));
    let last = point;
    const touch = ({ x, y }) => {
      for (const [dx, dy] of offsets) {
        const [px, py] = [x + dx, y + dy];
        if (px < 0 || py < 0 || px >= size || py >= size) continue;
        const index = py * size + px;
        pixels[index] = valueAt(index);
      }
    };
    touch(point);
    changed();
    return {
      drag(next) {
        const steps = Math.max(Math.abs(next.x - last.x), Math.abs(next.y - last.y));
        for (let step = 1; step <= steps; step++)
          touch({
            x: Math.round(last.x + ((next.x - last.x) * step) / steps),
            y: Math.round(last.y + ((next.y - last.y) * step) / steps),
          });
        if (steps) changed();
        last = next;
      },
      end() {
        if (before.some((value, index) => value !== pixels[index])) remember(before);
      },
      giveUp() {
        pixels = before;
        changed();
      },
    };
  }

  function carry(point) {
    let to = point;
    let carried = null;
    ask("region", { row: point.y, column: point.x });
    return {
      take(answer) {
        carried = outline(bytes(answer.region), size, size, scale);
      },
      drag(next) {
        to = next;
      },
      end() {
        const [rows, columns] = [to.y - point.y, to.x - point.x];
        if (rows || columns) ask("move", { row: point.y, column: point.x, rows, columns });
      },
      giveUp() {},
      draw(lines) {
        if (carried) lines(carried, to.x - point.x, to.y - point.y);
      },
    };
  }

  function begin(name, point) {
    const { x: column, y: row } = point;
    if (name === "brush") return stroke(point, () => chosen);
    if (name === "eraser") {
      const to = Number(eraseTo.value);
      return stroke(point, (index) => (to === AS_IT_WAS ? start[index] : to));
    }
    if (name === "move") return carry(point);
    if (name === "pick") choose(pixels[row * size + column]);
    if (name === "fill") ask("fill", { row, column, class: chosen });
    if (name === "delete") ask("delete", { row, column });
    if (name === "stamp" && stamps.length)
      ask("stamp", { row, column, stamp: Number(stampPick.value), percent: Number(stampSize.value) });
    return null;
  }

  function endGesture() {
    const ended = gesture;
    gesture = null;
    ended?.end();
    drawOverlay();
  }
  function giveUp() {
    const given = gesture;
    gesture = null;
    given?.giveUp();
    drawOverlay();
  }

  function useTool(name) {
    if (gesture) giveUp();
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
    speak(`chosen: ${classes[index].name}`);
  }
  function showSizes() {
    brushOut.textContent = `${brushSize.value} px`;
    stampOut.textContent = `${stampSize.value} %`;
    drawOverlay();
  }

  // ---- what is drawn over the map

  const lines = overlay.getContext("2d");
  function drawOverlay() {
    lines.clearRect(0, 0, overlay.width, overlay.height);
    const drawLines = (path, x, y) => {
      lines.save();
      lines.translate(x * scale, y * scale);
      for (const [width, color] of [[scale / 3 + 2, "black"], [scale / 6 + 1, "white"]]) {
        lines.lineWidth = Math.min(width, width > 3 ? 5 : 2);
        lines.strokeStyle = color;
        lines.stroke(path);
      }
      lines.restore();
    };
    if (gesture?.draw) gesture.draw(drawLines);
    if (!cursorShown) return;
    const { x, y } = cursor;
    if (tool === "stamp" && stamps.length) {
      const { shape, w, h } = scaledStamp();
      drawLines(outline(shape, w, h, scale), x - Math.floor(w / 2), y - h + 1);
    } else if (tool === "brush" || tool === "eraser") {
      const offsets = dab(Number(brushSize.value));
      const least = Math.min(...offsets.map(([dx]) => dx));
      const side = Number(brushSize.value) + 2;
      const mask = new Uint8Array(side * side);
      for (const [dx, dy] of offsets) mask[(dy - least) * side + dx - least] = 1;
      drawLines(outline(mask, side, side, scale), x + least, y + least);
    } else {
      drawLines(outline([1], 1, 1, scale), x, y);
    }
  }
  // as Stamp.scaled in scenery.py; Python decides, this only shows where
  function scaledStamp() {
    const { height, width, shape } = stamps[Number(stampPick.value)];
    const factor = Number(stampSize.value) / 100;
    const [h, w] = [height, width].map((side) => Math.max(1, Math.round(side * factor)));
    const from = bytes(shape);
    const result = new Uint8Array(w * h);
    for (let y = 0; y < h; y++)
      for (let x = 0; x < w; x++)
        result[y * w + x] = from[
          Math.floor(((y + 0.5) * height) / h) * width + Math.floor(((x + 0.5) * width) / w)];
    return { shape: result, w, h };
  }

  function showUnder() {
    const name = classes[pixels[cursor.y * size + cursor.x]].name;
    under.textContent = `${name}, row ${cursor.y}, column ${cursor.x}`;
    return under.textContent;
  }
  function speak(words) {
    spoken.textContent = words;
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
    if (gesture) giveUp();
    cursor = pixelAt(event);
    cursorShown = true;
    gesture = begin(erasing ? "eraser" : event.altKey ? "pick" : tool, cursor);
    showUnder();
    drawOverlay();
  });
  map.addEventListener("pointermove", (event) => {
    if (!event.isPrimary) return;
    if (gesture && map.hasPointerCapture(event.pointerId)) {
      // a stroke may leave the map and come back; a fast one has more points than events
      const passed = event.getCoalescedEvents?.() ?? [];
      for (const one of passed.length ? passed : [event]) gesture.drag(pixelAt(one, false));
    }
    cursor = pixelAt(event);
    cursorShown = true;
    showUnder();
    drawOverlay();
  });
  map.addEventListener("pointerup", (event) => {
    if (event.isPrimary && gesture && map.hasPointerCapture(event.pointerId)) endGesture();
  });
  map.addEventListener("pointercancel", giveUp);
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
    if (gesture) endGesture();
    cursorShown = false;
    drawOverlay();
  });
  map.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? FAR : 1;
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key in way) {
      const [x, y] = way[event.key];
      cursor = { x: clamp(cursor.x + x * step), y: clamp(cursor.y + y * step) };
      gesture?.drag(cursor);
    } else if (event.key === " " || event.key === "Enter") {
      if (gesture) endGesture();
      else gesture = begin(tool, cursor);
    } else if (event.key === "Escape") {
      giveUp();
    } else return;
    event.preventDefault();
    cursorShown = true;
    speak(showUnder());
    drawOverlay();
  });

  function pressKey(event) {
    const key = event.key.toLowerCase();
    const ctrl = event.ctrlKey || event.metaKey;
    const history = ctrl && (key === "z" || key === "y");
    const runsTheCell = event.shiftKey && event.key === "Enter";
    // JupyterLab would take "b" for a new cell, and arrow keys, and the focus with them, for itself
    if (history || !(ctrl || event.altKey || runsTheCell)) event.stopPropagation();
    if (history) {
      if (key === "y" || event.shiftKey) redo();
      else undo();
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
  showPhotos(model.get("answer").pictures);
  showHistory();
  showSizes();
  useTool(tool);
  return () => {
    clearTimeout(waiting);
    model.off("change:answer", receive);
  };
}

export default { render };
