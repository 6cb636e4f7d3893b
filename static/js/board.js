// The office's screens. A screen asks for its own page again about once a second, with the version that it has; what has
// changed is put in place. New calls are announced one after the other, each once. Televisions have old browsers: nothing
// newer than ES2018 here.

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// --- asking, and saying so when nobody answers ---

const EVERY = 700; // ms; and up to a quarter of a second more, so that screens do not all ask at once
const PATIENCE = 2000; // then it asks anew: the picture is to be whole within 3 s of the line's return
const LOST_AFTER = 6000; // then the screen says that it does not know
const lost = document.querySelector("[data-lost]");
let heardAt = performance.now();

// Also while the page is out of sight: its voice is heard.
const keepAsking = () =>
  poll({ address: () => location.href, patience: PATIENCE, pause: pauseNow, heard, missed: tellWhetherLost, unseen: true });

const pauseNow = () => (lost.hidden ? EVERY : 250) + Math.random() * 250;

const heard = ({ status, page, redirected }) => {
  if (redirected) location.reload(); // staff have been signed out: let it be seen
  const isRight = !redirected && (status === 200 || status === 304);
  if (isRight) heardAt = performance.now();
  if (isRight && page) show(new DOMParser().parseFromString(page, "text/html"));
  tellWhetherLost();
  return isRight;
};

const tellWhetherLost = () => {
  const isLost = performance.now() - heardAt > LOST_AFTER;
  if (isLost && lost.hidden) lost.querySelector("[data-heard]").textContent = timeOfDay(now() - LOST_AFTER);
  lost.hidden = !isLost;
  document.body.classList.toggle("is-lost", isLost);
};

// --- what is shown ---

const parts = new Map(); // what the server last sent, by its place
const clock = document.getElementById("clock");
let ahead = 0; // ms by which the server's clock is ahead of this machine's

const now = () => Date.now() + ahead;
const written = (part) => part.className + part.innerHTML;

const show = (page) => {
  for (const part of document.querySelectorAll("[data-part]")) {
    const sent = page.getElementById(part.id);
    if (parts.get(part.id) === written(sent)) continue; // nothing moves but what is new
    parts.set(part.id, written(sent));
    part.className = sent.className;
    part.innerHTML = sent.innerHTML;
  }
  ahead = Number(page.getElementById("clock").dataset.now) * 1000 - Date.now();
  listenForNew();
  mark();
  showNotice();
  showPage();
};

const tellTime = () => {
  clock.textContent = timeOfDay(now());
};

// In Thailand, wherever this machine believes to be; in the form in which the server writes it.
const timeOfDay = (ms) => {
  const there = new Date(ms + 7 * 60 * 60 * 1000);
  const two = (number) => String(number).padStart(2, "0");
  return clock.textContent.replace(/\d\d(.)\d\d/, `${two(there.getUTCHours())}$1${two(there.getUTCMinutes())}`);
};

// --- which calls are new ---

const YOUNG = 60; // seconds; an older call is shown, not announced
const FLASH = 4000;
const known = new Set();
const queue = [];
let fresh = ""; // the call that flashes
let spoken = ""; // the call that is being announced
let isAnnouncing = false;

const calls = () => [...document.querySelectorAll("[data-call]")]; // newest first
const current = (key) => calls().find((call) => call.dataset.call === key && "current" in call.dataset);

const listenForNew = () => {
  const arrived = calls().filter((call) => !known.has(call.dataset.call));
  for (const call of arrived.reverse()) {
    known.add(call.dataset.call);
    const age = now() / 1000 - Number(call.dataset.at);
    if ("current" in call.dataset && age < YOUNG) queue.push(call.dataset.call);
  }
  const newest = calls()[0];
  if (arrived.includes(newest) && queue.includes(newest.dataset.call)) flash(newest.dataset.call);
  announceAll();
};

const flash = async (key) => {
  fresh = key;
  await pause(FLASH);
  if (fresh === key) fresh = "";
  mark();
};

const mark = () => {
  for (const call of calls()) {
    call.classList.toggle("is-new", call.dataset.call === fresh);
    call.classList.toggle("is-spoken", call.dataset.call === spoken);
  }
};

// One at a time, in the order in which they were called. Who has come meanwhile, or whose call was undone, is passed over.
const announceAll = async () => {
  if (isAnnouncing) return;
  isAnnouncing = true;
  while (queue.length) {
    const call = current(queue.shift());
    if (!call) continue;
    spoken = call.dataset.call;
    mark();
    await say(call.dataset.say);
    spoken = "";
    mark();
    await pause(300);
  }
  isAnnouncing = false;
};

// --- the voice: recorded words where all are there, else the browser's own, else a chime ---

const LONGEST_SPEECH = 15000; // browsers forget to say that they have finished
const clips = new Map();
let speaker = null;
let wanted = { needed: [], clips: {}, test: "", sample: [] };

const isOn = () => Boolean(speaker) && speaker.state === "running";

const say = async (sentence) => {
  if (!isOn()) return pause(3000);
  await chime();
  const recorded = sentence.split(" ").map((word) => clips.get(word));
  if (recorded.every(Boolean)) return play(recorded);
  if (thaiVoice()) return speak(sentence);
  return pause(2000);
};

