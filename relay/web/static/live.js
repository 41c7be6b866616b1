// Keeps a list as it is now. The server sends the whole of it, so that nothing is told twice.

const rows = document.getElementById("rows");
const sign = document.getElementById("live");
const source = new EventSource(rows.dataset.live);

source.onopen = () => { sign.hidden = false; };
source.onerror = () => { sign.hidden = true; };
source.onmessage = (event) => {
  const known = new Set(Array.from(rows.rows, (row) => row.id));
  const focused = document.activeElement?.closest("#rows tr")?.id;
  rows.innerHTML = event.data;
  for (const row of rows.rows) row.classList.toggle("fresh", !known.has(row.id));
  if (focused) document.getElementById(focused)?.querySelector("a")?.focus({ preventScroll: true });
};

// Browsers keep few connections to one place: a page that nobody sees holds none.
addEventListener("pagehide", () => source.close());
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
