// A slider over the steps of a process: pictures of the step, and curves with a mark at it.

const WIDTH = 600;
const HEIGHT = 120; // of a curve, in its own units; CSS stretches it

function render({ model, el }) {
  const steps = model.get("steps");
  const name = model.get("name");
  const curves = model.get("curves");
  const uid = Math.random().toString(36).slice(2);
  const input = make("input", { type: "range", id: `mv-${uid}`, min: 0, max: steps - 1, step: 1, value: model.get("values")[0] });
  const shown = number();
  keepKeys(input);

  const x = (t) => (WIDTH * t) / (steps - 1);
  const y = (value) => HEIGHT * (1 - value);
  const lines = curves.map(({ values }, k) => svg("polyline", {
    class: `mv-curve mv-curve-${k + 1}`, // another dash for each, so that none is known by its colour alone
    points: values.map((value, t) => `${x(t).toFixed(1)},${y(value).toFixed(1)}`).join(" "),
  }));
  const here = svg("line", { class: "mv-here", y1: 0, y2: HEIGHT });
  const chart = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" }, ...lines, here);
  const legend = curves.map((curve, k) => {
    const sample = svg("svg", { viewBox: "0 0 34 8", "aria-hidden": "true" },
      svg("line", { class: `mv-curve mv-curve-${k + 1}`, x1: 0, x2: 34, y1: 4, y2: 4 }));
    const value = number("mv-value");
    return { row: make("div", { className: "mv-key" }, sample, value), value, curve };
  });

  const t = () => Number(input.value);
  const words = () => [`${name} = ${t()}`, ...curves.map(({ name: what, values }) => `${what} = ${told(values[t()], 3)}`)];

  function mark() {
    shown.textContent = told(t(), 0);
    here.setAttribute("x1", x(t()));
    here.setAttribute("x2", x(t()));
    legend.forEach(({ value, curve }) => { value.textContent = `${curve.name} = ${told(curve.values[t()], 3)}`; });
    chart.setAttribute("aria-label", `Curves over ${name}, marked at ${words().join(", ")}`);
    input.setAttribute("aria-valuetext", words().join(", "));
  }

  function follow() {
    if (input !== document.activeElement) [input.value] = model.get("values");
    mark();
  }

  input.addEventListener("input", () => {
    mark();
    change(model, [t()]);
  });
  const caption = (k) => model.get("names")[k];
  const drawn = pictures(model, (k) => `${caption(k) || "Picture"} at ${words().join(", ")}`, caption);
  const stop = listen(model, [["change:values", follow]]);
  mark();
  const plot = curves.length
    ? [make("div", { className: "mv-plot" }, make("span", {}, "1"), make("span", {}, "0"), chart), ...legend.map(({ row }) => row)]
    : [];
  el.replaceChildren(make("section", { className: "mv-card mv-scrub mv-live" }, drawn.box,
    make("div", { className: "mv-controls" },
      make("div", { className: "mv-slider" }, make("label", { htmlFor: input.id }, name), input, shown), ...plot),
    drawn.problem));
  return () => { stop(); drawn.stop(); };
}

export default { render };
