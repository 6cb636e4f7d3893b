// The console of a counter, kept as it is in the database: asked for by version every second, and put in place without
// touching what somebody is typing. Without this script every button works all the same.

// --- asking ---

const ASK_EVERY = 700;
const ASK_EVERY_UNSEEN = 10_000;
const LONGEST_PAUSE = 4000;
const PATIENCE = 3000;
const LOST_AFTER = 5000;
const GUARDED_FOR = 600;

let isFailing = false;
let heardAt = Date.now();
let pressing = false;

const byId = (id) => document.getElementById(id);
const part = () => byId("console");

const heard = ({ status, page, address }) => {
  if (status >= 500) return missed();
  listened();
  if (status === 403 || status === 404 || !isOurs(address)) end();
  else if (page) show(page);
  return true;
};
const missed = () => {
  isFailing = true;
  return false;
};
const listened = () => {
  isFailing = false;
  heardAt = Date.now();
};
// Not the log-in page.
const isOurs = (address) => new URL(address).pathname.startsWith("/counter/");
const end = () => {
  byId("ended").hidden = false;
  byId("look")?.remove();
};

const looks = poll({
  address: () => byId("look")?.dataset.look ?? "", // none: somebody else sits here now, or the log-in has ended
  version: () => part().dataset.version,
  headers: { "HX-Request": "true" },
  patience: PATIENCE,
  pause(failures) {
    const usual = document.hidden ? ASK_EVERY_UNSEEN : Math.min(ASK_EVERY * 2 ** failures, LONGEST_PAUSE);
    return usual * (0.85 + Math.random() * 0.3);
  },
  heard,
  missed,
  unseen: true,
});

// --- what a person does: a link or a press, each of which htmx sends ---

// What asked; the event itself may be told to another element, where this one is no longer on the page.
const asker = (event) => event.detail.requestConfig?.elt ?? event.detail.elt;
const isPress = (event) => asker(event).matches("form");
// Which list and which ticket the person has asked for last: a press keeps them, even where their answer is not there yet.
let wanted = "";
const setWanted = (address) => (wanted = address ? new URL(address, location.href).search : wanted);

document.addEventListener("htmx:configRequest", (event) => {
  if (!isPress(event)) return setWanted(event.detail.path);
  const [path] = event.detail.path.split("?");
  event.detail.path = path + wanted;
});
document.addEventListener("htmx:beforeSend", (event) => {
  looks.begin();
  if (isPress(event)) pressing = true;
  byId("unsent").hidden = true;
});
document.addEventListener("htmx:afterRequest", (event) => {
  const { status } = event.detail.xhr;
  if (isPress(event)) pressing = false;
  if (status && status < 500) listened();
  if (status === 403 || status === 404) end();
  looks.end();
});
for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  document.addEventListener(name, (event) => {
    const { status } = event.detail.xhr;
    if (status && status < 500) return;
    missed();
    byId("unsent").hidden = false;
  });
}

// A newer wish ends one that has no answer yet. A press is never ended: it counts.
const giveUpTheLast = () => pressing || htmx.trigger(part(), "htmx:abort");

// --- putting in place ---

// The form or link whose answer is being put in place; null for a look, which leaves alone what was said and typed.
let sent = null;
let heldFocus = false;
let stepBefore = "";
let stepChangedAt = -Infinity;
let rowsBefore = "";
let rowsMovedAt = -Infinity;

const step = () => byId("step")?.getAttribute("action");
const rows = () => [...document.querySelectorAll(".rows > .row")].map((row) => row.id).join(" ");

const prepare = (asked) => {
  nextBefore = waitsForIdle();
  sent = asked;
  stepBefore = step();
  rowsBefore = rows();
  heldFocus = Boolean(sent?.contains(document.activeElement));
};
const finish = () => {
  showTimes();
  tellWhoCame();
  setWanted(part().dataset.address);
  if (!sent?.matches("a") && !rows().startsWith(rowsBefore)) rowsMovedAt = performance.now();
  if (!sent) return;
  if (step() !== stepBefore) stepChangedAt = performance.now();
  if (part().dataset.address) history.replaceState(null, "", part().dataset.address);
  const found = sent.id === "find" && document.querySelector("[data-then]");
  if (found) found.focus();
  else if (heldFocus && document.activeElement === document.body) document.querySelector("#step button")?.focus();
};
const show = (page) => {
  prepare(null);
  const how = { swapStyle: "morph:outerHTML", swapDelay: 0, settleDelay: 0 };
  htmx.swap("#console", page, how, { contextElement: part(), afterSwapCallback: finish });
};

