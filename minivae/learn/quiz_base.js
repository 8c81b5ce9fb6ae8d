// What the controls in kinds/*.js share. These files and quiz.js are sent to the browser as one module.
//
// KINDS[name] = {
//   control(question): what the learner handles:
//     elements; empty, said when there is no answer; read(), the answer or null; write(answer), sets it;
//     mark({id: right}), tells at the choices themselves what came of them.
//   grade(key, answer, question): {right, feedback, marks}, as grade() in the Python file beside it; for pages without
//     Python, so only quiz_static.js calls it. Throws a Problem, in words for the learner.
//   labels: names of the buttons, where they differ. predicts: true where a run settles what was right.
// }
const KINDS = {};

class Problem extends Error {}

const TAGS = { code: "code", em: "em", math: "span", var: "i", sub: "sub", sup: "sup", par: "span" };

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children); // strings become text, so nothing in a question can run
  return element;
}

function draw(nodes) {
  return nodes.map((node) => {
    if (typeof node === "string") return node;
    const [tag, ...children] = node;
    return make(TAGS[tag] ?? "span", { className: tag in TAGS ? `mv-${tag}` : "" }, ...draw(children));
  });
}

function plain(nodes) {
  return nodes.map((node) => (typeof node === "string" ? node : plain(node.slice(1)))).join("");
}

function unique() {
  return `mv-${Math.random().toString(36).slice(2)}`;
}

function sign(row, right, yes, no) {
  row.classList.toggle("mv-is-right", right === true);
  row.classList.toggle("mv-is-wrong", right === false);
  row.querySelector(".mv-mark").textContent = right === undefined ? "" : right ? `✓ ${yes}` : `✗ ${no}`;
}

// Radio buttons or check boxes; answers are lists of ids.
function choosing(question, type, empty) {
  const name = unique();
  const rows = question.choices.map(({ id, text }) => {
    const input = make("input", { type, name, value: id });
    const words = make("span", { className: "mv-words" }, ...draw(text));
    const label = make("label", { className: "mv-option" }, input, words, make("span", { className: "mv-mark" }));
    return { id, input, label };
  });
  return {
    elements: rows.map(({ label }) => label),
    empty,
    read: () => rows.filter(({ input }) => input.checked).map(({ id }) => id),
    write(ids) {
      for (const { id, input } of rows) input.checked = ids.includes(id);
    },
    mark(marks) {
      for (const { id, label } of rows) if (id in marks) sign(label, marks[id], "right", "not this one");
    },
  };
}

// A field for a line or for several, with its name before it and, if there is one, the unit after it.
function typing(field, name, unit, empty) {
  Object.assign(field, { id: unique(), autocomplete: "off", autocapitalize: "off", spellcheck: false });
  if (field.tagName === "INPUT") {
    field.addEventListener("keydown", (event) => { // inside a notebook of JupyterLab, Enter hands in no form by itself
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      field.form.requestSubmit();
    });
  }
  const row = make("div", { className: "mv-typed" }, make("label", { htmlFor: field.id }, name), field);
  if (unit) row.append(make("span", { className: "mv-unit" }, unit));
  return {
    elements: [row],
    empty,
    read: () => (field.value.trim() === "" ? null : field.value),
    write(text) {
      field.value = text;
    },
    mark() {},
  };
}
