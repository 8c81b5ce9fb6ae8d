// What live pictures share. This file and that of a widget are sent to the browser as one module. ipywidgets sends one
// change at a time and keeps only the newest of those that wait, so a quick hand never leaves a queue behind.

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// JupyterLab takes single keys as commands (arrows select cells) unless the focused element itself says no.
function keepKeys(...elements) {
  for (const element of elements) element.setAttribute("data-lm-suppress-shortcuts", "true");
}

const digitsOf = (step) => Math.min(4, (String(step).split(".")[1] ?? "").length);
const told = (value, digits) => Number(value).toFixed(digits).replace("-", "−");
const between = (low, value, high) => Math.min(high, Math.max(low, value));

// Silent: the slider beside it says the same to those who hear the page.
function number(className = "mv-number") {
  const output = make("output", { className });
  output.setAttribute("aria-live", "off");
  return output;
}

function change(model, values) {
  model.set("values", values);
  model.save_changes();
}

// A PNG in an <img>: `show(bytes)` puts another in its place, `free()` gives back the memory of the last one.
function picture(properties = {}) {
  const image = make("img", properties);
  let url = null;
  const free = () => { if (url) URL.revokeObjectURL(url); };
  const show = (bytes) => {
    free();
    url = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
    image.src = url;
  };
  return { image, show, free };
}

// The pictures that Python draws: kept up to date, with what they show said in `alt`, and what went wrong below.
function pictures(model, describe, caption = () => "") {
  const box = make("div", { className: "mv-pictures" });
  const problem = make("p", { className: "mv-problem", hidden: true });
  problem.setAttribute("role", "status");
  let shown = [];
  function draw() {
    const all = model.get("pictures");
    if (shown.length !== all.length) {
      shown.forEach(({ free }) => free());
      shown = all.map(() => picture());
      const words = shown.map(({ image }, k) => (caption(k) ? [image, make("figcaption", {}, caption(k))] : [image]));
      box.replaceChildren(...words.map((parts) => make("figure", { className: "mv-picture" }, ...parts)));
    }
    shown.forEach(({ image, show }, k) => {
      show(all[k]);
      image.width = model.get("widths")[k];
      image.alt = describe(k);
    });
  }
  function complain() {
    problem.textContent = model.get("problem");
    problem.hidden = !problem.textContent;
  }
  draw();
  complain();
  const stop = listen(model, [["change:pictures", draw], ["change:problem", complain]]);
  return { box, problem, stop: () => { stop(); shown.forEach(({ free }) => free()); } };
}

function listen(model, heard) {
  heard.forEach(([event, handler]) => model.on(event, handler));
  return () => heard.forEach(([event, handler]) => model.off(event, handler));
}
