// Opens result pages in Chromium, narrow and wide, light and dark, and looks at them as a reader would.
//
//     node check.mjs FOLDER_OF_MODULES FOLDER_OF_SCREENSHOTS PAGE.html...
//
// A page fails that writes an error to the console, asks for anything over the network, leaves a chart empty, scrolls sideways, does
// not follow cursor and zoom, or in which axe-core finds something serious or html-validate an error.

import { createRequire } from "node:module";
import { basename, dirname, resolve } from "node:path";
import { readFileSync } from "node:fs";

const [modules, shots, ...pages] = process.argv.slice(2);
const load = createRequire(resolve(modules, "package.json"));
const puppeteer = load("puppeteer-core");
const { HtmlValidate } = load("html-validate");
const axe = readFileSync(load.resolve("axe-core/axe.min.js"), "utf8");

const failures = [];
const expect = (holds, what) => {
  if (!holds) failures.push(what);
};

// Every canvas holds more than one colour.
const emptyCharts = () => [...document.querySelectorAll(".curve")].filter((place) => {
  const canvas = place.querySelector("canvas");
  if (!canvas) return true;
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Set();
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] > 100) colours.add((data[at] << 16) | (data[at + 1] << 8) | data[at + 2]);
  }
  return colours.size < 3;
}).map((place) => place.id);

const shown = (tab) => tab.evaluate(() => document.documentElement.dataset.shown.split(" ").map(Number));
const values = (tab) => tab.evaluate(() => [...document.querySelectorAll(".curve .u-value")].map((cell) => cell.textContent));

async function cursorAndZoom(tab, where) {
  const area = await tab.$("#power .u-over");
  await area.evaluate((element) => element.scrollIntoView({ block: "center" }));
  const box = await area.boundingBox();
  const [y, at] = [box.y + box.height / 2, (share) => box.x + share * box.width];
  await tab.mouse.move(at(0.3), y);
  const before = await values(tab);
  await tab.mouse.move(at(0.6), y);
  const after = await values(tab);
  const charge = await tab.evaluate(() => document.querySelector("#charge .u-series:nth-child(2) .u-value").textContent);
  expect(/\d/.test(charge), `${where}: the cursor over power reads the charge too, not "${charge}"`);
  expect(before.join() !== after.join(), `${where}: the cursor reads other values elsewhere`);
  const whole = await shown(tab);
  await tab.mouse.move(at(0.4), y);
  await tab.mouse.down();
  await tab.mouse.move(at(0.5), y, { steps: 4 });
  await tab.mouse.move(at(0.6), y, { steps: 4 });
  await tab.mouse.up();
  const near = await shown(tab);
  const share = (near[1] - near[0]) / (whole[1] - whole[0]);
  expect(share > 0.15 && share < 0.25, `${where}: dragging over a fifth shows a fifth, not ${share}`);
  const press = (name) => tab.evaluate((zoom) => document.querySelector(`[data-zoom=${zoom}]`).click(), name);
  await press("in");
  const nearer = await shown(tab);
  expect(nearer[1] - nearer[0] < near[1] - near[0], `${where}: the button shows less`);
  await press("on");
  expect((await shown(tab))[0] > nearer[0], `${where}: the button moves on`);
  expect((await tab.evaluate(emptyCharts)).length === 0, `${where}: charts are drawn when near`);
  await press("all");
  expect((await shown(tab)).join() === whole.join(), `${where}: the whole flight comes back`);
  await tab.mouse.move(2, 2);
}

async function look(browser, page, width, scheme) {
  const name = `${basename(dirname(resolve(page)))}-${width}-${scheme}`;
  const tab = await browser.newPage();
  const where = `${page} at ${width} px, ${scheme}`;
  await tab.setViewport({ width, height: width < 600 ? 844 : 900, deviceScaleFactor: width < 600 ? 2 : 1, isMobile: width < 600 });
  await tab.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  tab.on("console", (message) => expect(message.type() !== "error", `${where}: console: ${message.text()}`));
  tab.on("pageerror", (error) => expect(false, `${where}: ${error}`));
  tab.on("request", (request) => expect(/^(file|data):/.test(request.url()), `${where}: asks for ${request.url()}`));
  await tab.goto(`file://${resolve(page)}`, { waitUntil: "load" });
  await tab.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); }));
  const flown = await tab.evaluate(() => document.querySelectorAll(".curve").length);
  if (flown) {
    const drawn = await tab.evaluate(() => Number(document.documentElement.dataset.charts));
    expect(drawn === flown, `${where}: ${drawn} of ${flown} charts`);
    const empty = await tab.evaluate(emptyCharts);
    expect(empty.length === 0, `${where}: empty charts: ${empty}`);
  }
  const overflow = await tab.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(overflow <= 0, `${where}: scrolls ${overflow} px sideways`);
  await tab.screenshot({ path: `${shots}/${name}-first.png` });
  await tab.screenshot({ path: `${shots}/${name}.png`, fullPage: true });
  if (flown) await cursorAndZoom(tab, where);
  // Its own world: the page's policy lets no script in from outside.
  const world = await (await tab.createCDPSession()).send("Page.createIsolatedWorld", {
    frameId: tab.mainFrame()._id, worldName: "axe", grantUniveralAccess: true,
  });
  const protocol = await tab.createCDPSession();
  const found = await protocol.send("Runtime.evaluate", {
    expression: `${axe};axe.run().then((found) => JSON.stringify(found.violations))`,
    contextId: world.executionContextId, awaitPromise: true, returnByValue: true,
  });
  for (const violation of JSON.parse(found.result.value)) {
    const nodes = violation.nodes.map((node) => node.target.join(" ")).slice(0, 3).join(", ");
    const serious = ["serious", "critical"].includes(violation.impact);
    if (serious) expect(false, `${where}: axe: ${violation.help} (${nodes})`);
    else console.log(`${where}: axe, ${violation.impact}: ${violation.help} (${nodes})`);
  }
  if (width > 600 && scheme === "light") await tab.pdf({ path: `${shots}/${name}.pdf`, format: "A4" });
  await tab.close();
}

const browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
  for (const page of pages) {
    const report = await new HtmlValidate({ extends: ["html-validate:recommended"] }).validateString(readFileSync(page, "utf8"), page);
    for (const { messages } of report.results) {
      for (const message of messages.filter((one) => one.severity === 2).slice(0, 20)) {
        expect(false, `${page}:${message.line}: html-validate: ${message.message} (${message.ruleId})`);
      }
    }
    for (const width of [390, 1440]) {
      for (const scheme of ["light", "dark"]) await look(browser, page, width, scheme);
    }
  }
} catch (error) {
  expect(false, `${error.stack}`);
} finally {
  await browser.close();
}
if (failures.length) {
  console.error(failures.join("\n"));
  process.exit(1);
}
console.log(`${pages.length} pages: every look is as it must be; screenshots in ${shots}`);
