// The manager's page of today: asks for itself again with the version it has, and puts what has changed in place.
document.addEventListener("DOMContentLoaded", () => {
  const LOST_AFTER = 15000; // ms
  const lost = document.getElementById("today-lost");
  let heardAt = performance.now();

  const tell = () => {
    lost.hidden = performance.now() - heardAt < LOST_AFTER;
  };

  const heard = ({ status, page, redirected }) => {
    if (redirected) location.reload(); // signed out: let it be seen
    const isRight = !redirected && (status === 200 || status === 304);
    if (isRight) heardAt = performance.now();
    if (isRight && page) show(new DOMParser().parseFromString(page, "text/html"));
    tell();
    return isRight;
  };

  const show = (page) => {
    for (const part of document.querySelectorAll("[data-part]")) {
      const sent = page.getElementById(part.id);
      if (!sent || sent.innerHTML === part.innerHTML || part.contains(document.activeElement)) continue;
      part.innerHTML = sent.innerHTML;
    }
  };

  poll({
    address: () => location.href,
    headers: { "X-Looks-Again": "1" },
    patience: 10000,
    pause: (failures) => Math.min(2000 * 2 ** failures, 30000) + Math.random() * 500,
    heard,
    missed: tell,
  });
});
