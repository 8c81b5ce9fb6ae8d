// What scrolls sideways can be reached by keyboard: code and tables that are wider than the page.
(() => {
  const reach = () => {
    for (const el of document.querySelectorAll("article pre, article .table-wrapper, article .output")) {
      if (el.scrollWidth > el.clientWidth) el.tabIndex = 0;
      else el.removeAttribute("tabindex");
    }
  };
  addEventListener("load", reach);
  addEventListener("resize", reach);
})();
