// The telephone of the demo: looks for new messages every second, and sends what is tapped without leaving the page.
const chat = document.getElementById("chat");
const toEnd = () => { chat.scrollTop = chat.scrollHeight; };
let timer;

const look = async () => {
  clearTimeout(timer);
  if (!document.hidden) {
    const answer = await fetch(`${chat.dataset.from}&shown=${chat.dataset.version}`).catch(() => null);
    if (answer?.status === 200) {
      chat.innerHTML = await answer.text();
      chat.dataset.version = answer.headers.get("X-Version");
      toEnd();
    }
  }
  timer = setTimeout(look, 1000);
};

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-quiet]")) return;
  event.preventDefault();
  const body = new FormData(form);
  form.reset();
  await fetch(form.action, { method: "POST", body, redirect: "manual" }).catch(() => null);
  look();
});
document.addEventListener("visibilitychange", look);
toEnd();
look();
