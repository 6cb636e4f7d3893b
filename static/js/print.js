// A button that prints the page, where there is a script to do it. With data-print-at="16:30" the page prints by itself
// today at that time. Until then it keeps its sheets fresh by data-key, which opens data-list without a session: whoever
// opened the page is signed out meanwhile. Without a line it prints what it had last.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
  if (button.dataset.printAt) waitToPrint(button.dataset);
}

function waitToPrint({ printAt: at, zone: timeZone, list, key }) {
  const EVERY = 20000; // ms
  const today = () => new Date().toLocaleDateString("sv-SE", { timeZone });
  const clock = () => new Date().toLocaleTimeString("sv-SE", { timeZone }).slice(0, 5);
  const opened = today();
  let isPrinted = clock() >= at;
  let isLooking = false;

  const look = async () => {
    const lost = document.querySelector("[data-lost]");
    try {
      const answer = await fetch(list, {
        headers: { Authorization: `DayList ${key}` },
        credentials: "omit",
        cache: "no-store",
        redirect: "error",
        signal: AbortSignal.timeout(15000),
      });
      if (answer.status === 403 && today() !== opened) location.reload(); // the key was good for its day
      if (answer.ok) document.querySelector("[data-sheets]").innerHTML = await answer.text();
      lost.hidden = answer.ok;
    } catch {
      lost.hidden = false;
    }
  };

  setInterval(async () => {
    if (isLooking) return;
    isLooking = true;
    const isDue = !isPrinted && today() === opened && clock() >= at;
    await look();
    if (isDue) {
      isPrinted = true;
      window.print();
    }
    isLooking = false;
  }, EVERY);
}
