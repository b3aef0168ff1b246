// Verifies the signed receipt of a saved page, without the shop: by the public keys in the file.
(async () => {
  "use strict";
  const WORDS = { held: "\u2713 held", open: "\u2026 not yet", violated: "\u2715 violated" };
  const LINES = ".check-text, .check-state, .evidence > li, details > .hint:last-child";
  const encoder = new TextEncoder();
  const content = (id) => document.getElementById(id).textContent;
  const plain = (text) => text.replace(/\s+/g, " ").trim();
  const toText = (binary) => btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

  const show = (tone, title, text) => {
    const note = document.getElementById("signature");
    note.className = `note ${tone}`;
    note.textContent = `${title} ${text}`;
  };
  const changed = (text) => show("trouble", "Changed.", text);

  const bytes = (text) => {
    const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    // The last letter may have bits that mean nothing: they were changed, too.
    if (toText(binary) !== text) throw new Error("not as it was encoded");
    return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
  };
  const read = (part) => JSON.parse(new TextDecoder().decode(bytes(part)));
  const digest = async (text) => new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text)));
  const hex = (numbers) => Array.from(numbers, (number) => number.toString(16).padStart(2, "0")).join("");
  // RFC 7638: a key's thumbprint; its `kid` is not read.
  const thumbprint = async ({ crv, kty, x, y }) =>
    toText(String.fromCharCode(...await digest(JSON.stringify({ crv, kty, x, y }))));

  const keyOf = async (kid) => {
    for (const key of JSON.parse(content("keys")).keys) {
      if (await thumbprint(key) === kid) return key;
    }
    return null;
  };
  const isSigned = async ({ crv, kty, x, y }, message, signature) => {
    const algorithm = { name: "ECDSA", namedCurve: "P-256" };
    const key = await crypto.subtle.importKey("jwk", { crv, kty, x, y }, algorithm, false, ["verify"]);
    return crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, signature, encoder.encode(message));
  };

  // Marks the first line of the page that is not signed, and returns what differs; an empty text if nothing does.
  const difference = ({ order_uuid, checks }) => {
    const lines = ({ text, state, evidence, invariant }) => [text, WORDS[state], ...evidence, `Invariant ${invariant}`];
    const signed = checks.flatMap(lines);
    const shown = [...document.querySelectorAll(".paper > ul > li")].flatMap((line) => [...line.querySelectorAll(LINES)]);
    const paper = document.querySelector(".paper > footer code");
    if (paper) {
      signed.push(order_uuid);
      shown.push(paper);
    }
    for (let at = 0; at < Math.max(signed.length, shown.length); at += 1) {
      const [is, was] = [shown[at], signed[at]].map((one) => one && plain(one.textContent ?? one));
      if (is === was) continue;
      if (shown[at]) {
        shown[at].closest("details")?.setAttribute("open", "");
        shown[at].style.outline = "2px solid";
      }
      if (is === undefined) return `A line is missing: \u201c${was}\u201d.`;
      return `The page says \u201c${is}\u201d, and signed is ${was === undefined ? "no such line" : `\u201c${was}\u201d`}.`;
    }
    return "";
  };

  const text = hex(await (globalThis.crypto?.subtle ? digest(content("main").replace(/[ \t\n\f\r]/g, "")) : []));
  if (!text) return show("", "Not checked:", "this browser verifies no signatures in files. Use: shipyard receipt verify");
  try {
    const [header, body, signature] = content("signed").split(".");
    const { kid, page } = read(header);
    const key = await keyOf(kid);
    if (!key) return show("trouble", "Another key.", `${kid} signed this receipt, and is none of the keys in this file.`);
    if (!await isSigned(key, `${header}.${body}`, bytes(signature))) return changed("The signature is of another receipt.");
    const receipt = read(body);
    const differs = difference(receipt);
    if (differs) return changed(differs);
    if (page?.text !== text) return changed("The receipt is as it was signed; the rest of the page is not.");
    const { issued_at, version } = receipt;
    show("money", "Valid:", `as signed at ${issued_at} by Shipyard ${version} with the key ${kid}, if the shop publishes that key.`);
  } catch {
    changed("The signed receipt cannot be read.");
  }
})();
