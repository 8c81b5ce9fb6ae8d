// Sliders over a code, and the picture that Python decodes from it. ipywidgets sends one change at a time and keeps
// only the newest of those that wait, so a quick hand never leaves a queue behind.

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// A draw from N(0, 1) by Box and Muller; 1 - random() is never 0, whose logarithm would be infinite.
function normal() {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}

function render({ model, el }) {
  const sliders = model.get("sliders");
  const uid = Math.random().toString(36).slice(2);
  const inputs = sliders.map(({ low, high, step }, k) =>
    make("input", { type: "range", id: `mv-${uid}-${k}`, min: low, max: high, step, value: model.get("values")[k] }));
  const numbers = sliders.map(() => make("output", { className: "mv-number" }));
  const rows = sliders.map(({ name }, k) =>
    make("div", { className: "mv-slider" }, make("label", { htmlFor: inputs[k].id }, name), inputs[k], numbers[k]));
  const random = make("button", { type: "button", textContent: "Random code" });
  const zero = make("button", { type: "button", textContent: "All to 0" });
  const image = make("img");
  const problem = make("p", { className: "mv-problem" });
  problem.setAttribute("role", "status");

  // JupyterLab takes single keys as commands (arrows select cells) unless the focused element itself says no.
  for (const element of [...inputs, random, zero]) element.setAttribute("data-lm-suppress-shortcuts", "true");

  const digits = sliders.map(({ step }) => Math.min(4, (String(step).split(".")[1] ?? "").length));
  const told = (k) => Number(inputs[k].value).toFixed(digits[k]).replace("-", "−");

  function label() {
    inputs.forEach((_, k) => { numbers[k].textContent = told(k); });
  }

  function send() {
    label();
    model.set("values", inputs.map((input) => Number(input.value)));
    model.save_changes();
  }

  function place(values) {
    inputs.forEach((input, k) => { input.value = values[k]; });
    send();
  }

  let url = null;
  function show() {
    const old = url;
    url = URL.createObjectURL(new Blob([model.get("picture")], { type: "image/png" }));
    image.src = url;
    image.width = model.get("width");
    image.alt = `Picture decoded at ${sliders.map(({ name }, k) => `${name} = ${told(k)}`).join(", ")}`;
    if (old) URL.revokeObjectURL(old);
  }

  function complain() {
    problem.textContent = model.get("problem");
    problem.hidden = !problem.textContent;
  }

  function follow() { // another view of this widget was moved; the slider in this hand stays where it is
    model.get("values").forEach((value, k) => {
      if (inputs[k] !== document.activeElement) inputs[k].value = value;
    });
    label();
  }

  inputs.forEach((input) => input.addEventListener("input", send));
  random.addEventListener("click", () => place(inputs.map(normal)));
  zero.addEventListener("click", () => place(inputs.map(() => 0)));
  const heard = [["change:picture", show], ["change:problem", complain], ["change:values", follow]];
  heard.forEach(([event, handler]) => model.on(event, handler));

  el.replaceChildren(make("section", { className: "mv-card mv-explore" },
    make("div", { className: "mv-controls" }, ...rows, make("div", { className: "mv-actions" }, random, zero)),
    make("div", { className: "mv-picture" }, image), problem));
  label();
  show();
  complain();
  return () => {
    heard.forEach(([event, handler]) => model.off(event, handler));
    if (url) URL.revokeObjectURL(url);
  };
}

export default { render };
