// Comfort only: every page works without this file.
"use strict";

// A browser may learn only from the first answer that tickets are wanted here: the page is asked for once more.
if (document.querySelector("[data-retry]") && !sessionStorage.getItem("retried")) {
  sessionStorage.setItem("retried", "yes");
  location.reload();
}

// The group selector acts at once; its button is for people without scripts.
for (const select of document.querySelectorAll("select[data-submit]")) {
  select.form.querySelector("[data-without-script]")?.remove();
  select.addEventListener("change", () => select.form.requestSubmit());
}

// After a change in the editor the preview on the page is about something else.
const editor = document.getElementById("editor");
const publish = document.getElementById("publish");
if (editor && publish) {
  editor.addEventListener("input", () => {
    publish.hidden = true;
    document.getElementById("preview-result")?.setAttribute("hidden", "");
  });
}

// Live figures: the part is fetched again while the page is looked at.
const live = document.querySelector("[data-live]");
if (live) {
  setInterval(async () => {
    if (document.hidden) return;
    const answer = await fetch(location.href, { credentials: "same-origin" }).catch(() => null);
    if (!answer || !answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-live]");
    if (fresh && fresh.innerHTML !== live.innerHTML && !live.contains(document.activeElement)) {
      live.replaceChildren(...fresh.childNodes);
    }
  }, 5000);
}
