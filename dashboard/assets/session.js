/* A page whose session has ended leads to where one signs in, and from there back. While the ledger is out of
   reach the page says so, and what it asked for is asked again until there is an answer. */

(() => {
  "use strict";

  const UNKNOWN = 401;
  const AWAY = 503;
  const QUESTION = "/_dash-update-component";
  const ask = window.fetch;
  let waiting = 0;

  const notice = (change) => {
    waiting += change;
    let shown = document.getElementById("out-of-reach");
    if (!waiting) return shown?.remove();
    if (shown) return;
    shown = Object.assign(document.createElement("p"), { id: "out-of-reach", className: "out-of-reach" });
    shown.setAttribute("role", "alert");
    shown.textContent = "The ledger is out of reach, trying again.";
    document.body.prepend(shown);
  };

  const again = async (question, answer) => {
    notice(+1);
    try {
      while (answer.status === AWAY) {
        const seconds = Number(answer.headers.get("Retry-After")) || 5;
        await new Promise((done) => setTimeout(done, seconds * 1000));
        answer = await ask(...question);
      }
      return answer;
    } finally {
      notice(-1);
    }
  };

  window.fetch = async (...question) => {
    let answer = await ask(...question);
    if (answer.status === AWAY && String(question[0]?.url ?? question[0]).includes(QUESTION)) {
      answer = await again(question, answer);
    }
    if (answer.status === UNKNOWN) {
      const here = location.pathname + location.search;
      location.assign(`/sign-in?next=${encodeURIComponent(here)}`);
    }
    return answer;
  };
})();
