// One question on a page. `mount` needs an element, a question as data and a function that grades: in a notebook the
// kernel grades, on a page without a kernel quiz_static.js does.
//
// question: what `view` gives, see minivae/learn/question.py; texts are nodes: a string, or [tag, child, ...].
// grade(request): a promise of the reply; requests and replies are described in minivae/learn/sitting.py.

const PATIENCE_MS = 4000; // then say that Python is silent; the answer may still come, and is shown when it does

export function mount(el, question, grade) {
  const kind = KINDS[question.kind];
  const labels = { check: "Check", reveal: "Show the answer", ...kind.labels };
  const control = kind.control(question);
  const check = make("button", { type: "submit", className: "mv-main", textContent: labels.check });
  const reveal = make("button", { type: "button", textContent: labels.reveal, hidden: true });
  const status = make("div", { className: "mv-reply", tabIndex: -1 });
  status.setAttribute("role", "status");
  const group = make("fieldset", {}, make("legend", {}, ...draw(question.prompt)));
  if (question.figure) group.append(make("img", { className: "mv-figure", ...question.figure }));
  if (question.code) group.append(make("pre", {}, make("code", { textContent: question.code })));
  if (question.ask) group.append(make("p", { className: "mv-ask", textContent: question.ask }));
  group.append(...control.elements);
  const form = make("form", {}, make("p", { className: "mv-title", textContent: question.title }), group,
    make("div", { className: "mv-actions" }, check, reveal), status);
  let asked = false;

  function say(className, ...children) {
    status.className = `mv-reply ${className}`;
    status.replaceChildren(...children.map((child) => (typeof child === "string" ? make("p", {}, child) : child)));
    quiet();
  }

  // JupyterLab takes single keys as commands (b inserts a cell) unless the focused element itself says no.
  function quiet() {
    for (const element of [...form.querySelectorAll("input, textarea, button"), status]) {
      element.setAttribute("data-lm-suppress-shortcuts", "true");
    }
  }

  function show(reply) {
    if (reply.problem) return say("", reply.problem);
    const active = form.contains(document.activeElement) ? document.activeElement : null; // before anything is hidden
    reveal.hidden = !reply.may_reveal;
    check.hidden = group.disabled = reply.locked;
    check.textContent = reply.solution === null ? labels.check : "Check";
    // What had the focus may be gone now; without any, keys would go to JupyterLab.
    if (active && reply.locked) reveal.focus();
    else if (active?.hidden) check.focus();
    control.mark(reply.marks);
    const parts = reply.feedback.length ? [make("p", {}, ...draw(reply.feedback))] : [];
    if (reply.headline) {
      const symbol = reply.right === null ? "○" : reply.right ? "✓" : "✗";
      parts.unshift(make("p", { className: "mv-headline" }, `${symbol} ${reply.headline}`));
    }
    if (reply.hint.length) parts.push(make("p", {}, make("strong", {}, "Hint: "), ...draw(reply.hint)));
    if (reply.unkept) parts.push(make("p", {}, make("strong", {}, "Your answers are not being kept: "), reply.unkept));
    if (question.why && reply.right !== null) parts.push(whyLink(question.why, el));
    say(reply.right === null ? "" : reply.right ? "mv-is-right" : "mv-is-wrong", ...parts);
  }

  async function ask(request) {
    asked = true;
    const silence = setTimeout(() => say("", "Python has not answered yet. If a cell is still running, wait for it; "
      + "if the kernel was restarted, run this cell again."), PATIENCE_MS);
    try {
      const reply = await grade(request);
      if (request.do === "reveal" && !reply.problem) control.write(reply.answer);
      show(reply);
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
  reveal.addEventListener("click", () => ask({ do: "reveal" }));

  quiet();
  el.replaceChildren(make("section", { className: "mv-card mv-quiz" }, form));
  grade({ do: "resume" }).then((reply) => {
    if (asked || reply.problem) return;
    if (reply.answer !== null) control.write(reply.answer);
    if (reply.headline || reply.feedback.length) show(reply);
  }, () => {});
}

// A link to a section of the lesson: an address where the page has one, else the heading is looked for.
function whyLink({ lesson, section, href }, el) {
  const text = `Why this matters: “${section}”`;
  if (href) return make("p", { className: "mv-why" }, make("a", { href, textContent: text }));
  const link = make("button", { type: "button", className: "mv-link", textContent: text });
  const line = make("p", { className: "mv-why" }, link);
  link.addEventListener("click", () => {
    const headings = (el.closest(".jp-Notebook") ?? document).querySelectorAll("h1, h2, h3, h4");
    const heading = [...headings].find((h) => h.textContent.replace(/[¶#\s]+$/, "").trim() === section);
    if (!heading) {
      line.replaceChildren(`Why this matters: lesson ${lesson}, “${section}”.`);
      line.parentElement.focus(); // the link pressed is gone now
      return;
    }
    heading.tabIndex = -1;
    heading.scrollIntoView();
    heading.focus({ preventScroll: true });
  });
  return line;
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
