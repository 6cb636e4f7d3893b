// The tablet at reception: what a scanner types goes where it belongs, the first page stays up to date, and a ticket is
// left alone after a while.

const scan = document.querySelector("[data-scan]");
const choices = document.querySelector("[data-again]");
const back = document.querySelector("[data-back]");
const print = document.querySelector("[data-print]");

// From the browser's memory a page would be as the last person left it.
addEventListener("pageshow", (event) => event.persisted && location.reload());

if (scan) {
  document.addEventListener("keydown", (event) => {
    const isTyped = event.key.length === 1 && !event.ctrlKey && !event.altKey && !event.metaKey;
    if (isTyped && document.activeElement === document.body) scan.focus();
  });
}

if (choices) {
  poll({
    address: () => choices.dataset.again,
    patience: 10_000,
    pause: () => 15_000,
    heard({ status, page, redirected }) {
      if (status !== 200 || redirected) return false;
      const sent = new DOMParser().parseFromString(page, "text/html").getElementById("choices").innerHTML;
      if (sent !== choices.innerHTML) choices.innerHTML = sent;
      return true;
    },
  });
}

// What somebody has typed and left is not for who comes next: after a minute without a touch the tablet begins anew. On the
// ticket's page the time below counts instead.
const FORGETS_AFTER = 60_000;
const isTyped = (field) =>
  field.matches("[type=radio], [type=checkbox]") ? field.checked !== field.defaultChecked : field.value !== "";
const fields = () => [...document.querySelectorAll("main input:not([type=hidden])")];
const isAtStart = location.pathname === document.body.dataset.start;
const forget = () => {
  if (!isAtStart || document.querySelector("[role=alert]") || fields().some(isTyped)) location.replace(document.body.dataset.start);
};
if (!back) {
  let forgets = setTimeout(forget, FORGETS_AFTER);
  for (const sign of ["pointerdown", "keydown", "input"]) {
    document.addEventListener(sign, () => {
      clearTimeout(forgets);
      forgets = setTimeout(forget, FORGETS_AFTER);
    });
  }
}

if (print) {
  print.hidden = false;
  print.addEventListener("click", () => window.print());
}

if (back) {
  const left = back.querySelector("[data-left]");
  let seconds = Number(back.dataset.back);
  const count = () => {
    if (seconds === 0) return location.replace(back.href);
    left.textContent = seconds;
    seconds -= 1;
    setTimeout(count, 1000);
  };
  // Whoever touches the page needs it a while longer.
  for (const sign of ["pointerdown", "keydown"]) document.addEventListener(sign, () => (seconds = Number(back.dataset.back)));
  count();
}
