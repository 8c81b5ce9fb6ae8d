KINDS.output = {
  control(question) {
    const field = question.lines === 1
      ? make("input", { type: "text", maxLength: 2000 })
      : make("textarea", { rows: question.lines, maxLength: 2000 });
    field.className = "mv-code-field";
    return typing(field, "It prints", "", "Type what it prints first.");
  },
  grade(key, answer) {
    const said = normal(answer);
    if (!said) throw new Problem("There is nothing typed yet.");
    const feedback = Object.hasOwn(key.known, said) ? key.known[said] : key.otherwise;
    return { right: said === key.right, feedback, marks: {} };
  },
};

// As `normal` in output.py.
function normal(text) {
  const quotes = { "−": "-", "’": "'", "‘": "'", "“": '"', "”": '"', "\u00a0": " ", "\t": " " };
  return text
    .replace(/[−’‘“”\u00a0\t]/g, (sign) => quotes[sign])
    .split(/[\r\n]/)
    .map((line) => line.replace(/ +/g, " ").replace(/ *([,:=()[\]{}]) */g, "$1").replace(/^ | $/g, ""))
    .filter((line) => line)
    .join("\n");
}
