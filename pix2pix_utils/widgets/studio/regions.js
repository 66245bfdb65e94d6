// Edits of a class map by regions: the studio's own of regions.py, which notebooks use.
// A map is a Uint8Array of size x size classes, row by row; a region is one of the same length with
// 1 inside. Every function returns a new map and leaves its arguments unchanged.

const VERTICAL_WEIGHT = 3; // vertical distances count so many times, as in regions.py

// The region around a pixel: pixels of its class that touch by a side or a corner.
function connectedRegion(map, size, row, column) {
  const region = new Uint8Array(map.length);
  const first = row * size + column;
  const waiting = [first];
  region[first] = 1;
  while (waiting.length) {
    const at = waiting.pop();
    const [y, x] = [Math.floor(at / size), at % size];
    for (let ny = Math.max(0, y - 1); ny <= Math.min(size - 1, y + 1); ny++)
      for (let nx = Math.max(0, x - 1); nx <= Math.min(size - 1, x + 1); nx++) {
        const next = ny * size + nx;
        if (region[next] || map[next] !== map[first]) continue;
        region[next] = 1;
        waiting.push(next);
      }
  }
  return region;
}

// Give all pixels of a region one class.
const recolor = (map, region, to) => map.map((value, index) => (region[index] ? to : value));

// Remove a region and continue its surroundings in its place, as `remove` in regions.py says.
// `background` has for each class whether it may fill a gap. Returns null if the map has no other
// class than the region's.
function removeRegion(map, size, region, background) {
  const removed = new Set(map.filter((_, index) => region[index]));
  const others = map.map((value) => !removed.has(value));
  let sources = others.map((other, index) => other && background[map[index]]);
  if (!sources.includes(1)) sources = others;
  if (!sources.includes(1)) return null;
  const rows = nearestRows(sources, size);
  return map.map((value, index) => (region[index] ? map[nearest(rows, size, index)] : value));
}

// For each pixel the row of the nearest source in its column, or -1 if the column has none.
function nearestRows(sources, size) {
  const rows = new Int32Array(sources.length).fill(-1);
  for (let x = 0; x < size; x++) {
    let above = -1;
    for (let y = 0; y < size; y++) {
      if (sources[y * size + x]) above = y;
      rows[y * size + x] = above;
    }
    let below = -1;
    for (let y = size - 1; y >= 0; y--) {
      if (sources[y * size + x]) below = y;
      const known = rows[y * size + x];
      if (below >= 0 && (known < 0 || below - y < y - known)) rows[y * size + x] = below;
    }
  }
  return rows;
}

// The index of the source nearest to a pixel, from the nearest ones of every column.
function nearest(rows, size, index) {
  const [y, x] = [Math.floor(index / size), index % size];
  let [found, least] = [-1, Infinity];
  for (let across = 0; across < size && across ** 2 < least; across++)
    for (const column of [x - across, x + across]) {
      const row = column < 0 || column >= size ? -1 : rows[y * size + column];
      if (row < 0) continue;
      // from the middle of a pixel that is so many times as high to the edge of another
      const down = row === y ? 0 : VERTICAL_WEIGHT * Math.abs(row - y) - (VERTICAL_WEIGHT >> 1);
      const distance = across ** 2 + down ** 2;
      if (distance < least) [found, least] = [row * size + column, distance];
    }
  return found;
}

// Move a region by some pixels; its old place is filled as by `removeRegion`, or null returned.
// It covers whatever is at its new place; parts outside the map are cut off.
function moveRegion(map, size, region, rows, columns, background) {
  const moved = removeRegion(map, size, region, background);
  if (!moved) return null;
  region.forEach((inside, index) => {
    const [y, x] = [Math.floor(index / size) + rows, (index % size) + columns];
    if (inside && y >= 0 && x >= 0 && y < size && x < size) moved[y * size + x] = map[index];
  });
  return moved;
}

// Add a shape of one class, its pixel (left, top) at a pixel; parts outside the map are cut off.
function put(map, size, shape, to, row, column) {
  const changed = map.slice();
  eachPixel(shape, size, row, column, (index) => (changed[index] = to));
  return changed;
}

// Call `visit` with the index of every pixel that a shape covers at a place of the map.
function eachPixel({ mask, w, left, top }, size, row, column, visit) {
  mask.forEach((inside, index) => {
    const [y, x] = [row - top + Math.floor(index / w), column - left + (index % w)];
    if (inside && y >= 0 && x >= 0 && y < size && x < size) visit(y * size + x);
  });
}
