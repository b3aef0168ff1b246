// The cart, in the browser's storage: the quantities, and the idempotency key of the order that the cart becomes.
const PLACE = "shipyard-cart";
const PLACED = "shipyard-placed";
const STOCK_EVERY = 5000;
const uuid = () => {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = bytes[6] & 15 | 64;
  bytes[8] = bytes[8] & 63 | 128;
  return [...bytes].map((byte, place) => ([4, 6, 8, 10].includes(place) ? "-" : "") + byte.toString(16).padStart(2, "0")).join("");
};
const read = () => {
  try {
    const cart = JSON.parse(localStorage.getItem(PLACE));
    if (cart && typeof cart.key === "string" && cart.items) return cart;
  } catch { /* none, or not ours */ }
  return { key: uuid(), items: {} };
};
const write = cart => { try { localStorage.setItem(PLACE, JSON.stringify(cart)); } catch { /* as above */ } };
const mark = key => { try { key ? sessionStorage.setItem(PLACED, key) : sessionStorage.removeItem(PLACED); } catch { /* as above */ } };
const marked = () => { try { return sessionStorage.getItem(PLACED); } catch { return null; } };
// As the server prints amounts: groups of three digits, two decimals.
const money = minor => isNaN(minor) ? "" : `${String(Math.floor(minor / 100)).replace(/\B(?=(\d{3})+$)/g, "\u202f")}.${String(minor % 100).padStart(2, "0")}`;
const amount = input => Math.max(0, Math.floor(Number(input.value) || 0));

const shop = document.querySelector("[data-cart]");
const checkout = document.querySelector("[data-checkout]");

if (/^\/console\/orders\/[0-9a-f-]{36}$/.test(location.pathname)) {
  // This cart is ordered. The next one is another order, with another key.
  if (marked() && marked() === read().key) write({ key: uuid(), items: {} });
  mark(null);
}

if (shop) {
  const inputs = [...shop.querySelectorAll("input[type=number]")];
  const count = shop.querySelector("[data-cart-count]");
  const total = shop.querySelector("[data-cart-total]");
  const clear = shop.querySelector("[data-cart-clear]");
  const draw = () => {
    const items = Object.values(read().items);
    const parts = items.reduce((sum, item) => sum + item.n, 0);
    if (count) count.textContent = parts ? `${parts} ${parts === 1 ? "part" : "parts"}` : "Your cart is empty.";
    if (total) total.textContent = parts ? money(items.reduce((sum, item) => sum + item.n * (item.price ?? NaN), 0)) : "";
    if (clear) clear.hidden = !parts;
  };
  const fill = () => {
    const { items } = read();
    for (const input of inputs) input.value = items[input.name]?.n || "";
    draw();
  };
  const keep = input => {
    const cart = read();
    const n = amount(input);
    if (n) cart.items[input.name] = { n, price: Number(input.dataset.price) };
    else delete cart.items[input.name];
    // The same key with another content would be refused.
    cart.key = uuid();
    write(cart);
    draw();
  };
  for (const button of shop.querySelectorAll("[data-step]")) {
    button.addEventListener("click", () => {
      const input = button.parentElement.querySelector("input");
      input.value = Math.min(Number(input.max), Math.max(0, amount(input) + Number(button.dataset.step))) || "";
      keep(input);
    });
  }
  for (const input of inputs) input.addEventListener("input", () => keep(input));
  clear?.addEventListener("click", () => { write({ key: uuid(), items: {} }); fill(); });
  shop.addEventListener("submit", event => {
    const { key, items } = read();
    event.preventDefault();
    const query = new URLSearchParams();
    for (const [name, { n }] of Object.entries(items)) query.set(name, n);
    query.set("key", key);
    location.assign(`/console/checkout?${query}`);
  });
  addEventListener("storage", fill);
  addEventListener("pageshow", fill);
  fill();

  // Stock is read again while the page is visible.
  setInterval(async () => {
    if (document.hidden) return;
    try {
      const response = await fetch(location.href);
      if (!response.ok) return;
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      for (const now of page.querySelectorAll("[data-stock]")) {
        const old = shop.querySelector(`[data-stock="${CSS.escape(now.dataset.stock)}"]`);
        if (!old || old.textContent === now.textContent) continue;
        old.textContent = now.textContent;
        old.className = now.className;
        const part = old.closest("li");
        const isOut = Number(now.dataset.max) <= 0;
        part.classList.toggle("sold-out", isOut);
        part.querySelector("input").max = now.dataset.max;
        for (const field of part.querySelectorAll(".stepper > *")) field.disabled = isOut;
      }
    } catch { /* the next time */ }
  }, STOCK_EVERY);
}

if (checkout) {
  const inputs = [...checkout.querySelectorAll("input[type=number]")];
  const key = checkout.querySelector("[name=key]");
  // While inventory does not respond, the page has no prices, and the cart may lack them, too.
  const price = input => Number(input.dataset.price ?? read().items[input.name]?.price ?? NaN);
  const draw = () => {
    let sum = 0;
    for (const input of inputs) {
      const line = amount(input) * price(input);
      input.closest("tr").querySelector("[data-line-total]").textContent = money(line);
      sum += line;
    }
    for (const place of checkout.querySelectorAll("[data-total]")) place.textContent = money(sum);
  };
  const keep = () => {
    const items = {};
    for (const input of inputs) if (amount(input)) items[input.name] = { n: amount(input), price: price(input) };
    write({ key: key.value, items });
  };
  // After a refusal the next try has another key, even if the user starts it from the shop's page.
  if ("refused" in checkout.dataset) keep();
  // With any other content it is another order: the same key would be refused.
  checkout.addEventListener("input", () => { key.value = uuid(); keep(); draw(); });
  checkout.addEventListener("submit", event => {
    keep();
    mark(event.submitter?.formMethod === "get" ? null : key.value);
  });
}
