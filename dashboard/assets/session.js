/* A page whose session has ended leads to where one signs in, and from there back. */

(() => {
  "use strict";

  const UNKNOWN = 401;
  const ask = window.fetch;

  window.fetch = async (...question) => {
    const answer = await ask(...question);
    if (answer.status === UNKNOWN) {
      const here = location.pathname + location.search;
      location.assign(`/sign-in?next=${encodeURIComponent(here)}`);
    }
    return answer;
  };
})();
