// The page of a ticket looks again every so often: with some chance in it, so that telephones do not all ask at once; not
// while the page is out of sight; and ever more seldom while the line is down.
const part = document.getElementById("live");
const asOf = document.querySelector("[data-as-of]");
const LONGEST_PAUSE = 10 * 60 * 1000;
const PATIENCE = 30_000;
const every = () => Number(part.querySelector("[data-every]").dataset.every) * 1000;
const call = () => part.querySelector("[data-call]").dataset.call;
const shake = () => navigator.vibrate?.([400, 200, 400, 200, 800]);
// Why the page was opened (?booked, ?why) is said once: not again each time that it loads itself anew.
if (location.search) history.replaceState(null, "", location.pathname);
const lost = document.querySelector("[data-lost]");
let heardCall = call();

const heard = ({ status, page, headers }) => {
  if (status !== 200 && status !== 304) return false;
  lost.hidden = true;
  if (headers.get("HX-Refresh")) location.reload(); // the whole page has changed
  else if (status === 200) show(page);
  tellAsOf();
  return true;
};
const show = (page) => {
  // Unchanged: leave it alone, or a screen reader says it again.
  if (page.trim() === part.innerHTML.trim()) return;
  part.innerHTML = page;
  if (document.querySelector(".turn") && call() !== heardCall) shake();
  heardCall = call();
};
const opened = new Date();
const tellAsOf = () => {
  const now = new Date();
  if (now.toDateString() !== opened.toDateString()) return location.reload();
  const two = (number) => String(number).padStart(2, "0");
  asOf.textContent = asOf.textContent.replace(/\d\d(.)\d\d/, `${two(now.getHours())}$1${two(now.getMinutes())}`);
};

if (document.querySelector(".turn")) shake();
poll({
  address: () => part.dataset.look,
  patience: PATIENCE,
  pause: (failures) => Math.min(every() * 2 ** failures, LONGEST_PAUSE) * (0.8 + Math.random() * 0.4),
  heard,
  missed: () => (lost.hidden = false),
});
