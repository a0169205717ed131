// Pages work without this. It keeps them up to date, and lets the keyboard move about. What comes over the wire never passes
// through here as markup: an event only says that something has changed, and the page is asked for again.

const main = document.querySelector("#main");
const least = 1500, rushed = 6000, moment = 300; // milliseconds from one update to the next, and from an event to an update

// follow brings the page up to date when something has happened, at most every 1.5 seconds, and not while nobody looks. Where
// no row of a full table stays from one update to the next nobody can read along, and one every 6 seconds will do: the proxy
// has other work then. What an event tells of may still be on its way to the store: so it waits a moment, and looks once more
// behind the last event.
function follow(path, names) {
  const button = document.querySelector("[data-pause]");
  let paused = false, due = 0, busy = false, last = 0, wait = least;
  const source = new EventSource(path);
  const update = async () => {
    if (!due || busy || paused || document.hidden) return;
    busy = true;
    await new Promise((done) => setTimeout(done, Math.max(moment, last + wait - Date.now())));
    if (!paused) {
      due--;
      last = Date.now();
      const kept = await swap(() => paused).catch(() => true); // the next event tries again
      if (paused) due = 2;
      wait = kept ? least : rushed;
    }
    busy = false;
    update();
  };
  const happened = () => { due = 2; update(); };
  source.addEventListener("open", () => { due ||= 1; update(); }, { once: true }); // exchanges between the making of the page and this
  for (const name of names) source.addEventListener(name, happened);
  source.addEventListener("finished", () => source.close());
  document.addEventListener("visibilitychange", update);
  addEventListener("pagehide", () => source.close());
  if (!button) return;
  const say = () => {
    button.setAttribute("aria-pressed", String(paused));
    button.querySelector("[data-word]").textContent = paused ? "paused" : "live";
  };
  button.hidden = false;
  button.addEventListener("click", () => { paused = !paused; say(); update(); });
}

// shape names what is marked as alive.
const shape = (page) => [...page.querySelectorAll("[data-live][id]")].map((e) => e.id).join(" ");

// swap asks for the page again and takes from it what is marked as alive, unless it is stopped meanwhile. It is false where no row
// of a table stayed. A page that has other parts by now is loaded anew.
async function swap(stopped) {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) return true;
  let kept = true;
  const text = await answer.text();
  if (stopped()) return true;
  const next = new DOMParser().parseFromString(text, "text/html");
  if (shape(next) !== shape(document)) location.reload();
  for (const old of document.querySelectorAll("[data-live][id]")) {
    const fresh = next.getElementById(old.id);
    if (!fresh || fresh.isEqualNode(old)) continue;
    if (old.localName === "tbody") kept = rows(old, fresh) && kept;
    else keepOpen(old, fresh);
  }
  return kept;
}

// rows changes a table row by row, so that what has not changed keeps its place and the focus. It tells whether anything stayed.
function rows(old, fresh) {
  const known = new Map([...old.rows].map((row) => [row.id, row]));
  const focused = document.activeElement?.closest("tr")?.id;
  const all = [...fresh.rows].map((row) => {
    const was = known.get(row.id);
    const node = document.importNode(row, true);
    if (!was) node.classList.add("fresh");
    else if (bare(was).isEqualNode(node)) return was;
    return node;
  });
  old.replaceChildren(...all);
  if (focused) document.getElementById(focused)?.querySelector("a.go")?.focus({ preventScroll: true });
  return !known.size || all.some((row) => known.has(row.id));
}

function bare(row) {
  row.classList.remove("fresh");
  if (!row.classList.length) row.removeAttribute("class");
  return row;
}

// keepOpen replaces an element, and leaves open what was open in it.
function keepOpen(old, fresh) {
  const open = [...old.querySelectorAll("details")].map((d) => d.open);
  const node = document.importNode(fresh, true);
  [...node.querySelectorAll("details")].forEach((d, i) => { if (open[i]) d.open = true; });
  if (!old.contains(document.activeElement)) old.replaceWith(node);
}

// copies: what is under the heading of a button goes to the clipboard, without the signs at the beginning of its lines.
function copies() {
  document.documentElement.classList.add("scripted");
  document.addEventListener("click", async (e) => {
    const button = e.target.closest("[data-copy]");
    if (!button) return;
    const from = button.closest("figure").querySelector("pre").cloneNode(true);
    from.querySelectorAll(".sign").forEach((sign) => sign.remove());
    const lines = from.querySelectorAll(".line");
    const text = lines.length ? [...lines].map((line) => line.textContent).join("\n") : from.textContent;
    button.textContent = (await clip(text)) ? "Copied" : "Not copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}

// clip writes to the clipboard. Pages that are not from this machine and not encrypted have to do it the old way.
async function clip(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text).then(() => true, () => false);
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

// keys: j and k go from row to row, / to the filter, p pauses, g and a letter go to a screen, ? tells all this.
function keys() {
  const places = { o: "/", e: "/exchanges", t: "/tunnels", f: "/findings", d: "/diagnoses", p: "/probes", h: "/chain", c: "/compare", r: "/rules", i: "/instances", s: "/status" };
  const help = document.querySelector("#keys");
  let go = false;
  document.querySelector(".keys")?.removeAttribute("hidden");
  document.addEventListener("keydown", (e) => { if (e.key === "Escape" && writes(e.target)) e.target.blur(); });
  document.addEventListener("keypress", (e) => { // not keydown: the letter must not end up in what gets the focus
    if (e.ctrlKey || e.metaKey || e.altKey || writes(e.target) || help.open) return;
    const there = go && places[e.key];
    go = e.key === "g";
    if (there) location.href = there;
    else if (e.key === "j" || e.key === "k") step(e.key === "j" ? 1 : -1);
    else if (e.key === "/") search(document.querySelector("#q"));
    else if (e.key === "p") document.querySelector("[data-pause]")?.click();
    else if (e.key === "[" || e.key === "]") document.querySelector(e.key === "[" ? ".steps [rel=prev]" : ".steps [rel=next]")?.click();
    else if (e.key === "?") help.showModal();
    else return;
    e.preventDefault();
  });
}

// search goes to the end of the filter.
function search(input) {
  input?.focus();
  input?.setSelectionRange(input.value.length, input.value.length);
}

function writes(element) { return element.matches("input, select, textarea"); }

// step moves the focus to the next row, or the one before.
function step(by) {
  const all = [...main.querySelectorAll("a.go, .finding")].filter((a) => a.offsetParent);
  const at = all.indexOf(document.activeElement.closest("a.go, .finding"));
  const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by))];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

if (main?.dataset.follow) follow(main.dataset.follow, main.dataset.names.split(" "));
copies();
keys();
