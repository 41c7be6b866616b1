// Shows what is written while it is written; without this script the button does.

const form = document.getElementById("draft");
const results = document.getElementById("results");
const source = document.getElementById("template");
let waiting = 0;
let asked = 0;

async function show() {
  const number = ++asked;
  const answer = await fetch(form.action, {
    method: "POST",
    body: new URLSearchParams(new FormData(form)),
    headers: { "X-Part": "results" },
    redirect: "error",
  }).catch(() => null);
  if (number !== asked) return; // something newer was asked meanwhile
  if (!answer?.ok) return location.reload();
  const open = Array.from(results.querySelectorAll("details"), (one) => one.open);
  results.innerHTML = await answer.text();
  results.querySelectorAll("details").forEach((one, place) => { one.open = open[place] ?? false; });
}

form.addEventListener("input", (event) => {
  if (event.target.id === "name") return;
  clearTimeout(waiting);
  waiting = setTimeout(show, 250);
});

form.addEventListener("submit", (event) => {
  if (event.submitter?.formAction !== form.action) return;
  event.preventDefault();
  show();
});

// Another template or sample begins anew.
document.getElementById("kind").addEventListener("change", (event) => event.target.form.submit());
document.getElementById("name").addEventListener("change", (event) => {
  const place = new URL(location.href);
  place.searchParams.set("template", event.target.value);
  location.assign(place);
});

results.addEventListener("click", (event) => {
  const line = Number(event.target.closest("[data-line]")?.dataset.line);
  if (!line) return;
  event.preventDefault();
  const lines = source.value.split("\n");
  const begin = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
  source.focus();
  source.setSelectionRange(begin, begin + lines[line - 1].length);
  source.scrollTop = (line - 3) * parseFloat(getComputedStyle(source).lineHeight);
});
