// Shows the faults and what they do, and sends the one that the visitor chooses.
const POLL = 500; // ms
const status = document.querySelector("#status"), list = document.querySelector("#choices");

const button = choice => {
  const [item, one, title, about] = ["li", "button", "strong", "small"].map(name => document.createElement(name));
  one.type = "button";
  one.dataset.name = choice.name;
  title.textContent = choice.title;
  about.textContent = choice.cannot ? `Not here: ${choice.cannot}.` : choice.about;
  one.append(title, about);
  item.append(one);
  return item;
};

const show = async () => {
  let state;
  try {
    state = await (await fetch("/state")).json();
  } catch {
    state = { choices: [], chosen: null, status: "The playground has ended." };
  }
  if (!list.children.length) list.append(...state.choices.map(button));
  // A screen reader reads each change.
  if (status.textContent !== state.status) status.textContent = state.status;
  status.classList.toggle("on", state.chosen !== null);
  for (const { name, cannot } of state.choices) {
    const one = list.querySelector(`[data-name="${name}"]`);
    one.setAttribute("aria-pressed", name === state.chosen);
    one.setAttribute("aria-disabled", Boolean(cannot) || state.chosen !== null);
  }
};

list.addEventListener("click", async event => {
  const one = event.target.closest("button");
  if (!one || one.getAttribute("aria-disabled") === "true") return;
  await fetch(`/faults/${one.dataset.name}`, { method: "POST" }).catch(() => {});
  show();
});
show();
setInterval(show, POLL);
