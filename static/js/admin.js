// Beside each date that staff pick: the same in words, with its weekday and the year of the Buddhist Era.
document.addEventListener("DOMContentLoaded", () => {
  const words = new Intl.DateTimeFormat(document.documentElement.lang === "en" ? "en-GB" : "th-TH", { dateStyle: "full", timeZone: "UTC" });
  const say = (input) => {
    if (!input.dateSaid) {
      input.dateSaid = document.createElement("output");
      input.dateSaid.className = "office-said";
      input.after(input.dateSaid);
    }
    const date = input.valueAsDate;
    if (date && date.getUTCFullYear() > 2400) date.setUTCFullYear(date.getUTCFullYear() - 543);
    input.dateSaid.textContent = date ? words.format(date) : "";
  };
  document.querySelectorAll("input[type=date]").forEach(say);
  document.addEventListener("input", (event) => event.target.matches("input[type=date]") && say(event.target));
});

// What the theme leaves out for screen readers: its main part; icons are letters that are not to be read beside words;
// a scroll box is no part of the page.
window.addEventListener("load", () => {
  document.querySelectorAll(".material-symbols-outlined").forEach((icon) => {
    if (icon.parentElement.textContent.trim() !== icon.textContent.trim()) icon.setAttribute("aria-hidden", "true");
  });
  if (!document.querySelector("main")) {
    (document.getElementById("main") || document.getElementById("page")).setAttribute("role", "main");
  }
  const menu = document.documentElement.lang === "en" ? "Menu" : "เมนู";
  document.getElementById("nav-sidebar-inner")?.setAttribute("aria-label", menu);
  document.querySelectorAll(".simplebar-content-wrapper").forEach((box) => {
    box.removeAttribute("role");
    box.removeAttribute("aria-label");
  });
});

// The calendar: one day is tapped, several are dragged over, and the page that changes them opens. A finger may land on a
// link in a day: it follows the link only where it does not go on to another day. Keyboards use the link in each day.
document.addEventListener("DOMContentLoaded", () => {
  const month = document.querySelector(".office-month[data-change]");
  if (!month) return;
  const cells = [...month.querySelectorAll("td[data-date]")];
  let from = null;
  let to = null;
  let link = null;
  const mark = () => {
    const [first, last] = [cells.indexOf(from), cells.indexOf(to)].sort((a, b) => a - b);
    cells.forEach((cell, nth) => cell.classList.toggle("office-marked", from !== null && first <= nth && nth <= last));
  };
  const cellOf = (event) => {
    const cell = document.elementFromPoint(event.clientX, event.clientY)?.closest("td[data-date]");
    return month.contains(cell) ? cell : null;
  };
  month.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !event.isPrimary) return;
    from = to = cellOf(event);
    link = event.target.closest("a");
    if (!link) mark();
  });
  month.addEventListener("pointermove", (event) => {
    const cell = from && cellOf(event);
    if (!cell || cell === to) return;
    to = cell;
    mark();
  });
  document.addEventListener("pointerup", (event) => {
    if (!from) return;
    const dates = [from.dataset.date, to.dataset.date].sort();
    const isOver = cellOf(event);
    from = null;
    mark();
    if (!isOver || (link && dates[0] === dates[1])) return;
    const address = new URL(month.dataset.change, location.href);
    address.searchParams.set("first", dates[0]);
    if (dates[1] !== dates[0]) address.searchParams.set("last", dates[1]);
    location.assign(address);
  });
  document.addEventListener("pointercancel", () => {
    from = null;
    mark();
  });
  month.addEventListener("dragstart", (event) => event.preventDefault());
});

// A colour is typed as #0a4a9f, or picked beside it.
document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-colour]").forEach((typed) => {
  const picked = document.createElement("input");
  picked.type = "color";
  picked.className = "office-swatch";
  picked.setAttribute("aria-label", typed.labels[0]?.textContent || "");
  const show = () => {
    if (/^#[0-9a-fA-F]{6}$/.test(typed.value)) picked.value = typed.value;
  };
  picked.addEventListener("input", () => (typed.value = picked.value));
  typed.addEventListener("input", show);
  picked.disabled = typed.disabled;
  show();
  typed.after(picked);
}));

// The theme writes the name of a chosen file into the next text field of the form, whatever that is. Ours have none for it.
document.addEventListener("change", (event) => {
  if (event.target.matches("input.office-file")) event.stopPropagation();
}, true);
