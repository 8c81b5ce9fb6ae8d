// A square to drag over: a place on it is a code of two numbers, and Python decodes it.

function render({ model, el }) {
  const axes = model.get("axes");
  const ring = make("div", { className: "mv-ring" });
  const field = make("div", { className: "mv-field", tabIndex: 0 }, ring);
  const where = number("mv-where");
  const ground = picture({ alt: "", draggable: false });
  keepKeys(field);

  // A slider in two directions: the value is read out as words, for no role has two numbers.
  const attributes = {
    role: "slider",
    "aria-roledescription": "map",
    "aria-label": `${axes[0].name} across, ${axes[1].name} upwards; arrow keys move`,
    "aria-valuemin": axes[0].low,
    "aria-valuemax": axes[0].high,
  };
  for (const [name, value] of Object.entries(attributes)) field.setAttribute(name, value);

  const share = (k, value) => (value - axes[k].low) / (axes[k].high - axes[k].low);
  const words = (values) => axes.map(({ name, step }, k) => `${name} = ${told(values[k], digitsOf(step))}`).join(", ");

  if (model.get("marks").length) {
    const signs = model.get("marks").map(([a, b, text]) =>
      svg("text", { x: `${100 * share(0, a)}%`, y: `${100 - 100 * share(1, b)}%` }, text));
    field.prepend(svg("svg", { class: "mv-marks", "aria-hidden": "true" }, ...signs));
  } else {
    ground.show(model.get("ground"));
    field.prepend(ground.image);
  }

  function place() {
    const values = model.get("values");
    ring.style.left = `${100 * share(0, values[0])}%`;
    ring.style.top = `${100 - 100 * share(1, values[1])}%`;
    where.textContent = words(values);
    field.setAttribute("aria-valuenow", values[0]);
    field.setAttribute("aria-valuetext", words(values));
  }

  function go(values) {
    change(model, values.map((value, k) => {
      const { low, high, step } = axes[k];
      return between(low, Number((Math.round(value / step) * step).toFixed(10)), high);
    }));
    place();
  }

  function follow(event) {
    const { left, top, width, height } = field.getBoundingClientRect();
    const shares = [(event.clientX - left) / width, 1 - (event.clientY - top) / height];
    go(shares.map((at, k) => axes[k].low + between(0, at, 1) * (axes[k].high - axes[k].low)));
  }

  const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  field.addEventListener("keydown", (event) => {
    const move = MOVES[event.key];
    if (!move && event.key !== "Home") return;
    event.preventDefault(); // else the page scrolls
    const far = event.shiftKey ? 10 : 1;
    go(move ? model.get("values").map((value, k) => value + far * move[k] * axes[k].step) : [0, 0]);
  });
  field.addEventListener("pointerdown", (event) => {
    field.setPointerCapture(event.pointerId);
    follow(event);
  });
  field.addEventListener("pointermove", (event) => {
    if (field.hasPointerCapture(event.pointerId)) follow(event);
  });

  const ends = (k) => [told(axes[k].low, digitsOf(axes[k].low)), axes[k].name, told(axes[k].high, digitsOf(axes[k].high))]
    .map((text) => make("span", {}, text));
  const upward = make("div", { className: "mv-upward" }, ...ends(1).reverse());
  const across = make("div", { className: "mv-across" }, ...ends(0));
  const drawn = pictures(model, () => `Picture decoded at ${words(model.get("values"))}`);
  const stop = listen(model, [["change:values", place]]);
  place();
  el.replaceChildren(make("section", { className: "mv-card mv-map mv-live" },
    make("div", { className: "mv-plane" }, upward, field, across,
      make("p", { className: "mv-help" }, "Drag the ring, or use the arrow keys (Shift: ten steps, Home: back to 0).")),
    make("div", { className: "mv-result" }, drawn.box, where), drawn.problem));
  return () => { stop(); drawn.stop(); ground.free(); };
}

export default { render };
