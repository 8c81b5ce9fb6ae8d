// Sliders over a code, and the picture that Python decodes from it.

// A draw from N(0, 1) by Box and Muller; 1 - random() is never 0, whose logarithm would be infinite.
function normal() {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}

function render({ model, el }) {
  const sliders = model.get("sliders");
  const uid = Math.random().toString(36).slice(2);
  const inputs = sliders.map(({ low, high, step }, k) =>
    make("input", { type: "range", id: `mv-${uid}-${k}`, min: low, max: high, step, value: model.get("values")[k] }));
  const numbers = sliders.map(() => number());
  const rows = sliders.map(({ name }, k) =>
    make("div", { className: "mv-slider" }, make("label", { htmlFor: inputs[k].id }, name), inputs[k], numbers[k]));
  const random = make("button", { type: "button", textContent: "Random code" });
  const zero = make("button", { type: "button", textContent: "All to 0" });
  keepKeys(...inputs, random, zero);

  const value = (k) => told(inputs[k].value, digitsOf(sliders[k].step));
  const label = () => inputs.forEach((_, k) => { numbers[k].textContent = value(k); });

  function send() {
    label();
    change(model, inputs.map((input) => Number(input.value)));
  }

  function place(values) {
    inputs.forEach((input, k) => { input.value = values[k]; });
    send();
  }

  function follow() { // another view of this widget was moved; the slider in this hand stays where it is
    model.get("values").forEach((at, k) => {
      if (inputs[k] !== document.activeElement) inputs[k].value = at;
    });
    label();
  }

  inputs.forEach((input) => input.addEventListener("input", send));
  random.addEventListener("click", () => place(inputs.map(normal)));
  zero.addEventListener("click", () => place(inputs.map(() => 0)));
  label();
  const drawn = pictures(model,
    () => `Picture decoded at ${sliders.map(({ name }, k) => `${name} = ${value(k)}`).join(", ")}`);
  const stop = listen(model, [["change:values", follow]]);
  el.replaceChildren(make("section", { className: "mv-card mv-explore mv-live" },
    make("div", { className: "mv-controls" }, ...rows, make("div", { className: "mv-actions" }, random, zero)),
    drawn.box, drawn.problem));
  return () => { stop(); drawn.stop(); };
}

export default { render };
