// A button that prints the page, where there is a script to do it. With data-print-at="16:30" the page prints by itself
// each day at that time: it is loaded anew then, so that it shows what is to come, and prints what it shows.
const PRINTED = "printed-on";

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());

  const { printAt: at, zone: timeZone } = button.dataset;
  if (!at) continue;
  const today = () => new Date().toLocaleDateString("sv-SE", { timeZone });
  const clock = () => new Date().toLocaleTimeString("sv-SE", { timeZone }).slice(0, 5);
  if (sessionStorage.getItem(PRINTED) === `now ${today()}`) {
    sessionStorage.setItem(PRINTED, today());
    window.print();
  } else if (clock() >= at && !sessionStorage.getItem(PRINTED)) {
    sessionStorage.setItem(PRINTED, today()); // opened after today's time: begins tomorrow
  }
  setInterval(() => {
    if (clock() < at || sessionStorage.getItem(PRINTED) === today()) return;
    sessionStorage.setItem(PRINTED, `now ${today()}`);
    location.reload();
  }, 20_000);
}
