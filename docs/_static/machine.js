// The decoder of lesson 00 in the reader's browser: a walk over its map, by itself or by hand. Nothing but this file and
// decoder.bin: half floats W1 (2, 128), b1 (128), W2 (128, P), b2 (P), after P and the places of the P pixels that are
// not black all over the map, as 16-bit integers. docs/_ext/minivae_site.py writes it.
//
// x_hat = sigmoid(relu(z W1 + b1) W2 + b2), as minivae.learn.first_vae says it in Python; a test compares the two.
(() => {
  "use strict";
  const HIDDEN = 128, SIDE = 28, RANGE = 3, TILES = 15, LAP_MS = 36_000;
  const home = new URL(".", document.currentScript.src);

  function half(bits) {
    const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
    if (exponent === 0) return sign * fraction * 2 ** -24; // no leading one
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15); // infinities do not occur
  }

  function unpacked(buffer) {
    const words = new Uint16Array(buffer), P = words[0];
    let at = 1 + P;
    const next = (size) => Float32Array.from(words.subarray(at, (at += size)), half);
    return {
      places: words.subarray(1, 1 + P),
      W1: next(2 * HIDDEN), b1: next(HIDDEN), W2: next(HIDDEN * P), b2: next(P),
    };
  }

  // (2,) -> (784,) in [0, 1]
  function decode({ places, W1, b1, W2, b2 }, [z1, z2]) {
    const P = places.length, logits = Float64Array.from(b2), x_hat = new Float32Array(SIDE * SIDE);
    for (let k = 0; k < HIDDEN; k++) {
      const h = z1 * W1[k] + z2 * W1[HIDDEN + k] + b1[k];
      if (h <= 0) continue; // relu
      for (let p = 0, row = k * P; p < P; p++) logits[p] += h * W2[row + p];
    }
    for (let p = 0; p < P; p++) x_hat[places[p]] = 1 / (1 + Math.exp(-logits[p]));
    return x_hat;
  }

  // Light on dark or ink on paper, as the page is: the colour is the text's, and the pixel is how much of it there is.
  function paint(context, x_hat, [red, green, blue], left = 0, top = 0) {
    const image = context.createImageData(SIDE, SIDE);
    for (let p = 0; p < x_hat.length; p++) image.data.set([red, green, blue, Math.round(255 * x_hat[p])], 4 * p);
    context.putImageData(image, left, top);
  }

  const told = (value) => value.toFixed(2).replace("-", "−");
  const between = (value) => Math.min(RANGE, Math.max(-RANGE, value));

  function start(el, weights) {
    const find = (name) => el.querySelector(`.mv-${name}`);
    const [map, picture, ring, walk] = ["map", "digit", "ring", "walk"].map(find);
    const inputs = [...el.querySelectorAll("input")], shown = [...el.querySelectorAll("output")];
    const still = matchMedia("(prefers-reduced-motion: reduce)");
    let z = inputs.map(({ value }) => Number(value)), phase = 0, last = null, ink = null;

    function coloured() {
      const now = getComputedStyle(picture).color.match(/\d+/g).slice(0, 3).map(Number);
      if (String(now) === String(ink)) return;
      ink = now;
      const context = map.getContext("2d");
      const step = (2 * RANGE) / TILES;
      for (let i = 0; i < TILES; i++) {
        for (let j = 0; j < TILES; j++) {
          const here = [-RANGE + (j + 0.5) * step, RANGE - (i + 0.5) * step];
          paint(context, decode(weights, here), ink, j * SIDE, i * SIDE);
        }
      }
      show();
    }

    function show() {
      paint(picture.getContext("2d"), decode(weights, z), ink);
      ring.style.left = `${50 + (50 * z[0]) / RANGE}%`;
      ring.style.top = `${50 - (50 * z[1]) / RANGE}%`;
      z.forEach((value, k) => {
        shown[k].textContent = told(value);
        inputs[k].value = value;
      });
      picture.setAttribute("aria-label", `What the decoder draws at z1 = ${told(z[0])}, z2 = ${told(z[1])}`);
    }

    // A figure of eight that turns slowly: it comes by all ten digits, and by what lies between them.
    function place(t) {
      const turn = t / 5, a = 2.1 * Math.sin(t), b = 2.1 * Math.sin(2 * t) * 0.8;
      return [a * Math.cos(turn) - b * Math.sin(turn), a * Math.sin(turn) + b * Math.cos(turn)].map(between);
    }

    let going = false, seen = true;
    function frame(now) {
      if (!going) return;
      if (last !== null && seen) phase += (Math.min(now - last, 100) / LAP_MS) * 2 * Math.PI;
      last = now;
      if (seen) {
        z = place(phase);
        show();
      }
      requestAnimationFrame(frame);
    }

    function go(on) {
      if (on && !going) {
        last = null;
        requestAnimationFrame(frame);
      }
      going = on;
      walk.textContent = on ? "Stop" : "Walk";
    }

    function move(values) {
      go(false);
      z = values.map(between);
      show();
    }

    inputs.forEach((input, k) => input.addEventListener("input", () => {
      move(z.map((value, j) => (j === k ? Number(input.value) : value)));
    }));
    walk.addEventListener("click", () => go(!going));
    const follow = ({ clientX, clientY }) => {
      const { left, top, width, height } = map.getBoundingClientRect();
      move([((clientX - left) / width - 0.5) * 2 * RANGE, (0.5 - (clientY - top) / height) * 2 * RANGE]);
    };
    map.addEventListener("pointerdown", (event) => {
      map.setPointerCapture(event.pointerId);
      follow(event);
    });
    map.addEventListener("pointermove", (event) => {
      if (map.hasPointerCapture(event.pointerId)) follow(event);
    });

    el.classList.add("mv-ready");
    coloured();
    new MutationObserver(coloured).observe(document.body, { attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", coloured);
    new IntersectionObserver(([{ isIntersecting }]) => { seen = isIntersecting; }).observe(el);
    if ("walk" in el.dataset) go(!still.matches);
    still.addEventListener("change", () => { if (still.matches) go(false); });
  }

  function failed(el) {
    const why = location.protocol === "file:"
      ? "A browser reads no weights from the disk: open this page from a server, python -m http.server for one."
      : "The weights of the decoder could not be read.";
    const line = Object.assign(document.createElement("p"), { className: "mv-help", textContent: why });
    const image = Object.assign(new Image(), { src: new URL("map.png", home), alt: "The map: what decodes from each place" });
    el.replaceChildren(image, line);
  }

  async function main() {
    const machines = [...document.querySelectorAll(".mv-machine")];
    if (!machines.length) return;
    try {
      const answer = await fetch(new URL("decoder.bin", home));
      if (!answer.ok) throw new Error(answer.statusText);
      const weights = unpacked(await answer.arrayBuffer());
      window.minivae = { decode: (z) => decode(weights, z) };
      for (const el of machines) start(el, weights);
    } catch {
      machines.forEach(failed);
    }
  }

  main();
})();
