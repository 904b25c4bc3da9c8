// What no flow needs, one section a behaviour.
// One file: each is a request on a first visit. Events are caught at the document, as htmx swaps content in.
// In the frame of a site, what lies outside of our root is the site's, also an element of the same class.

const root = document.querySelector("script[data-tf]")?.closest(".tf") ?? document.body;
const one = (selector) => root.querySelector(selector);
const all = (selector) => root.querySelectorAll(selector);
const isOurs = ({ target }) => target === document || root === document.body || root.contains(target);
const on = (names, react, capture) => {
  for (const name of names.split(" ")) document.addEventListener(name, (event) => isOurs(event) && react(event), capture);
};
const [MAIN, STATUS, PROBLEM] = ["main", "status", "problem"].map((id) => "#tf-" + id);
const SETTLED = "htmx:afterSettle htmx:after:settle";
const onContent = (react) => on("DOMContentLoaded " + SETTLED, react);
const ignore = (event) => {
  event.preventDefault();
  event.stopImmediatePropagation();
};

// Live regions. They announce a change of text: emptied first, the same one again.

const clear = (region) => one(region)?.replaceChildren();
const say = (text) => {
  clear(STATUS);
  setTimeout(() => (one(STATUS).textContent = text), 100);
};
const problem = (kind) => {
  const region = one(PROBLEM);
  region.textContent = region.dataset[kind];
  region.scrollIntoView({ block: "nearest" });
};

// One submission at a time. Never `disabled`, which would throw the focus away.

const timeout = Number(root.dataset.timeout);
const mark = (form, state = null) => {
  form.ariaBusy = state;
  for (const control of form.elements ?? []) if (control.type === "submit") control.ariaDisabled = state;
};
const busy = (form) => mark(form, "true");
const free = (form) => mark(form);
on("submit", (event) => event.target.ariaBusy === "true" && ignore(event), true);
on("submit", (event) => {
  if (event.defaultPrevented) return; // htmx has taken it
  busy(event.target);
  setTimeout(free, timeout, event.target);
});
const asking = ({ elt, ctx }) => elt ?? ctx.sourceElement; // htmx 2, htmx 4
on("htmx:beforeRequest htmx:before:request", ({ detail }) => {
  if (detail.xhr && root !== document.body) detail.xhr.timeout = timeout;
  clear(STATUS);
  clear(PROBLEM);
  clear("li p.success");
  busy(asking(detail));
});
on("htmx:afterRequest htmx:finally:request", ({ detail }) => {
  const leaving = detail.xhr?.getResponseHeader("HX-Redirect") ?? detail.ctx?.hx?.redirect;
  setTimeout(free, leaving ? timeout : 0, asking(detail));
});

// Reflexes. A second click or repeated Enter must not press what a swap has put there.

const REFLEX = 400;
let swapped = -REFLEX;
on(SETTLED, (event) => (swapped = event.timeStamp));
on("click", (event) => event.detail > 1 && event.target.closest("button, .button") && ignore(event), true);
on("input pointerdown", () => (swapped = -REFLEX), true);
on("keydown", (event) => {
  if (event.key !== "Enter") swapped = -REFLEX;
  else if (event.repeat || event.timeStamp - swapped < REFLEX) ignore(event);
}, true);

// Failures. A sentence when no answer of ours comes.

on("htmx:sendError", () => problem("offline"));
on("htmx:timeout", () => problem("slow"));
on("htmx:swapError", () => problem("broken"));
on("htmx:error", ({ detail: { ctx, error } }) => {
  if (ctx) problem(ctx.text ? "broken" : error.name === "AbortError" ? "slow" : "offline");
});
let focused;
on("htmx:beforeSwap htmx:after:request", (event) => {
  focused = document.activeElement;
  const { detail, detail: { xhr, ctx } } = event;
  const { status, responseText: text = ctx?.text } = xhr ?? ctx.response;
  if (status === 204) return;
  const failed = status >= 400 && status !== 422;
  // A site may have told its htmx to swap no errors: the htmx of version 2 unless told, that of 4 by the status.
  if (xhr) detail.shouldSwap = true;
  else if (status >= 400) ctx.response.raw = { url: ctx.response.raw.url, status: 200 };
  if (failed && ctx) Object.assign(ctx, { target: MAIN, select: MAIN, swap: "outerHTML" });
  else if (failed) Object.assign(detail, { target: one(MAIN), selectOverride: MAIN, swapOverride: "outerHTML" });
  const ours = failed
    ? new DOMParser().parseFromString(text, "text/html").querySelector(MAIN)
    : !/^\s*<(!doctype|html)/i.test(text); // a document is a proxy's
  if (ours) return;
  event.preventDefault();
  problem("broken");
});

// Focus is not lost in a swap, nor taken where nothing had it.

on(SETTLED, () => setTimeout(() => {
  if (document.activeElement !== document.body || focused === document.body) return;
  const place = one(MAIN + " [autofocus]") ?? one("h1");
  if (place?.matches("h1")) place.tabIndex = -1;
  place?.focus();
}));

// Coming back. Back must not show codes that were put away; a tab asks if it is up to date, unless a form
// is open in a row or an undo waits.

addEventListener("pageshow", ({ persisted }) => {
  if (persisted && one("[data-secret]")) location.reload();
  for (const form of all("[aria-busy]")) free(form);
});
on("visibilitychange", () => document.hidden || one(".rows .field, .undo") || document.body.dispatchEvent(new Event("looked-at")));

// Waits. The end of each is told once.

const waiting = new WeakSet();
onContent(() => {
  for (const place of all("[data-wait]")) {
    if (waiting.has(place)) continue;
    waiting.add(place);
    setTimeout(() => {
      if (!place.isConnected) return;
      place.textContent = place.dataset.ready;
      say(place.dataset.ready);
    }, place.dataset.wait * 1000);
  }
});

// Copy and print, hidden without a script.

onContent(() => {
  for (const button of all("[data-copy], [data-print]")) button.hidden = false;
});
const copy = async (button) => {
  const source = one(button.dataset.copy);
  let told = button.dataset.copied;
  try {
    await navigator.clipboard.writeText([...source.children].map((line) => line.textContent.trim()).join("\n"));
  } catch {
    getSelection().selectAllChildren(source);
    told = button.dataset.copyFailed;
  }
  const note = button.parentNode.querySelector(".said") ?? document.createElement("span");
  note.className = "said";
  note.ariaHidden = "true"; // the status region tells it
  note.textContent = told;
  button.parentNode.append(note);
  say(told);
};
on("click", ({ target }) => {
  const button = target.closest("[data-copy], [data-print]");
  if (button?.dataset.copy) copy(button);
  else if (button) print();
});

// Passkeys. Their script comes with the first form that needs it.

onContent(() => {
  const src = one("form[data-passkey]")?.dataset.script;
  if (!src || document.querySelector(`script[src="${src}"]`)) return;
  const { nonce = "" } = document.querySelector("script[data-tf]") ?? {};
  document.head.append(Object.assign(document.createElement("script"), { src, type: "module", nonce }));
});

// Menus close at a click elsewhere and Escape.

on("click focusin", ({ target }) => {
  for (const menu of all(".menu[open]")) if (!menu.contains(target)) menu.open = false;
});
on("keydown", ({ key }) => {
  if (key !== "Escape") return;
  for (const menu of all(".menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
