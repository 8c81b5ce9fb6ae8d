KINDS.one = {
  control(question) {
    const control = choosing(question, "radio", "Choose one answer first.");
    return { ...control, read: () => control.read()[0] ?? null, write: (id) => control.write([id]) };
  },
  grade(key, id) {
    const right = id === key.solution;
    return { right, feedback: key.feedback[id], marks: { [id]: right } };
  },
};
