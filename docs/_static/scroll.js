// What scrolls sideways can be reached by keyboard: code, tables and formulas that are wider than the page.
(() => {
  const reach = () => {
    for (const el of document.querySelectorAll("article pre, article .table-wrapper, article .math-wrapper, article .output")) {
      if (el.scrollWidth > el.clientWidth) el.tabIndex = 0;
      else el.removeAttribute("tabindex");
    }
  };
  addEventListener("load", () => {
    reach();
    window.MathJax?.startup?.promise?.then(reach); // a formula has no width before it is drawn
  });
  addEventListener("resize", reach);
})();
