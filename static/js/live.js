// Looks again every so often: with some chance in it, so that telephones do not all ask at once; not while the page is
// out of sight; and ever more seldom while the line is down.
const part = document.getElementById("live");
const asOf = document.querySelector("[data-as-of]");
const longest = 10 * 60 * 1000;
const every = () => Number(part.querySelector("[data-every]").dataset.every) * 1000;
const call = () => part.querySelector("[data-call]").dataset.call;
// Why the page was opened (?booked, ?why) is said once: not again each time that it loads itself anew.
if (location.search) history.replaceState(null, "", location.pathname);
let wait = every();
let heard = call();
let timer;

const plan = () => {
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(look, wait * (0.8 + Math.random() * 0.4));
};
const look = () => htmx.trigger(part, "look");

document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : look()));
part.addEventListener("htmx:beforeSwap", (event) => {
  // Unchanged: leave it alone, or a screen reader says it again.
  if (event.detail.serverResponse.trim() === part.innerHTML.trim()) event.detail.shouldSwap = false;
});
part.addEventListener("htmx:afterRequest", (event) => {
  const answered = event.detail.successful || event.detail.xhr.status === 304;
  wait = answered ? every() : Math.min(wait * 2, longest);
  if (answered) {
    const now = new Date();
    const two = (number) => String(number).padStart(2, "0");
    asOf.textContent = asOf.textContent.replace(/\d\d(.)\d\d/, `${two(now.getHours())}$1${two(now.getMinutes())}`);
  }
  plan();
});
const shake = () => navigator.vibrate?.([400, 200, 400, 200, 800]);
part.addEventListener("htmx:afterSwap", () => {
  if (document.querySelector(".turn") && call() !== heard) shake();
  heard = call();
});
if (document.querySelector(".turn")) shake();
plan();
