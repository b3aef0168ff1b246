// Conveniences for every page. All pages work without this script.
document.documentElement.classList.add("js");
const banner = document.querySelector("[data-offline]");
const tell = text => { banner.hidden = !text; if (banner.textContent !== text) banner.textContent = text; };
const show = () => tell(navigator.onLine ? "" : "You are offline. This page may be out of date; it reconnects by itself.");
addEventListener("offline", show);
addEventListener("online", show);
addEventListener("shop:away", () => tell("The shop does not answer. Trying again; nothing is lost."));
addEventListener("shop:back", show);
if (!navigator.onLine) show();

const SENT_FOR = 15000; // ms: longer than a request takes
let timer;
const unsend = form => {
  clearTimeout(timer);
  delete form.dataset.sent;
  for (const button of form.querySelectorAll("[aria-disabled]")) button.removeAttribute("aria-disabled");
};
// A second click does not send a form again. The idempotency key would make a second request harmless, too.
document.addEventListener("submit", event => {
  const form = event.target;
  const button = event.submitter;
  if (!form.matches("[data-once]") || button?.formMethod === "get") return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "yes";
  for (const other of form.querySelectorAll("button")) other.setAttribute("aria-disabled", "true");
  // The reader may stop the navigation.
  timer = setTimeout(unsend, SENT_FOR, form);
});
// A form on a page that the browser restores from its cache may be sent again.
addEventListener("pageshow", () => document.querySelectorAll("[data-sent]").forEach(unsend));

// Opens the step that the fragment of the address names.
const open = () => {
  const entry = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  if (entry) entry.querySelector("details")?.setAttribute("open", "");
};
addEventListener("hashchange", open);
open();

document.addEventListener("click", async event => {
  const button = event.target.closest?.("[data-print], [data-copy]");
  if (!button) return;
  if (button.matches("[data-print]")) return print();
  const text = document.getElementById(button.dataset.copy)?.textContent.trim();
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(document.getElementById(button.dataset.copy));
    button.textContent = "Press Ctrl+C";
  }
});
