// Asks servers by the fetch of Node, or by that of undici, which can be told of the environment: ask.mjs node|undici URL...
// See ask.py.

import { createRequire } from "node:module";

const [client, ...urls] = process.argv.slice(2);
let ask = fetch;
if (client === "undici") {
  const undici = createRequire(`${process.env.SPRAG_CLIENTS_NODE}/`)("undici");
  const dispatcher = new undici.EnvHttpProxyAgent();
  ask = (url, options) => undici.fetch(url, { ...options, dispatcher });
}
const json = { "Content-Type": "application/json" };
for (const base of urls) {
  for (const [path, options] of [
    [`/item?n=${process.env.ITEM}`, {}],
    ["/echo", { method: "POST", headers: json, body: JSON.stringify({ texts: ["a", "b"], model: "small" }) }],
    ["/events", {}],
    ["/packed", {}],
  ]) {
    const answer = await ask(base + path, options);
    console.log(JSON.stringify([answer.status, await answer.text()]));
  }
}
