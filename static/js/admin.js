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
