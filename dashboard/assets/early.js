/* The library of charts is fetched with the page and run while the page waits for its figures, not after they came. */

(() => {
  "use strict";

  let running;
  const run = () =>
    (running ??= new Promise((done, failed) => {
      const src = document.getElementById("charts-library").href;
      document.body.append(Object.assign(document.createElement("script"), { src, onload: done, onerror: failed }));
    }));

  // A chart that finds something at `Plotly` awaits it; the script then puts the library itself there.
  window.Plotly = { then: (...ways) => run().then(...ways) };

  const watch = new MutationObserver(() => {
    if (!document.querySelector(".waiting")) return;
    watch.disconnect();
    run();
  });
  watch.observe(document, { childList: true, subtree: true });
})();
