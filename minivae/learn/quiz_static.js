// Questions on a page without Python: the key is in the page, veiled, and answers are kept in this browser.
// `sitting` says what minivae/learn/sitting.py says, reply by reply; a test compares the two.

const CHANGED = ["par", "You have answered this before; the question has been changed since."];

export function sitting(question, key, events, keep) {
  const kind = KINDS[question.kind];
  const grade = (answer) => kind.grade(key, answer, question);
  const isOpen = () => !events.some(({ what, right }) => what === "solution" || (what === "answer" && right));
  const add = (event) => {
    events.push(event);
    keep(events);
  };

  function tries() {
    if (kind.predicts) return events.filter(({ what }) => what === "prediction").slice(0, 1);
    const counted = [];
    for (const event of events) {
      if (event.what === "solution" || counted.at(-1)?.right) break;
      counted.push(event);
    }
    return counted;
  }

  function state(answer, right, feedback, headline, marks) {
    const open = isOpen();
    const tried = tries().length;
    return {
      answer,
      right,
      headline,
      feedback,
      marks: open || right === null ? marks : { ...key.marks, ...marks },
      hint: right === false && open ? key.hint : [],
      tries: tried,
      locked: Boolean(kind.predicts) && open && tried > 0,
      may_reveal: open && tried >= (kind.predicts ? 1 : 2),
      solution: open ? null : key.solution,
      unkept: "",
    };
  }

  function resume() {
    const tried = tries();
    if (!tried.length) return state(null, null, [], "", {});
    const { answer } = tried.at(-1);
    let graded;
    try {
      graded = grade(answer);
    } catch {
      graded = {};
    }
    if (!graded.feedback || graded.feedback.includes(undefined)) return state(null, null, [CHANGED], "", {});
    const { right, feedback, marks } = graded;
    if (kind.predicts && isOpen()) return state(answer, null, noted(answer), "Noted.", {});
    return state(answer, right, feedback, headline(right, tried.length), marks);
  }

  function noted(answer) {
    const { text } = question.choices.find(({ id }) => id === answer);
    return [["par", "You predict: ", ["em", ...text]], key.noted];
  }

  function headline(right, count) {
    if (kind.predicts) return right ? "As you predicted." : "It came out otherwise.";
    if (!right) return "Not yet.";
    return count === 1 ? "Right, on the first try." : `Right, on try ${count}.`;
  }

  function answered(answer) {
    const { right, feedback, marks } = grade(answer);
    if (!isOpen()) return state(answer, right, feedback, right ? "Right." : "Not this one.", marks);
    if (kind.predicts && tries().length) {
      throw new Problem("Your prediction is made. Run the cells that settle it, then compare.");
    }
    add({ what: kind.predicts ? "prediction" : "answer", right, answer });
    return resume();
  }

  function revealed() {
    if (isOpen()) {
      const wanted = kind.predicts ? 1 : 2;
      if (tries().length < wanted) {
        throw new Problem(`quiz: got ${tries().length} tries, wanted ${wanted} before the answer is shown`);
      }
      add({ what: "solution" });
    }
    if (kind.predicts) return resume();
    return state(key.solution, true, key.told, "The answer:", grade(key.solution).marks);
  }

  return async (request) => {
    try {
      if (request.do === "answer") return answered(request.answer);
      return request.do === "reveal" ? revealed() : resume();
    } catch (error) {
      if (error instanceof Problem) return { problem: error.message };
      throw error;
    }
  };
}

// As `veiled` in static.py, backwards.
function unveiled(text, ref) {
  const veil = new TextEncoder().encode(ref);
  const bytes = Uint8Array.from(atob(text), (letter, k) => letter.charCodeAt(0) ^ veil[k % veil.length]);
  return JSON.parse(new TextDecoder().decode(bytes));
}

function memory(name) {
  try {
    return JSON.parse(localStorage.getItem(name)) ?? [];
  } catch {
    return []; // no storage here, or not ours: the question works, and forgets
  }
}

for (const el of document.querySelectorAll(".mv-question")) {
  const { question, key } = JSON.parse(el.querySelector("script[type='application/json']").textContent);
  const name = `minivae/${question.ref}`;
  mount(el, question, sitting(question, unveiled(key, question.ref), memory(name), (events) => {
    try {
      localStorage.setItem(name, JSON.stringify(events));
    } catch { /* full, or forbidden */ }
  }));
}
