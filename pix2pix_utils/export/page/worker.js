// Paints photos beside the page, so that drawing never waits. Uses unpack.js, which comes first.

let ort; // the runtime
let size, colors, networks; // of the page
const sessions = []; // of the networks that have painted

async function start({ runtime, wasm, ...page }) {
  ({ size, colors, networks } = page);
  // in a page from a file, a module's address can only be imported where it was made
  const module = new Blob([await unpack(runtime)], { type: "text/javascript" });
  ort = await import(URL.createObjectURL(module));
  ort.env.wasm.numThreads = 1; // threads need headers that a file does not have
  ort.env.wasm.wasmBinary = await unpack(wasm);
}

async function open(network) {
  const session = await ort.InferenceSession.create(await unpack(network));
  const blank = new ort.Tensor("float32", new Float32Array(3 * size * size), [1, 3, size, size]);
  await session.run({ label: blank }); // the first run allocates and is slower
  return session;
}

async function paint({ model, map }) {
  const session = await (sessions[model] ??= open(networks[model]));
  const begin = performance.now();
  const area = size * size;
  const label = new Float32Array(3 * area); // in [-1, 1], one plane after the other
  for (let i = 0; i < area; i++)
    for (let channel = 0; channel < 3; channel++)
      label[channel * area + i] = colors[map[i]][channel] / 127.5 - 1;
  const input = new ort.Tensor("float32", label, [1, 3, size, size]);
  const { data } = (await session.run({ label: input })).photo;
  const pixels = new Uint8ClampedArray(3 * area); // rounds and clamps
  for (let i = 0; i < area; i++)
    for (let channel = 0; channel < 3; channel++)
      pixels[3 * i + channel] = (data[channel * area + i] + 1) * 127.5;
  return { pixels, milliseconds: performance.now() - begin };
}

const tasks = { start, paint };
let last = Promise.resolve(); // one task after the other, in the order of the messages
onmessage = ({ data: { task, details } }) => {
  last = last.then(async () => {
    try {
      postMessage({ result: await tasks[task](details) });
    } catch (error) {
      postMessage({ error: String(error?.message ?? error) });
    }
  });
};
