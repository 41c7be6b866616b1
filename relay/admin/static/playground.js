// Shows what is written while it is written; without this script the buttons do.

const form = document.getElementById("draft");
const choice = document.getElementById("choice");
const results = document.getElementById("results");
const problems = document.getElementById("problems");
const source = document.getElementById("template");
const load = document.getElementById("load");
const lost = document.getElementById("lost");
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
  // What was written stays: the session may be over, and a page that loads itself would lose it.
  lost.hidden = answer?.ok === true;
  lost.textContent = lost.hidden ? "" : lost.dataset.told;
  if (!lost.hidden) return;
  const drawn = new DOMParser().parseFromString(await answer.text(), "text/html");
  problems.innerHTML = drawn.getElementById("problems").innerHTML;
  // The last drawing stays while there is a mistake.
  results.classList.toggle("old", !drawn.querySelector(".chat"));
  if (drawn.querySelector(".chat")) {
    const open = Array.from(results.querySelectorAll("details"), (each) => each.open);
    results.innerHTML = drawn.getElementById("results").innerHTML;
    results.querySelectorAll("details").forEach((each, place) => { each.open = open[place] ?? false; });
  }
  // Of an event of another kind the template that nobody has touched goes, too.
  const instead = problems.querySelector("button[name=load]");
  if (instead && source.value === source.defaultValue) form.requestSubmit(instead);
}

form.addEventListener("input", (event) => {
  if (event.target.id === "name") return;
  clearTimeout(waiting);
  waiting = setTimeout(show, 250);
});

form.addEventListener("submit", (event) => {
  if (event.submitter?.name === "load" || event.submitter?.formAction !== form.action) return;
  event.preventDefault();
  show();
});

// Another template or event is loaded without a button.
for (const button of [load, choice.querySelector("button")]) button.hidden = true;
document.getElementById("name").addEventListener("change", () => form.requestSubmit(load));
choice.addEventListener("change", (event) => {
  for (const other of choice.elements) if (other !== event.target) other.disabled = true;
  choice.submit();
});

problems.addEventListener("click", (event) => {
  const line = Number(event.target.closest("[data-line]")?.dataset.line);
  if (!line) return;
  event.preventDefault();
  const lines = source.value.split("\n");
  const begin = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
  source.focus();
  source.setSelectionRange(begin, begin + lines[line - 1].length);
  source.scrollTop = (line - 3) * parseFloat(getComputedStyle(source).lineHeight);
});
