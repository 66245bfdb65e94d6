// Class maps as text: for the streets to start from, and for links. The same code as runs.py.
//
// A map is a sequence of runs, row by row. A run is two numbers: 0 for "as the row above" or a
// class + 1, and its length in pixels. A number is written in groups of 7 bits, lowest first; all
// bytes but its last have the eighth bit set. The bytes are written in base64 with - and _.

const DAMAGED = "the street in the link is damaged; copy the whole link again";

function encodeRuns(map, size) {
  const code = [];
  const write = (number) => {
    for (; number > 127; number >>= 7) code.push((number & 127) | 128);
    code.push(number);
  };
  const reach = (start, as) => {
    let end = start;
    while (end < map.length && map[end] === as(end)) end += 1;
    return end;
  };
  for (let at = 0; at < map.length; ) {
    const above = reach(at, (index) => map[index - size]);
    const alike = reach(at, () => map[at]);
    write(above >= alike ? 0 : map[at] + 1);
    write(Math.max(above, alike) - at);
    at = Math.max(above, alike);
  }
  const letters = btoa(String.fromCharCode(...code));
  return letters.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

// Throws an error with a sentence for a text that is no map of this size with so many classes.
function decodeRuns(text, size, classes) {
  if (!/^[\w-]*$/.test(text) || text.length % 4 === 1) throw Error(DAMAGED);
  const letters = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  const map = new Uint8Array(size * size);
  let [at, next] = [0, 0];
  const read = () => {
    let number = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      if (next >= letters.length) break;
      const byte = letters.charCodeAt(next++);
      number |= (byte & 127) << shift;
      if (byte < 128) return number;
    }
    throw Error(DAMAGED);
  };
  while (at < map.length) {
    const [kind, length] = [read(), read()];
    const above = kind === 0;
    if (!length || at + length > map.length || kind > classes || (above && at < size))
      throw Error(DAMAGED);
    for (const end = at + length; at < end; at++) map[at] = above ? map[at - size] : kind - 1;
  }
  if (next < letters.length) throw Error(DAMAGED);
  return map;
}

// A check sum of a map (FNV-1a, 32 bits), in hexadecimal.
function checkSum(map) {
  let sum = 0x811c9dc5;
  for (const value of map) sum = Math.imul(sum ^ value, 0x01000193);
  return (sum >>> 0).toString(16);
}

// A link's fragment: size, identity of the classes, check sum, runs.
const encodeStreet = (map, size, identity) =>
  `#street=${size}.${identity}.${checkSum(map)}.${encodeRuns(map, size)}`;

// The map of a fragment, or null if it names no street; throws an error with a sentence for one
// that does not fit this page.
function decodeStreet(fragment, size, identity, classes) {
  if (!fragment.startsWith("#street=")) return null;
  const [side, palette, sum, runs, ...more] = fragment.slice("#street=".length).split(".");
  if (runs === undefined || more.length) throw Error(DAMAGED);
  if (side !== String(size))
    throw Error(`the street in the link is not ${size} x ${size} pixels, as this page's are; ` +
      "open it in the page that it was made with");
  if (palette !== identity)
    throw Error("the street in the link has other classes than this page; " +
      "open it in the page that it was made with");
  const map = decodeRuns(runs, size, classes);
  if (checkSum(map) !== sum) throw Error(DAMAGED);
  return map;
}
