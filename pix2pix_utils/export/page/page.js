// The page around the studio's canvas: it answers the canvas's messages, which in a notebook Python
// does. Uses unpack.js, streets.js and the canvas, which come first in the same module.

const block = (id) => document.getElementById(id).textContent;
const { setup, identity, streets, models } = JSON.parse(block("page"));
const { size, classes } = setup;
const engine = document.getElementById("engine");
const decode = (runs) => decodeRuns(runs, size, classes.length);
for (const stamp of setup.stamps) stamp.shape = bytesOf(stamp.shape);

// ---- painting, in a worker

async function startWorker() {
  const source = new Blob([block("worker")], { type: "text/javascript" });
  const worker = new Worker(URL.createObjectURL(source));
  const waiting = []; // for the answers, which come in the order of the questions
  worker.onmessage = ({ data: { result, error } }) => {
    const { resolve, reject } = waiting.shift();
    if (error === undefined) resolve(result);
    else reject(Error(error));
  };
  worker.onerror = (event) => {
    for (const { reject } of waiting.splice(0)) reject(Error(event.message || "no worker"));
  };
  const ask = (task, details) =>
    new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      worker.postMessage({ task, details });
    });
  await ask("start", {
    runtime: block("runtime"),
    wasm: block("wasm"),
    networks: models.map((_, index) => block(`network-${index}`)),
    colors: classes.map(({ color }) => color),
    size,
  });
  return (map) => ask("paint", { model: chosen, map });
}

let chosen = 0; // index of the model that paints
const painter = startWorker();
const grey = new Uint8Array(3 * size * size).fill(128);
let pictures = [{ title: "photo", note: "getting ready", pixels: grey }];

function tell(words) {
  if (engine.textContent !== words) engine.textContent = words; // each change is read aloud
}

async function paint(map) {
  const { title } = models[chosen];
  try {
    const painted = await (await painter)(map);
    pictures = [{ title, note: `${Math.round(painted.milliseconds)} ms`, pixels: painted.pixels }];
    tell("Painted in this browser, with WebAssembly: nothing that you draw leaves it.");
    return true;
  } catch (error) {
    pictures = [{ title, note: "no photo", pixels: grey }];
    tell(`This browser cannot run the network (${error.message}). ` +
      "Open the page in a current Firefox, Chrome, Edge or Safari.");
    return false;
  }
}

// ---- what the canvas takes for its model, see receive() in canvas.js

const listeners = new Set();
let shown = decode(streets.scenes[0] ?? streets.empty); // the map on the screen
const answer = {
  latest: { classes: shown, pictures },
  send(details) {
    answer.latest = { ...details, pictures };
    for (const listener of listeners) listener();
  },
};
const model = {
  get: (name) => (name === "setup" ? setup : answer.latest),
  on: (_, listener) => listeners.add(listener),
  off: (_, listener) => listeners.delete(listener),
  async send({ kind, view, revision, scene }, _, [buffer]) {
    shown = new Uint8Array(buffer);
    const result = await ACTIONS[kind](shown, scene);
    answer.send({ kind, view, revision, ...result });
  },
};

const ACTIONS = {
  async paint(map) {
    await paint(map);
    return {};
  },
  async scene(_, scene) {
    shown = decode(scene < 0 ? streets.empty : streets.scenes[scene]);
    const map = shown;
    await paint(map);
    const name = scene < 0 ? "an empty street" : setup.scenes[scene];
    return { edited: true, classes: map, message: `started from ${name}` };
  },
  async photo(map) {
    if (!(await paint(map))) return { refused: true, message: "there is no photo to save" };
    return save("photo", (index) => pictures[0].pixels.subarray(3 * index, 3 * index + 3));
  },
  label_map: async (map) => save("label-map", (index) => classes[map[index]].color),
  async link(map) {
    const link = new URL(encodeStreet(map, size, identity), location.href).href;
    history.replaceState(null, "", link);
    const where = location.protocol === "file:"
      ? "It opens on this computer only: put the page on the web to share it." : "";
    try {
      await navigator.clipboard.writeText(link);
      return { message: `The link is copied. ${where}` };
    } catch {
      return { message: `The link is in the address bar. ${where}` };
    }
  },
};

// Download a picture of size x size pixels.
async function save(name, colorOf) {
  const canvas = make("canvas", { width: size, height: size });
  putPixels(canvas, colorOf);
  const file = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  const link = make("a", { href: URL.createObjectURL(file), download: `${name}.png` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // ms; the download has begun by then
  return { message: `saved as ${name}.png` };
}

// ---- streets in links

function streetOf(fragment) {
  try {
    return { map: decodeStreet(fragment, size, identity, classes.length) };
  } catch (error) {
    return { refused: true, message: error.message };
  }
}

const linked = streetOf(location.hash);
if (linked.map) shown = answer.latest.classes = linked.map;

// ---- the page

if (models.length > 1) {
  const radio = ({ title }, index) =>
    make("label", {}, make("input", { type: "radio", name: "model", checked: index === 0,
      onchange: async () => {
        chosen = index;
        await paint(shown);
        answer.send({});
      } }), title);
  document.getElementById("models").append(
    make("fieldset", { class: "models" }, make("legend", {}, "Model"), ...models.map(radio)));
}
render({ model, el: document.getElementById("studio") });
answer.send(linked.refused ? linked : {});
paint(shown).then(() => answer.send({}));

const notices = document.getElementById("notices");
notices.closest("details").addEventListener("toggle", async () => {
  notices.textContent ||= new TextDecoder().decode(await unpack(block("packed-notices")));
});

addEventListener("hashchange", async () => {
  const { map, ...refusal } = streetOf(location.hash);
  if (map) {
    shown = map;
    await paint(map);
    answer.send({ kind: "scene", classes: map, message: "started from the street in the link" });
  } else if (refusal.refused) answer.send(refusal);
});
