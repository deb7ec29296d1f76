/* A chart as an image: with the title and the legend that stand beside it on the page, on the page's own ground. */

(() => {
  "use strict";

  const WIDTH = 1200;
  const HEIGHT = 560;
  const SCALE = 2;

  /** The chart of a panel as plotly draws it for an image. */
  const standalone = (panel, chart) => {
    const style = getComputedStyle(panel);
    const days = document.getElementById("about")?.textContent ?? "";
    const title = panel.querySelector(".panel-title").textContent;
    return {
      data: chart.data,
      layout: {
        ...chart.layout,
        width: WIDTH,
        height: HEIGHT,
        autosize: false,
        title: { text: title, subtitle: { text: days }, x: 0.02, xanchor: "left" },
        font: { ...chart.layout.font, color: style.color, size: 14 },
        showlegend: chart.data.length > 1,
        legend: { orientation: "h", y: -0.12, yanchor: "top", traceorder: "normal" },
        margin: { l: 24, r: 24, t: 84, b: 24 },
        paper_bgcolor: style.backgroundColor,
        plot_bgcolor: style.backgroundColor,
      },
    };
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("button.png");
    const panel = button?.closest(".panel");
    const chart = panel?.querySelector(".js-plotly-plot");
    if (!chart) return;
    const link = document.createElement("a");
    link.href = await Plotly.toImage(standalone(panel, chart), { format: "png", width: WIDTH, height: HEIGHT, scale: SCALE });
    link.download = `${button.dataset.name}.png`;
    link.click();
  });
})();
