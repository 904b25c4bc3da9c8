// In the frame of a site that has no htmx: ours is loaded, once all that the site loads itself is there.

addEventListener("load", () => {
  const { htmx, htmxConfig } = document.querySelector(".tf").dataset;
  const known = document.querySelector(".tf :is([hx-post], [hx-get])");
  // The site's may be part of a bundle, and no global: htmx marks the elements it knows.
  if (!known || window.htmx || "htmx-internal-data" in known || "_htmx" in known) return;
  const meta = Object.assign(document.createElement("meta"), { name: "htmx-config", content: htmxConfig });
  document.head.append(meta, Object.assign(document.createElement("script"), { src: htmx }));
});
