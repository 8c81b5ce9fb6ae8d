KINDS.order = {
  control(question) {
    const list = make("ol", { className: "mv-order" });
    const said = make("span", { className: "mv-said" });
    said.setAttribute("aria-live", "polite");
    const rows = new Map(); // id: row
    let touched = false;
    let dragged = null;

    // `focus` is the button that was pressed; moving its row has taken the focus from it.
    function move(row, place, focus) {
      if (list.closest("fieldset")?.disabled) return;
      const others = [...list.children].filter((other) => other !== row);
      if (place < 0 || place > others.length) return;
      touched = true;
      list.insertBefore(row, others[place] ?? null);
      for (const other of list.children) sign(other, undefined);
      settle();
      focus?.focus();
      said.textContent = `${row.querySelector(".mv-words").textContent}: now ${place + 1} of ${rows.size}`;
    }
    function settle() { // not `disabled`: a button that is disabled under the finger loses the focus
      [...list.children].forEach((row, k) => {
        const [up, down] = row.querySelectorAll("button");
        up.setAttribute("aria-disabled", k === 0);
        down.setAttribute("aria-disabled", k === rows.size - 1);
      });
    }

    for (const { id, text } of question.choices) {
      const row = make("li", { className: "mv-item", draggable: true });
      row.dataset.id = id;
      const place = () => [...list.children].indexOf(row);
      const button = (arrow, name, by) => {
        const element = make("button", { type: "button", textContent: arrow });
        element.setAttribute("aria-label", `${name}: ${plain(text)}`);
        element.addEventListener("click", () => move(row, place() + by, element));
        element.addEventListener("keydown", (event) => {
          const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
          if (!step) return;
          event.preventDefault(); // the page would scroll
          move(row, place() + step, element);
        });
        return element;
      };
      row.append(make("span", { className: "mv-words" }, ...draw(text)), make("span", { className: "mv-mark" }),
        button("↑", "Move up", -1), button("↓", "Move down", 1));
      row.addEventListener("dragstart", (event) => {
        dragged = row;
        event.dataTransfer.setData("text/plain", plain(text)); // Firefox drags nothing without data
        event.stopPropagation(); // JupyterLab drags whole cells
      });
      row.addEventListener("dragover", (event) => {
        if (dragged) event.preventDefault(); // says that it may be dropped here
      });
      row.addEventListener("drop", (event) => {
        event.preventDefault();
        if (dragged && dragged !== row) move(dragged, place());
        dragged = null;
      });
      rows.set(id, row);
      list.append(row);
    }
    settle();
    return {
      elements: [list, said],
      empty: "Move them into order first, with the arrows or by dragging.",
      read: () => (touched ? [...list.children].map((row) => row.dataset.id) : null),
      write(ids) {
        touched = true;
        list.append(...ids.map((id) => rows.get(id)));
        settle();
      },
      mark(marks) {
        for (const [id, row] of rows) sign(row, marks[id], "in place", "not here");
      },
    };
  },
  grade(key, ids) {
    const wrong = ids.findIndex((id, k) => id !== key.solution[k]);
    if (wrong < 0) {
      const marks = Object.fromEntries(ids.map((id) => [id, true]));
      return { right: true, feedback: ids.map((id) => key.lines[id]), marks };
    }
    const marks = Object.fromEntries([...ids.slice(0, wrong).map((id) => [id, true]), [ids[wrong], false]]);
    const upsideDown = key.backwards.length && ids.every((id, k) => id === key.solution.at(-1 - k));
    return { right: false, feedback: upsideDown ? key.backwards : [key.standing[wrong], key.lines[ids[wrong]]], marks };
  },
};
