// A form that was sent is not sent twice by an impatient finger. Only a kindness: the server gives one ticket anyway.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-once]")) return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "yes";
  if (event.submitter) event.submitter.setAttribute("aria-disabled", "true");
});

// Back from the next page: the form may be sent again.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("[data-once]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("[aria-disabled]")) button.removeAttribute("aria-disabled");
  }
});

// A citizen ID in the groups in which it is written. The server takes it in any form.
const GROUPS = [1, 4, 5, 2, 1];
const THAI_ZERO = "๐".charCodeAt(0);
const inGroups = (digits) => {
  let from = 0;
  return GROUPS.map((length) => digits.slice(from, (from += length))).filter(Boolean).join("-");
};
for (const input of document.querySelectorAll("input[name=citizen_id]")) {
  input.addEventListener("input", () => {
    const typed = input.value.replace(/[๐-๙]/g, (digit) => digit.charCodeAt(0) - THAI_ZERO);
    const isAtEnd = input.selectionStart === input.value.length;
    if (isAtEnd && /^[\d\s-]*$/.test(typed)) input.value = inGroups(typed.replace(/\D/g, "").slice(0, 13)) + typed.replace(/\D/g, "").slice(13);
  });
}

// Who is told that something is wrong hears it first: the field, or the note where it is about the whole page.
const refused = document.querySelector("[aria-invalid=true]") || document.querySelector("main [role=alert]");
if (refused) {
  if (!refused.matches("input")) refused.tabIndex = -1;
  refused.focus({ preventScroll: refused.matches(".turn") });
}

// A password can be read while it is typed.
for (const button of document.querySelectorAll("[data-shows]")) {
  const input = document.getElementById(button.dataset.shows);
  button.hidden = false;
  button.addEventListener("click", () => {
    input.type = input.type === "password" ? "text" : "password";
    button.setAttribute("aria-pressed", input.type === "text");
  });
}

// The telephone's own way of passing the ticket on, as a picture: its link would open it for good.
for (const button of document.querySelectorAll("[data-share]")) {
  if (!navigator.canShare || !navigator.canShare({ files: [new File([], "ticket.png", { type: "image/png" })] })) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const picture = await fetch(button.dataset.share).then((answer) => answer.blob());
    const file = new File([picture], button.dataset.name, { type: "image/png" });
    navigator.share({ files: [file], title: button.dataset.title }).catch(() => {});
  });
}

// What this telephone keeps for when it has no line (templates/booking/offline/worker.js).
const { worker } = document.currentScript.dataset;
if ("serviceWorker" in navigator && worker) navigator.serviceWorker.register(worker).catch(() => {});
for (const back of document.querySelectorAll("[data-back]")) {
  back.hidden = false;
  back.addEventListener("click", () => history.back());
}