document.addEventListener("htmx:beforeSwap", (event) => {
  if (!isOurs(event.detail.xhr.responseURL)) {
    event.detail.shouldSwap = false;
    end();
  }
  prepare(asker(event));
});
document.addEventListener("htmx:afterSwap", (event) => event.detail.xhr && finish());

Idiomorph.defaults.callbacks.beforeNodeMorphed = (old) => {
  if (!(old instanceof Element)) return true;
  if (!sent && old.matches(".said")) return false;
  // The key of a form that was not answered stays: sent again, it is the same request.
  return !old.matches("input:not([type=hidden]), input[name=key], select") || Boolean(sent?.contains(old));
};
Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, element) =>
  name !== "open" || Boolean(sent && element.contains(sent));

// --- a press is one press ---

// While one is on its way another is not taken; and what comes next in the flow stands where the last step stood, the
// next row of a list where its row stood: an impatient finger must not take two steps, nor act on another's ticket.
document.addEventListener("submit", (event) => {
  const changedAt = event.target.matches("#step, #step-then") ? stepChangedAt : event.target.closest(".rows") ? rowsMovedAt : -Infinity;
  const isImpatient = performance.now() - changedAt < GUARDED_FOR;
  if (!isImpatient && !pressing) return giveUpTheLast();
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);
document.addEventListener("click", (event) => event.target.closest("#console a[href]") && giveUpTheLast(), true);

// --- keys, and the scanner ---

// A scanner types like a keyboard, only faster, and wherever the focus is: what comes in a burst is looked up. Who begins
// to type a name by hand without touching the field first must not set off what its letters are keys of: a letter counts
// as a key once no other has followed, else what is typed goes into the field.
const BURST = 60;
const LETTER_RESTS = 350;
const SHORTEST_SCAN = 4;
let typed = "";
let typedAt = 0;
let pressed = "";
let quiet;

const isTyping = (element) => element.matches("input, select, textarea");
const openForm = () => document.querySelector("details[open]");

const lookUp = (text) => {
  const form = byId("find");
  form.elements.text.value = text;
  form.requestSubmit();
};
const keyOf = (code) => /^(?:Digit|Numpad|Key)([0-9A-Z])$/.exec(code)?.[1];
const press = (code) => {
  const key = keyOf(code);
  const button = key && document.querySelector(`[data-key="${key}"]`);
  if (!button || button.closest("[hidden]") || (openForm() && !openForm().contains(button))) return;
  if (isTyping(button)) return button.focus();
  button.click();
  if (openForm()?.contains(button)) openForm().querySelector("input:not([type=hidden])").focus();
};

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") return giveUp(event);
  const isHeld = event.repeat && (event.key === "Enter" || event.key === " ");
  if (isHeld && event.target.closest("button")) return event.preventDefault();
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || isTyping(event.target)) return;
  if (event.key === "Enter" && typed.length >= SHORTEST_SCAN) {
    event.preventDefault();
    clearTimeout(quiet);
    settle();
  }
  // Num Lock or not.
  const character = event.code.startsWith("Numpad") ? keyOf(event.code) ?? event.key : event.key;
  if (character.length !== 1) return;
  if (!typed && keyOf(event.code) === "0") {
    event.preventDefault();
    byId("find-text")?.focus();
    return;
  }
  const isByHand = typed && performance.now() - typedAt > BURST && character !== typed.slice(-1);
  clearTimeout(quiet);
  if (isByHand && hasLetter(typed + character)) return typeOn();
  typed += character;
  typedAt = performance.now();
  pressed = event.code;
  quiet = setTimeout(settle, hasLetter(typed) ? LETTER_RESTS : BURST);
});
const hasLetter = (text) => /[^0-9]/.test(text);
// The character under way follows by itself.
const typeOn = () => {
  const field = byId("find-text");
  field.value = typed;
  typed = "";
  field.focus();
};
const settle = () => {
  const text = typed;
  typed = "";
  if (text.length >= SHORTEST_SCAN) lookUp(text);
  else if (new Set(text).size === 1) press(pressed);
};
const giveUp = (event) => {
  const form = openForm();
  if (form) {
    form.open = false;
    form.querySelector("summary").focus();
  } else if (event.target.id === "find-text") {
    event.target.value = "";
    event.target.blur();
  }
};

