// In the frame of a site that has no htmx: ours is loaded, once all that the site loads itself is there.

addEventListener("load", () => {
  const script = document.querySelector("script[data-tf]"); // what users write on the site has no script
  const { htmx, htmxConfig } = script.dataset;
  const known = script.closest(".tf").querySelector("[hx-post], [hx-get]");
  // The site's may be part of a bundle, and no global: htmx marks the elements it knows.
  if (!known || window.htmx || "htmx-internal-data" in known || "_htmx" in known) return;
  const meta = Object.assign(document.createElement("meta"), { name: "htmx-config", content: htmxConfig });
  document.head.append(meta, Object.assign(document.createElement("script"), { src: htmx }));
});
