// Keeps a page as it is now: its times, and the parts that the server sends when they change.

const main = document.getElementById("main");
const sign = document.getElementById("live");
const hold = document.getElementById("hold");
const zone = document.getElementById("zone");
const { dataset } = document.documentElement;
const words = dataset.units.split(" ");
const skew = Number(dataset.now) - Date.now();
let isOwn = false; // whether times are shown in the browser's zone

// -- times

function length(ms) {
  let number = Math.floor(ms / 1000);
  const units = [...words];
  for (const size of [60, 60, 24]) {
    if (number < size) break;
    number = Math.floor(number / size);
    units.shift();
  }
  return `${number} ${units[0]}`;
}

function written(at, options) {
  const timeZone = isOwn ? undefined : dataset.zone;
  return new Intl.DateTimeFormat("sv", { timeZone, hourCycle: "h23", ...options }).format(at);
}

function refresh(root = document) {
  for (const time of root.querySelectorAll("time.ago")) {
    time.textContent = length(Math.abs(Date.now() + skew - time.dataset.at));
  }
}

function rezone(root = document) {
  const date = { year: "numeric", month: "2-digit", day: "2-digit" };
  const clock = { hour: "2-digit", minute: "2-digit" };
  const exact = { ...clock, second: "2-digit" };
  const today = written(Date.now() + skew, date);
  for (const time of root.querySelectorAll("time[data-at]")) {
    const at = Number(time.dataset.at);
    time.title = written(at, { ...date, ...exact, timeZoneName: "short" });
    if (time.className === "exact") time.textContent = written(at, exact);
    if (time.className === "clock") {
      const day = written(at, date) === today ? {} : { month: "2-digit", day: "2-digit" };
      time.textContent = written(at, { ...day, ...clock });
    }
  }
}

const relays = zone.textContent;
zone.hidden = false;
zone.addEventListener("click", () => {
  isOwn = !isOwn;
  const parts = new Intl.DateTimeFormat(undefined, { timeZoneName: "short" }).formatToParts();
  zone.textContent = isOwn ? parts.find((part) => part.type === "timeZoneName").value : relays;
  rezone();
});
setInterval(refresh, 1000);

// -- live parts: what is under the pointer, the focus or a selection never changes

const waiting = new Map();
let isHeld = false;

function isBusy(element) {
  const around = element.closest("#rows") ?? element;
  return around.matches(":hover, :focus-within")
    || (!getSelection().isCollapsed && around.contains(getSelection().anchorNode));
}

// A part above the list would move the list.
const moves = (element) => main.contains(element) && !element.closest("#rows, #news")
  && document.querySelector("#rows:hover, #rows:focus-within");

function patch(key, html) {
  const element = document.getElementById(key);
  if (!element) return Boolean(document.querySelector("#rows .nothing")) && location.reload();
  if (isHeld || isBusy(element) || moves(element)) return waiting.set(key, html);
  waiting.delete(key);
  if (html === null) return element.classList.add("gone");
  element.outerHTML = html;
  const fresh = document.getElementById(key);
  if (isOwn) rezone(fresh);
  if (key === "needs") announce(element, fresh);
}

const flush = () => waiting.forEach((html, key) => patch(key, html));
for (const name of ["pointerout", "focusout", "selectionchange"]) {
  document.addEventListener(name, () => waiting.size && setTimeout(flush, 50));
}

function announce(before, after) {
  const known = new Set(Array.from(before.children, (item) => item.className + item.dataset.sink));
  const news = [...after.children].filter((item) => !known.has(item.className + item.dataset.sink));
  const text = news.map((item) => item.querySelector("p").textContent.replace(/\s+/g, " ")).join(" ");
  if (text) document.getElementById("announced").textContent = text;
  const title = document.title.replace(/^\(\d+\) /, "");
  document.title = after.children.length ? `(${after.children.length}) ${title}` : title;
}

if (main.dataset.live) {
  const address = new URL(main.dataset.live, location);
  address.searchParams.set("is", main.dataset.is);
  const source = new EventSource(address);
  // A browser tries again by itself, unless the server ends it.
  const show = (state) => {
    sign.textContent = state === "wait" ? "" : sign.dataset[isHeld && state === "on" ? "paused" : state];
    sign.classList.toggle("off", state === "off" || isHeld);
  };
  source.onopen = () => show("on");
  source.onerror = () => show(source.readyState === EventSource.CLOSED ? "off" : "wait");
  source.onmessage = (event) => Object.entries(JSON.parse(event.data)).forEach(([key, html]) => patch(key, html));
  hold.hidden = false;
  hold.addEventListener("click", () => {
    isHeld = !isHeld;
    hold.setAttribute("aria-pressed", isHeld);
    show("on");
    flush();
  });
  // Browsers keep few connections to one place: a page that nobody sees holds none.
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
}

// -- keys, spoilers, copies

const keys = document.getElementById("keys");

function step(by) {
  const links = [...document.querySelectorAll(".events .line, .examples .line, .sinks .name a")];
  const at = links.indexOf(document.activeElement);
  links[Math.min(Math.max(at + by, 0), links.length - 1)]?.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, textarea, select")) return;
  const act = {
    j: () => step(1), k: () => step(-1), p: () => hold?.click(), "?": () => keys.showModal(),
    "/": () => document.getElementById("search")?.focus(),
  }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

document.addEventListener("click", (event) => {
  event.target.closest(".spoiler")?.classList.toggle("open");
  const copied = event.target.closest("[data-copy]")?.dataset.copy;
  if (copied) navigator.clipboard.writeText(document.getElementById(copied).textContent);
});
if (navigator.clipboard) for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
