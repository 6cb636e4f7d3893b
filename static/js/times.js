// Says in the bar at the bottom which time is chosen.
const said = document.querySelector("[data-chosen]");
const say = () => {
  const chosen = document.querySelector("input[name=slot]:checked");
  said.hidden = !chosen;
  said.textContent = chosen ? chosen.dataset.said : "";
};
document.addEventListener("change", say);
addEventListener("pageshow", say);
say();
