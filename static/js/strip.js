// The strip of days: starts at the day that one came from, else at the first that can be booked, and scrolls by arrows, wheel and keys too.
for (const strip of document.querySelectorAll("[data-strip]")) {
  const days = strip.querySelector(".strip-days");
  const arrows = strip.querySelectorAll("[data-by]");
  const first = days.querySelector(`[id="${decodeURIComponent(location.hash.slice(1))}"]`) || days.querySelector(".day-first");
  const room = () => days.scrollWidth - days.clientWidth;
  const page = () => Math.max(120, days.clientWidth * 0.8);

  const showEnds = () => {
    arrows[0].disabled = days.scrollLeft < 4;
    arrows[1].disabled = days.scrollLeft > room() - 4;
  };

  if (first) {
    const edge = parseFloat(getComputedStyle(days).paddingLeft);
    const to = days.scrollLeft + first.getBoundingClientRect().left - days.getBoundingClientRect().left - edge;
    days.scrollTo({ left: to, behavior: "instant" });
  }

  for (const arrow of arrows) {
    arrow.addEventListener("click", () => days.scrollBy({ left: page() * Number(arrow.dataset.by) }));
  }

  days.addEventListener("wheel", (event) => {
    if (Math.abs(event.deltaY) <= Math.abs(event.deltaX)) return;
    const end = event.deltaY > 0 ? days.scrollLeft > room() - 2 : days.scrollLeft < 2;
    if (end) return;
    event.preventDefault();
    days.scrollBy({ left: event.deltaY, behavior: "instant" });
  }, { passive: false });

  days.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const open = [...days.querySelectorAll("a.day")];
    const at = open.indexOf(document.activeElement);
    if (!step || at < 0) return;
    event.preventDefault();
    open[Math.min(open.length - 1, Math.max(0, at + step))].focus();
  });

  days.addEventListener("scroll", showEnds, { passive: true });
  addEventListener("resize", showEnds);
  strip.querySelector(".strip-arrows").hidden = room() < 4;
  showEnds();
}
