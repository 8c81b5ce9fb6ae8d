KINDS.several = {
  control(question) {
    const control = choosing(question, "checkbox", "Choose at least one answer first.");
    return { ...control, read: () => (control.read().length ? control.read() : null) };
  },
  grade(key, ids) {
    const picked = Object.keys(key.lines).filter((id) => ids.includes(id));
    const marks = Object.fromEntries(picked.map((id) => [id, key.solution.includes(id)]));
    const allRight = picked.every((id) => marks[id]);
    const right = allRight && picked.length === key.solution.length;
    const feedback = picked.map((id) => key.lines[id]);
    if (allRight && !right) feedback.push(key.more);
    return { right, feedback, marks };
  },
};
