// One question on a page. `mount` needs an element, a question as data and a function that grades: in JupyterLab the
// kernel grades, on a page without a kernel something else can.
//
// Question: {kind, title, prompt, options, ...} with texts as nodes: a string, or [tag, child, ...].
// grade(request): a promise of the reply; requests and replies are described in minivae/learn/sitting.py.

const TAGS = { code: "code", em: "em", math: "span", var: "i", sub: "sub", sup: "sup", par: "span" };
const PATIENCE_MS = 4000; // then say that Python is silent; the answer may still come, and is shown when it does

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

// A kind of question: `element`; `read()` gives the answer or null, `write(answer)` sets it; `mark(answer, right)`
// tells, at the control itself, what came of an answer; `empty` is said when there is none.
const KINDS = {
  one(question) {
    const name = `mv-${Math.random().toString(36).slice(2)}`;
    const inputs = question.options.map((_, k) => make("input", { type: "radio", name, value: k }));
    const marks = inputs.map(() => make("span", { className: "mv-mark" }));
    const rows = inputs.map((input, k) =>
      make("label", { className: "mv-option" }, input,
        make("span", { className: "mv-words" }, ...draw(question.options[k])), marks[k]));
    return {
      element: make("fieldset", {}, make("legend", {}, ...draw(question.prompt)), ...rows),
      empty: "Choose one answer first.",
      read() {
        const k = inputs.findIndex((input) => input.checked);
        return k < 0 ? null : k;
      },
      write(k) {
        inputs[k].checked = true;
      },
      mark(k, right) {
        rows[k].classList.add(right ? "mv-is-right" : "mv-is-wrong");
        marks[k].textContent = right ? "✓ right" : "✗ not this one";
      },
    };
  },
};

export function mount(el, question, grade) {
  const control = KINDS[question.kind](question);
  const check = make("button", { type: "submit", className: "mv-main", textContent: "Check" });
  const reveal = make("button", { type: "button", textContent: "Show the answer", hidden: true });
  const status = make("div", { className: "mv-reply", tabIndex: -1 });
  status.setAttribute("role", "status");
  const form = make("form", {}, make("p", { className: "mv-title", textContent: question.title }), control.element,
    make("div", { className: "mv-actions" }, check, reveal), status);

  // JupyterLab takes single keys as commands (b inserts a cell) unless the focused element itself says no.
  for (const element of [...form.querySelectorAll("input, button"), status]) {
    element.setAttribute("data-lm-suppress-shortcuts", "true");
  }

  function say(className, ...children) {
    status.className = `mv-reply ${className}`;
    status.replaceChildren(...children.map((child) => (typeof child === "string" ? make("p", {}, child) : child)));
  }

  function show(reply) {
    if (reply.problem) return say("", reply.problem);
    reveal.hidden = !reply.may_reveal;
    if (reply.solution !== null) control.mark(reply.solution, true);
    if (reply.right === null) return;
    control.mark(reply.answer, reply.right);
    const headline = make("p", { className: "mv-headline" }, (reply.right ? "✓ " : "✗ ") + reply.headline);
    const parts = [headline, make("p", {}, ...draw(reply.feedback))];
    if (reply.hint.length) parts.push(make("p", {}, make("strong", {}, "Hint: "), ...draw(reply.hint)));
    say(reply.right ? "mv-is-right" : "mv-is-wrong", ...parts);
  }

  async function ask(request) {
    const silence = setTimeout(() => say("", "Python has not answered yet. If a cell is still running, wait for it; "
      + "if the kernel was restarted, run this cell again."), PATIENCE_MS);
    try {
      show(await grade(request));
    } catch {
      say("", "Python cannot be reached. Run this cell again.");
    } finally {
      clearTimeout(silence);
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const answer = control.read();
    if (answer === null) say("", control.empty);
    else ask({ do: "answer", answer });
  });
  reveal.addEventListener("click", async () => {
    await ask({ do: "reveal" });
    check.focus(); // the button pressed is gone now; without focus, keys would go to JupyterLab
  });

  el.replaceChildren(make("section", { className: "mv-card mv-quiz" }, form));
  grade({ do: "resume" }).then((reply) => {
    if (reply.right !== null && !reply.problem) {
      control.write(reply.answer);
      show(reply);
    }
  }, () => {});
}

function render({ model, el }) {
  const waiting = new Map();
  const receive = (message) => {
    waiting.get(message.number)?.(message.reply);
    waiting.delete(message.number);
  };
  model.on("msg:custom", receive);
  mount(el, model.get("question"), (request) => new Promise((resolve) => {
    const number = Math.random();
    waiting.set(number, resolve);
    model.send({ number, request });
  }));
  return () => model.off("msg:custom", receive);
}

export default { render };
