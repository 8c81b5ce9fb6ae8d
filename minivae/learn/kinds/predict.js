KINDS.predict = {
  predicts: true,
  labels: { check: "This is my prediction", reveal: "I have run it: compare" },
  control: (question) => KINDS.one.control(question),
  grade(key, id) {
    const right = id === key.solution;
    const feedback = [key.lines[id]];
    if (!right) feedback.push(key.right);
    if (key.came_out) feedback.unshift(key.came_out);
    return { right, feedback, marks: { [id]: right } };
  },
};
