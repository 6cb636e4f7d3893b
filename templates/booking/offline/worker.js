{% load static %}{% get_static_prefix as files %}// What a member's telephone shows without a line: the tickets that it has opened before, as they were then, and for
// everything else a page that says so. Nothing else of the service is kept; staff's pages never pass through here.
const TICKETS = "tickets";
const SHELL = "shell {% static 'css/site.css' %}";
const OFFLINE = "{% url 'offline' %}";
const MEMBERS = /^\/($|(t|tickets|book|wait|status|guide|arrive|member|line|privacy)\/)/;
const TICKET = /^\/(t\/[-\w]+\/|tickets\/)$/;
const MOST_TICKETS = 20;
let language = "";
let renewal = Promise.resolve();

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(SHELL).then((shell) => shell.addAll([OFFLINE, "{% static 'css/site.css' %}"])));
  self.skipWaiting();
});

self.addEventListener("activate", (event) => {
  const drop = (names) => Promise.all(names.filter((name) => name !== SHELL && name !== TICKETS).map((name) => caches.delete(name)));
  event.waitUntil(caches.keys().then(drop).then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const address = new URL(event.request.url);
  if (address.origin !== location.origin) return;
  if (event.request.mode === "navigate" && MEMBERS.test(address.pathname)) event.respondWith(visit(event, address));
  else if (event.request.destination && address.pathname.startsWith("{{ files }}")) event.respondWith(file(event.request));
});

const visit = async (event, address) => {
  try {
    const answer = await fetch(event.request);
    event.waitUntil(renew(answer.headers.get("Content-Language")));
    if (answer.ok) event.waitUntil(keep(event.request, address, answer.clone()));
    return answer;
  } catch (fault) {
    const kept = event.request.method === "GET" && (await (await caches.open(TICKETS)).match(address.pathname));
    return kept || (await caches.open(SHELL)).match(OFFLINE);
  }
};

const keep = async (request, address, answer) => {
  if (request.method !== "GET" || !TICKET.test(address.pathname)) return;
  const tickets = await caches.open(TICKETS);
  await tickets.delete(address.pathname); // to stand last again
  await tickets.put(address.pathname, answer);
  const names = await tickets.keys();
  await Promise.all(names.slice(0, -MOST_TICKETS).map((name) => tickets.delete(name)));
};

// One after the other: on a slow line the page of the language before would else land last, and stay.
const renew = (spoken) => (renewal = renewal.catch(() => {}).then(() => speak(spoken)));

const speak = async (spoken) => {
  if (!spoken || spoken === language) return;
  await (await caches.open(SHELL)).add(new Request(OFFLINE, { cache: "reload" }));
  language = spoken;
};

// Styles, scripts and letters: their addresses change with what is in them.
const file = async (request) => {
  const shell = await caches.open(SHELL);
  const kept = await shell.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) await shell.put(request, answer.clone());
  return answer;
};
