KINDS.number = {
  control(question) {
    const field = make("input", { type: "text", maxLength: 60, className: "mv-short" });
    return typing(field, "Your number", question.unit, "Type a number first.");
  },
  grade(key, answer, question) {
    const found = readings(answer, question.unit);
    if (!found.length) throw new Problem(`"${answer}" is not read as a number; type one such as 0.25, 1/4 or 1e-3`);
    const k = key.known.findIndex(({ span: [low, high] }) =>
      found.some((x) => (low === "nan" ? Number.isNaN(x) : low <= x && x <= high)));
    return { right: k === 0, feedback: k < 0 ? key.otherwise : key.known[k].feedback, marks: {} };
  },
};

// As `readings` in number.py.
function readings(typed, unit = "") {
  let text = typed.trim().replaceAll("−", "-");
  if (unit && text.endsWith(unit)) text = text.slice(0, -unit.length);
  else if (text.endsWith("%")) return readings(text.slice(0, -1)).map((x) => x / 100);
  text = text.replace(/(?<=\d)[ \u00a0\u202f_'](?=\d{3})/g, "").trim().toLowerCase();
  if (text.length > 60) return [];
  const named = { nan: NaN, inf: Infinity, "-inf": -Infinity };
  if (text in named) return [named[text]];
  const bar = text.indexOf("/");
  if (bar < 0) return plainReadings(text);
  const bottoms = plainReadings(text.slice(bar + 1).trim()).filter((x) => x !== 0);
  return plainReadings(text.slice(0, bar).trim()).flatMap((top) => bottoms.map((bottom) => top / bottom));
}

function plainReadings(text) {
  let forms = [text];
  if (text.includes(",")) {
    forms = /^[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?$/.test(text) ? [text.replaceAll(",", "")] : [];
    if (text.split(",").length === 2 && !text.includes(".")) forms.unshift(text.replace(",", "."));
    else if (/^[+-]?[1-9]\d{0,2}(\.\d{3})+,\d+$/.test(text)) forms = [text.replaceAll(".", "").replace(",", ".")];
  }
  return forms.filter((form) => /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(form)).map(Number);
}
