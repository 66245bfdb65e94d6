// Shapes, pixels and photos on the street studio's canvases; needs no widget and no Python.

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") element.style.cssText = value; // the attribute needs unsafe-inline
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const bytes = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
const same = (one, other) => one.every((value, index) => value === other[index]);

// A shape is a mask of w x h pixels; the cursor is at its pixel (left, top).

// The outline of a shape as a path, in units of `scale` screen pixels.
function outline({ mask, w, h }, scale) {
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

// The shape of a round brush.
function brushMask(diameter) {
  const reach = Math.ceil(diameter / 2);
  const middle = reach + (diameter % 2 ? 0 : -0.5);
  const side = 2 * reach + 1;
  const mask = new Uint8Array(side * side);
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++)
      mask[y * side + x] = (x - middle) ** 2 + (y - middle) ** 2 <= diameter ** 2 / 4;
  return { mask, w: side, h: side, left: reach, top: reach };
}

// The shape of a stamp at a size in percent, at least one pixel; nearest neighbour.
function scaledStamp({ height, width, shape }, percent) {
  const [h, w] = [height, width].map((side) => Math.max(1, Math.round((side * percent) / 100)));
  const from = bytes(shape);
  const mask = new Uint8Array(w * h);
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++)
      mask[y * w + x] = from[
        Math.floor(((y + 0.5) * height) / h) * width + Math.floor(((x + 0.5) * width) / w)];
  return { mask, w, h, left: w >> 1, top: h - 1 };
}

// Fill a canvas with pixels; `colorOf` gives the [red, green, blue] of a pixel's number.
function putPixels(canvas, colorOf) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  for (let i = 0; 4 * i < image.data.length; i++) {
    image.data.set(colorOf(i), 4 * i);
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

// Draw a path with its origin at a pixel: white on black, which shows on any colour.
function drawPath(context, path, x, y, scale) {
  context.save();
  context.translate(x * scale, y * scale);
  for (const [width, color] of [[scale / 3 + 2, "black"], [scale / 6 + 1, "white"]]) {
    context.lineWidth = Math.min(width, width > 3 ? 5 : 2);
    context.strokeStyle = color;
    context.stroke(path);
  }
  context.restore();
}

// Show pictures of S x S pixels in an element, as canvases with captions, reusing those it has.
function showPhotos(element, pictures, size) {
  const shown = [...element.children];
  pictures.forEach(({ title, note, pixels }, index) => {
    const figure = shown[index] ?? element.appendChild(make("figure", {},
      make("canvas", { width: size, height: size, role: "img" }),
      make("figcaption", {}, make("b"), " ", make("span"))));
    const [canvas, caption] = figure.children;
    const photo = bytes(pixels);
    putPixels(canvas, (i) => photo.subarray(3 * i, 3 * i + 3));
    canvas.setAttribute("aria-label", `${title}, ${note}`);
    caption.firstChild.textContent = title;
    caption.lastChild.textContent = note;
  });
  shown.slice(pictures.length).forEach((figure) => figure.remove());
}
