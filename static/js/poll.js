// How every page that stays open looks again: one request at a time. While a look is under way no other begins; what a
// person does ends it, and none begins until that has been answered. So the answer to an older request is never shown
// after that to a newer one. Televisions have old browsers: nothing newer than ES2018 here.

// address()        what to ask for; "" to ask no more
// version()        the version that the page shows, told to the server; by default that of the last answer
// headers          sent with each look
// patience         ms after which a look without an answer has failed
// pause(failures)  ms until the next look, after so many failures in a row
// heard(answer)    {status, page, headers, address, redirected}; gives whether that was a right answer
// missed()         called where none came
// unseen           whether it also looks while the page is out of sight
const poll = ({ address, version, headers, patience, pause, heard, missed, unseen }) => {
  let underWay = null; // ends the look that has begun
  let actions = 0; // what a person has begun and the server has not answered yet
  let failures = 0;
  let kept = "";
  let timer;

  const plan = () => {
    clearTimeout(timer);
    if (!actions && (unseen || !document.hidden)) timer = setTimeout(look, pause(failures));
  };

  const look = async () => {
    clearTimeout(timer);
    const asked = address();
    if (!asked || underWay || actions) return;
    const mine = new AbortController();
    underWay = mine;
    const answer = await ask(asked, mine);
    if (underWay !== mine) return; // a person has done something since: this look shows how it was before
    underWay = null;
    const isRight = Boolean(answer) && heard(answer);
    failures = isRight ? 0 : failures + 1;
    if (isRight) kept = answer.headers.get("ETag") || kept;
    if (!answer && missed) missed();
    plan();
  };

  // The answer, or null where none came in time.
  const ask = async (asked, mine) => {
    const tooLong = setTimeout(() => mine.abort(), patience);
    const shown = version ? version() : kept;
    const sent = Object.assign({}, headers, shown ? { "If-None-Match": shown } : {});
    try {
      const answer = await fetch(asked, { headers: sent, cache: "no-store", signal: mine.signal });
      const page = answer.status === 200 ? await answer.text() : "";
      const { status, headers: told, url, redirected } = answer;
      return { status, page, headers: told, address: url, redirected };
    } catch (fault) {
      return null;
    } finally {
      clearTimeout(tooLong);
    }
  };

  const outdate = () => {
    if (!underWay) return;
    underWay.abort();
    underWay = null;
    plan();
  };

  // An action that the page itself waits for: no look until it ends.
  const begin = () => {
    actions += 1;
    outdate();
    clearTimeout(timer);
  };
  const end = () => {
    actions -= 1;
    plan();
  };

  document.addEventListener("submit", outdate, true);
  document.addEventListener("click", (event) => event.target.closest("a[href]") && outdate(), true);
  document.addEventListener("visibilitychange", () => (document.hidden && !unseen ? clearTimeout(timer) : look()));
  plan();
  return { look, begin, end };
};
