// The way from one code to another: a strip of pictures, a slider along it, and the picture at the slider.

function render({ model, el }) {
  const strip = model.get("strip");
  const [from, to] = model.get("names");
  const uid = Math.random().toString(36).slice(2);
  const input = make("input", { type: "range", id: `mv-${uid}`, min: 0, max: 1, step: 0.01, value: model.get("values")[0] });
  const shown = number();
  const frames = strip.map(() => picture({ draggable: false }));
  const steps = frames.map(({ image }) => make("div", { className: "mv-step" }, image));
  const film = make("div", { className: "mv-film" }, ...steps);
  keepKeys(input);
  frames.forEach(({ image, show }, k) => {
    show(strip[k]);
    image.alt = `${k + 1} of ${strip.length}`;
  });

  const t = () => Number(input.value);
  const words = () => `t = ${told(t(), 2)}, on the way from ${from} to ${to}`;

  function mark() {
    shown.textContent = told(t(), 2);
    input.setAttribute("aria-valuetext", words());
    const near = Math.round(t() * (strip.length - 1));
    steps.forEach((step, k) => step.classList.toggle("mv-is-here", k === near));
  }

  function send() {
    mark();
    change(model, [t()]);
  }

  function follow() {
    if (input !== document.activeElement) [input.value] = model.get("values");
    mark();
  }

  input.addEventListener("input", send);
  steps.forEach((step, k) => step.addEventListener("click", () => { // the keyboard has the slider
    input.value = k / (strip.length - 1);
    send();
  }));
  const drawn = pictures(model, () => `Picture decoded at ${words()}`);
  const stop = listen(model, [["change:values", follow]]);
  mark();
  el.replaceChildren(make("section", { className: "mv-card mv-way mv-live" }, film,
    make("div", { className: "mv-controls" },
      make("div", { className: "mv-slider" }, make("label", { htmlFor: input.id }, "t"), input, shown),
      make("div", { className: "mv-across" }, make("span", {}, from), make("span", {}, to))),
    drawn.box, drawn.problem));
  return () => { stop(); drawn.stop(); frames.forEach(({ free }) => free()); };
}

export default { render };
