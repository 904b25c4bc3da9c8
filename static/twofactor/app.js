// What the pages do beyond links and forms, delegated from the document for the sake of what htmx swaps in.
// Nothing here is needed to get through a flow.
(() => {
  "use strict";
  const all = (selector) => document.querySelectorAll(selector);
  const on = (names, react, capture) => {
    for (const name of names.split(" ")) document.addEventListener(name, react, capture);
  };

  // A live region announces a change of text: the same sentence twice is a change only if it was empty between.
  const clear = (id) => document.getElementById(id)?.replaceChildren();
  const say = (text) => {
    clear("status");
    setTimeout(() => (document.getElementById("status").textContent = text), 100);
  };
  const problem = (kind) => {
    const region = document.getElementById("problem");
    region.textContent = region.dataset[kind];
    region.scrollIntoView({ block: "nearest" });
  };

  // One submission at a time. Never `disabled`, which would throw the focus away.
  const PATIENCE = 15000;
  const mark = (form, state = null) => {
    form.ariaBusy = state;
    for (const control of form.elements ?? []) if (control.type === "submit") control.ariaDisabled = state;
  };
  const busy = (form) => mark(form, "true");
  const free = (form) => mark(form);
  const ignore = (event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  on("submit", (event) => event.target.ariaBusy === "true" && ignore(event), true);
  on("submit", (event) => {
    if (event.defaultPrevented) return; // htmx has taken it
    busy(event.target);
    setTimeout(free, PATIENCE, event.target);
  });

  // The second click of a double-click, or a held or repeated Enter, must not press what a swap has just put there.
  const REFLEX = 400;
  let swapped = -REFLEX;
  on("click", (event) => event.detail > 1 && event.target.closest("button, .button") && ignore(event), true);
  on("input pointerdown", () => (swapped = -REFLEX), true);
  on("keydown", (event) => {
    if (event.key !== "Enter") swapped = -REFLEX;
    else if (event.repeat || event.timeStamp - swapped < REFLEX) ignore(event);
  }, true);

  // htmx: busy while it asks, a sentence when no answer of ours comes, focus never lost.
  // Moments have one name in htmx 2, one in htmx 4.
  const asking = ({ elt, ctx }) => elt ?? ctx.sourceElement;
  on("htmx:beforeRequest htmx:before:request", ({ detail }) => {
    clear("status");
    clear("problem");
    busy(asking(detail));
  });
  on("htmx:afterRequest htmx:finally:request", ({ detail }) => {
    const leaving = detail.xhr?.getResponseHeader("HX-Redirect") ?? detail.ctx?.hx?.redirect;
    setTimeout(free, leaving ? PATIENCE : 0, asking(detail));
  });
  on("htmx:sendError", () => problem("offline"));
  on("htmx:timeout", () => problem("slow"));
  on("htmx:swapError", () => problem("broken"));
  on("htmx:error", ({ detail: { ctx, error } }) => {
    if (ctx) problem(ctx.text ? "broken" : error.name === "AbortError" ? "slow" : "offline");
  });
  on("htmx:beforeSwap htmx:after:request", (event) => {
    const { shouldSwap = true, xhr, ctx } = event.detail;
    if (!shouldSwap) return;
    const { status, responseText: text = ctx?.text } = xhr ?? ctx.response;
    const failed = status >= 400 && status !== 422;
    if (failed && ctx) Object.assign(ctx, { target: "#main", select: "#main", swap: "outerHTML" });
    const ours = failed
      ? new DOMParser().parseFromString(text, "text/html").getElementById("main")
      : !/^\s*<(!doctype|html)/i.test(text); // a document is a proxy's
    if (ours) return;
    event.preventDefault();
    problem("broken");
  });
  on("htmx:afterSettle htmx:after:settle", ({ timeStamp }) => {
    swapped = timeStamp;
    prepare();
    setTimeout(() => {
      if (document.activeElement !== document.body) return;
      const place = document.querySelector("#main [autofocus]") ?? document.querySelector("h1");
      if (place?.matches("h1")) place.tabIndex = -1;
      place?.focus();
    });
  });

  // Back must not show codes that were put away.
  on("DOMContentLoaded", () => prepare());
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted && document.querySelector("[data-secret]")) location.reload();
    for (const form of all("[aria-busy]")) free(form);
  });

  // A tab that somebody comes back to asks whether it still holds.
  on("visibilitychange", () => document.hidden || document.body.dispatchEvent(new Event("looked-at")));

  // Copy and print are hidden until there is a script to do it; a wait is told once.
  const waiting = new WeakSet();
  const prepare = () => {
    for (const button of all("[data-copy], [data-print]")) button.hidden = false;
    for (const place of all("[data-wait]")) {
      if (waiting.has(place)) continue;
      waiting.add(place);
      setTimeout(() => {
        if (!place.isConnected) return;
        place.textContent = place.dataset.ready;
        say(place.dataset.ready);
      }, place.dataset.wait * 1000);
    }
  };
  const copy = async (button) => {
    const source = document.querySelector(button.dataset.copy);
    let told = button.dataset.copied;
    try {
      await navigator.clipboard.writeText([...source.children].map((line) => line.textContent.trim()).join("\n"));
    } catch {
      getSelection().selectAllChildren(source);
      told = button.dataset.copyFailed;
    }
    const note = button.parentNode.querySelector(".said") ?? document.createElement("span");
    note.className = "said";
    note.ariaHidden = "true"; // read out by the status region
    note.textContent = told;
    button.parentNode.append(note);
    say(told);
  };
  on("click", ({ target }) => {
    const button = target.closest("[data-copy], [data-print]");
    if (button?.dataset.copy) copy(button);
    else if (button) print();
  });
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
})();
