// Keeps a list as it is now. The server sends the whole of it, so that nothing is told twice.

const rows = document.getElementById("rows");
const sign = document.getElementById("live");
const source = new EventSource(rows.dataset.live);

// A browser tries again by itself, unless it was told that this is over.
const tell = (state) => {
  sign.textContent = state === "wait" ? "" : sign.dataset[state];
  sign.classList.toggle("off", state === "off");
};
source.onopen = () => tell("on");
source.onerror = () => tell(source.readyState === EventSource.CLOSED ? "off" : "wait");
source.onmessage = (event) => {
  const known = new Set(Array.from(rows.rows, (row) => row.id));
  const active = rows.contains(document.activeElement) ? document.activeElement : null;
  const focused = active && (active.id || active.closest("tr").id);
  rows.innerHTML = event.data;
  for (const row of rows.rows) row.classList.toggle("fresh", !known.has(row.id));
  if (focused) {
    const same = document.getElementById(focused);
    (active.id ? same : same?.querySelector("a"))?.focus({ preventScroll: true });
  }
};

// Browsers keep few connections to one place: a page that nobody sees holds none.
addEventListener("pagehide", () => source.close());
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
