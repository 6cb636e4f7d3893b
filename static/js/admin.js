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
  (document.getElementById("main") || document.getElementById("page")).setAttribute("role", "main");
  const menu = document.documentElement.lang === "en" ? "Menu" : "เมนู";
  document.getElementById("nav-sidebar-inner")?.setAttribute("aria-label", menu);
  document.querySelectorAll(".simplebar-content-wrapper").forEach((box) => {
    box.removeAttribute("role");
    box.removeAttribute("aria-label");
  });
});
