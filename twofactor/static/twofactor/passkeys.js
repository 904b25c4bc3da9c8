// A form with data-passkey has the browser sign before it is sent.
// It stays hidden where the browser can't.

const OLD = 8 * 60_000; // ms; the server takes ten minutes
const SENTENCES = { NotAllowedError: "cancelled", InvalidStateError: "excluded", SecurityError: "elsewhere" };
let running; // the AbortController of the ceremony, with its form
let sending; // a form

const isAble = window.PublicKeyCredential?.parseRequestOptionsFromJSON;
const all = (selector) => (isAble ? document.querySelectorAll(selector) : []);
const on = (names, react) => {
  for (const name of names.split(" ")) document.addEventListener(name, react, true);
};
const button = (form) => form.querySelector("button");
const isBusy = (form) => button(form).ariaDisabled === "true";
const show = (form, text = "", busy = null) => {
  form.querySelector("[data-passkey-status]").textContent = text;
  button(form).ariaDisabled = busy;
};
const stop = () => {
  running?.abort();
  running = null;
};

const run = async (form, mediation) => {
  stop();
  const mine = (running = Object.assign(new AbortController(), { form }));
  const { signal } = mine;
  try {
    // Nothing is awaited after a click: Safari would want another one.
    if (mediation && !(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
    const { passkey, options } = form.dataset;
    const parse = `parse${passkey === "get" ? "Request" : "Creation"}OptionsFromJSON`;
    const publicKey = PublicKeyCredential[parse](JSON.parse(options));
    const credential = await navigator.credentials[passkey]({ publicKey, mediation, signal });
    signal.throwIfAborted(); // it may have a new challenge
    form.credential.value = JSON.stringify(credential.toJSON());
  } finally {
    if (running === mine) running = null;
  }
  show(form);
  sending = form;
  form.requestSubmit(button(form));
  sending = null;
};

const look = () => {
  for (const each of all("[data-passkey], [data-passkey-none]")) {
    each.hidden = !each.dataset.passkey;
    if (!each.cameAt) each.querySelector("[autofocus]")?.focus(); // hidden, it got none
    each.cameAt ??= Date.now();
  }
  if (running?.form.isConnected === false) stop();
  // The list under the name field.
  const [form] = all("[data-passkey][data-autofill]");
  if (form && !running && all("[autocomplete~=webauthn]")[0]) run(form, "conditional").catch(() => {});
};

// A click has to find a fresh challenge.
const renew = async (form) => {
  try {
    const { challenge, options } = await (await fetch(form.dataset.renew, { mode: "same-origin" })).json();
    if (!challenge || isBusy(form)) return;
    form.challenge.value = challenge;
    form.dataset.options = JSON.stringify(options);
    form.cameAt = Date.now();
    if (running?.form === form) stop();
    look();
  } catch {} // the server will tell
};
const renewOld = () => {
  for (const form of all("[data-renew]")) {
    if (!document.hidden && Date.now() - form.cameAt > OLD) renew(form);
  }
};
setInterval(renewOld, 30_000);
on("visibilitychange", renewOld);
addEventListener("pageshow", ({ persisted }) => {
  for (const form of persisted ? all("[data-passkey]") : []) {
    form.credential.value = "";
    form.cameAt = 0;
    show(form);
  }
  renewOld();
});

on("submit", async (event) => {
  const form = event.target;
  const { dataset } = form;
  const shared = document.getElementById(dataset.password);
  shared?.setAttribute("form", form.id);
  if (!dataset.passkey) return;
  if (form === sending) return show(form, "", "true");
  event.preventDefault();
  event.stopImmediatePropagation();
  if (isBusy(form) || !form.reportValidity()) return;
  show(form, dataset.waiting, "true");
  try {
    await run(form);
  } catch ({ name }) {
    shared?.removeAttribute("form");
    if (name === "AbortError") return show(form);
    show(form, dataset[SENTENCES[name]] ?? dataset.failed);
    button(form).focus();
    look();
  }
});
on("htmx:afterRequest htmx:finally:request", ({ target }) => target.dataset?.passkey && show(target));
on("htmx:afterSettle htmx:after:settle", look);
look();