const chime = () => {
  [659.25, 523.25].forEach((pitch, nth) => {
    const start = speaker.currentTime + nth * 0.4;
    const tone = speaker.createOscillator();
    const loudness = speaker.createGain();
    tone.frequency.value = pitch;
    loudness.gain.setValueAtTime(0, start);
    loudness.gain.linearRampToValueAtTime(0.5, start + 0.02);
    loudness.gain.exponentialRampToValueAtTime(0.001, start + 1.2);
    tone.connect(loudness).connect(speaker.destination);
    tone.start(start);
    tone.stop(start + 1.2);
  });
  return pause(1200);
};

const play = (recorded) => {
  let start = speaker.currentTime;
  for (const clip of recorded) {
    const source = speaker.createBufferSource();
    source.buffer = clip;
    source.connect(speaker.destination);
    source.start(start);
    start += clip.duration;
  }
  return pause((start - speaker.currentTime) * 1000);
};

const speak = (sentence) =>
  new Promise((resolve) => {
    const speech = new SpeechSynthesisUtterance(sentence);
    speech.voice = thaiVoice();
    speech.lang = "th-TH";
    speech.rate = 0.9;
    const timer = setTimeout(() => {
      speechSynthesis.cancel();
      resolve();
    }, LONGEST_SPEECH);
    speech.onend = speech.onerror = () => {
      clearTimeout(timer);
      resolve();
    };
    speechSynthesis.speak(speech);
  });

const thaiVoice = () => "speechSynthesis" in window && speechSynthesis.getVoices().find((voice) => /^th\b/i.test(voice.lang));

// --- turning it on, and testing it ---

const button = document.querySelector("[data-sound]");
const test = document.querySelector("[data-test]");
const TEST_LASTS = 20000; // then the board is to be seen again

const prepareSound = () => {
  const Speaker = window.AudioContext || window.webkitAudioContext;
  if (Speaker) {
    // Where the browser was told to let this site sound, it runs without a tap.
    speaker = new Speaker();
    speaker.onstatechange = showSound;
  }
  button.addEventListener("click", testSound);
  button.hidden = false;
  showSound();
  loadClips();
};

const showSound = () => {
  document.body.classList.toggle("is-mute", !isOn());
  button.querySelector("[data-sound-off]").hidden = isOn();
  button.querySelector("[data-sound-on]").hidden = !isOn();
};

const testSound = async () => {
  if (speaker) await Promise.race([speaker.resume(), pause(1000)]);
  await loadClips();
  if (!thaiVoice()) await pause(500); // browsers name their voices late
  showSound();
  const isRecorded = showTest();
  if (navigator.wakeLock) navigator.wakeLock.request("screen").catch(() => {});
  if (isOn()) await say(isRecorded ? wanted.sample.join(" ") : wanted.test);
};

const loadClips = async () => {
  const answer = await fetch(button.dataset.words).catch(() => null);
  if (!answer || !answer.ok) return;
  wanted = await answer.json();
  clips.clear();
  await Promise.all(Object.keys(wanted.clips).map((word) => loadClip(word, wanted.clips[word])));
};

// A recording that this browser cannot read counts as missing.
const loadClip = async (word, address) => {
  try {
    const answer = await fetch(address);
    clips.set(word, await speaker.decodeAudioData(await answer.arrayBuffer()));
  } catch (fault) {
    clips.delete(word);
  }
};

// Whether every word is recorded; and the window that says so, and the rest.
const showTest = () => {
  const missing = wanted.needed.filter((word) => !clips.has(word));
  const isRecorded = wanted.needed.length > 0 && missing.length === 0;
  const verdict = !isOn() ? "none" : isRecorded ? "clips" : thaiVoice() ? "voice" : "chime";
  const found = { chime: isOn(), voice: Boolean(thaiVoice()) };
  for (const part of Object.keys(found)) {
    const line = test.querySelector(`[data-part-of-sound="${part}"]`);
    line.querySelector("[data-yes]").hidden = !found[part];
    line.querySelector("[data-no]").hidden = found[part];
  }
  test.querySelector("[data-ready]").textContent = wanted.needed.length - missing.length;
  test.querySelector("[data-needed]").textContent = wanted.needed.length;
  test.querySelector("[data-missing]").textContent = missing.join(" ");
  test.querySelector("[data-missing-line]").hidden = isRecorded;
  for (const said of test.querySelectorAll("[data-verdict]")) said.hidden = said.dataset.verdict !== verdict;
  if (!test.open) test.showModal();
  clearTimeout(showTest.timer);
  showTest.timer = setTimeout(() => test.close(), TEST_LASTS);
  return isRecorded;
};

// --- notices: one at a time ---

const NOTICE_LASTS = 10000;
let notice = 0;

const showNotice = () => {
  const all = [...document.querySelectorAll("#notices > li")];
  all.forEach((one, nth) => one.classList.toggle("is-shown", nth === notice % all.length));
};

const nextNotice = () => {
  notice += 1;
  showNotice();
};

// --- departments that do not fit side by side: one page at a time ---

const PAGE_LASTS = 8000;
let shownPage = 0;

const showPage = () => {
  const all = [...document.querySelectorAll(".waiting-page")];
  all.forEach((one, nth) => one.classList.toggle("is-shown", nth === shownPage % all.length));
};

const nextPage = () => {
  shownPage += 1;
  showPage();
};

// --- begin ---

for (const part of document.querySelectorAll("[data-part]")) parts.set(part.id, written(part));
for (const call of calls()) known.add(call.dataset.call); // what stands there when the page is opened is not news
ahead = Number(clock.dataset.now) * 1000 - Date.now();
setInterval(tellTime, 1000);
setInterval(nextNotice, NOTICE_LASTS);
setInterval(nextPage, PAGE_LASTS);
showNotice();
if (button) prepareSound();
keepAsking();