// --- when somebody comes to an idle counter: a sound, and the page's title ---

const SOUND_KEPT = "console-sound";
const sound = document.querySelector("[data-sound]");
const title = document.title;
let nextBefore = null;
let speaker = null;

// Who is next at an idle counter; "" where nobody waits, null where the counter is not idle.
const waitsForIdle = () => ("idle" in part().dataset ? part().dataset.next ?? "" : null);

const tellWhoCame = () => {
  const next = waitsForIdle();
  if (next && nextBefore === "") {
    document.title = `● ${sound.dataset.came} ${next} · ${title}`;
    if (isSoundOn()) chime();
  } else if (!next) document.title = title;
};
const seeWhoCame = () => {
  if (!document.hidden) document.title = title;
};
for (const sign of ["pointerdown", "keydown", "visibilitychange"]) document.addEventListener(sign, seeWhoCame);

const isSoundOn = () => localStorage.getItem(SOUND_KEPT) === "on";
const showSound = () => {
  sound.setAttribute("aria-pressed", String(isSoundOn()));
  sound.querySelector("[data-sound-off]").hidden = isSoundOn();
  sound.querySelector("[data-sound-on]").hidden = !isSoundOn();
};
// Browsers are silent until somebody has pressed something; then it sounds.
const wake = () => {
  if (!isSoundOn()) return;
  speaker ??= new AudioContext();
  if (speaker.state === "suspended") speaker.resume();
};
for (const sign of ["pointerdown", "keydown"]) document.addEventListener(sign, wake);
const chime = () => {
  if (speaker?.state !== "running") return;
  [523.25, 659.25].forEach((pitch, nth) => {
    const start = speaker.currentTime + nth * 0.18;
    const tone = speaker.createOscillator();
    const loudness = speaker.createGain();
    tone.frequency.value = pitch;
    loudness.gain.setValueAtTime(0.25, start);
    loudness.gain.exponentialRampToValueAtTime(0.001, start + 0.5);
    tone.connect(loudness).connect(speaker.destination);
    tone.start(start);
    tone.stop(start + 0.5);
  });
};
sound.addEventListener("click", async () => {
  localStorage.setItem(SOUND_KEPT, isSoundOn() ? "off" : "on");
  showSound();
  wake();
  if (isSoundOn()) await speaker.resume();
  if (isSoundOn()) chime();
});
sound.hidden = false;
showSound();

// --- the clock, and how long since ---

const two = (number) => String(number).padStart(2, "0");
const clock = document.querySelector("[data-clock]");

const showTimes = () => {
  const lead = serverLead();
  const secondsSince = (time) => Math.max(0, Math.floor((Date.now() + lead - Date.parse(time)) / 1000));
  for (const element of document.querySelectorAll("[data-clock-since]")) {
    const seconds = secondsSince(element.dateTime);
    element.textContent = `${Math.floor(seconds / 60)}:${two(seconds % 60)}`;
  }
  for (const element of document.querySelectorAll("[data-until]"))
    element.hidden = Date.now() + lead > Date.parse(element.dataset.until);
  for (const element of document.querySelectorAll("[data-minutes-since]"))
    element.textContent = Math.floor(secondsSince(element.dataset.minutesSince) / 60);
};
const showClock = () => {
  const now = new Date(Date.now() + serverLead());
  const [hours, minutes] = now.toLocaleTimeString("en-GB", { timeZone: clock.dataset.clock }).split(":");
  clock.textContent = clock.textContent.replace(/\d\d(.)\d\d/, `${hours}$1${minutes}`);
};
// By how much the server's clock is ahead of this machine's, learned from each answer.
let lead = 0;
let learnedFrom = "";
const serverLead = () => {
  const { now } = part().dataset;
  if (now && now !== learnedFrom) {
    learnedFrom = now;
    lead = Date.parse(now) - Date.now();
  }
  return lead;
};

setInterval(() => {
  showTimes();
  showClock();
  byId("lost").hidden = !isFailing || Date.now() - heardAt < LOST_AFTER || !byId("look");
}, 1000);
showTimes();
setWanted(part().dataset.address);
