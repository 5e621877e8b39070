// Draws the flight with uPlot from the rows that stand in the page, under one cursor and one zoom. It computes no figure: what it
// shows is what it was given.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  if (!data) return;
  const rows = data.rows;
  const first = 0;
  const last = Math.max(rows.minutes[rows.minutes.length - 1], data.slices.reduce((end, slice) => Math.max(end, slice[1]), 0));
  const charts = [];
  let range = [first, last];

  // Colours are those of the style, so that they follow light and dark; on paper they are the light ones.
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const heldColour = { charge: "charge-held", junction: "junction-held", loop: "loop-held" };
  const isDark = () => matchMedia("screen and (prefers-color-scheme: dark)").matches;
  const workColour = (index) => `hsl(${(index * 137.5 + 205) % 360} 55% ${isDark() ? 62 : 45}%)`;

  const number = (digits, unit) => (plot, value) => (value == null ? "-" : `${value.toFixed(digits)} ${unit}`);
  const wattDigits = data.full >= 100 ? 1 : 2;

  // A line, or with `steps` one that holds a value: 1 until the next row, -1 since the last one.
  const line = (label, name, digits, unit, more = {}) => {
    const { steps, ...rest } = more;
    return {
      label, stroke: () => colour(name), width: 1.6, points: { show: false }, value: number(digits, unit),
      ...(steps ? { paths: uPlot.paths.stepped({ align: steps }) } : {}), ...rest,
    };
  };

  // The part of a chart in device pixels.
  const box = (plot) => plot.bbox;

  const horizontal = (plot, value, name, text, below) => {
    const { ctx } = plot;
    const { left, top, width } = box(plot);
    const pixel = uPlot.pxRatio;
    // A limit out of reach is told at the upper edge.
    const place = plot.valToPos(value, "y", true);
    const isOut = place < top;
    const y = isOut ? top + (below ? 14 : 0) * pixel : place;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = colour(name);
    ctx.lineWidth = 1.2 * pixel;
    ctx.setLineDash([6 * pixel, 4 * pixel]);
    ctx.beginPath();
    ctx.moveTo(left, y);
    ctx.lineTo(left + width, y);
    if (!isOut) ctx.stroke();
    ctx.font = `${11 * pixel}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    ctx.textBaseline = below || isOut ? "top" : "bottom";
    ctx.setLineDash([]);
    ctx.lineWidth = 3 * pixel;
    ctx.strokeStyle = colour("card");
    // A rim in the colour of the ground keeps the words readable over curves.
    const said = isOut ? `${text}: ${value.toLocaleString("en")}, over the edge` : text;
    for (const draw of ["strokeText", "fillText"]) ctx[draw](said, left + 5 * pixel, y + (below || isOut ? 3 : -3) * pixel);
    ctx.restore();
  };

  const vertical = (plot) => {
    const { ctx } = plot;
    const { left, top, width, height } = box(plot);
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    ctx.setLineDash([3 * uPlot.pxRatio, 3 * uPlot.pxRatio]);
    ctx.lineWidth = uPlot.pxRatio;
    for (const [at, kind] of data.marks) {
      ctx.strokeStyle = colour({ fault: "bad", regime: "stale", assumption: "note" }[kind]);
      const x = Math.round(plot.valToPos(at, "x", true));
      ctx.beginPath();
      ctx.moveTo(x, top);
      ctx.lineTo(x, top + height);
      ctx.stroke();
    }
    ctx.restore();
  };

  // Rectangles from one time to another, between two shares of the height.
  const rectangles = (plot, all, between) => {
    const { ctx } = plot;
    const { left, top, width, height } = box(plot);
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    for (const each of all) {
      const [from, to] = [each[0], each[1]].map((time) => plot.valToPos(time, "x", true));
      const [high, low] = between(plot, each);
      ctx.fillRect(from, high, Math.max(to - from, 1), low - high);
    }
    ctx.restore();
  };

  const heldBack = (plot) => {
    const { top, height } = box(plot);
    const strip = 9 * uPlot.pxRatio;
    for (const name of new Set(data.held.map((each) => each[2]))) {
      for (const strength of [0.25, 0.5, 0.75, 1]) {
        plot.ctx.fillStyle = colour(heldColour[name] || name);
        plot.ctx.globalAlpha = strength;
        const alike = data.held.filter((each) => each[2] === name && Math.max(Math.ceil(each[3] * 4) / 4, 0.25) === strength);
        rectangles(plot, alike, () => [top, top + strip]);
        plot.ctx.globalAlpha = strength * 0.13;
        rectangles(plot, alike, () => [top + strip, top + height]);
      }
    }
    plot.ctx.globalAlpha = 1;
  };

  const slices = (plot) => {
    data.workloads.forEach((_, index) => {
      plot.ctx.fillStyle = workColour(index);
      const own = data.slices.filter((slice) => slice[2] === index && slice[3] != null);
      rectangles(plot, own, (_, slice) => [plot.valToPos(slice[3], "y", true), plot.valToPos(0, "y", true)]);
    });
  };

  const axis = () => ({
    stroke: () => colour("soft"), grid: { stroke: () => colour("line"), width: 1 }, ticks: { stroke: () => colour("line"), width: 1 },
    font: "12px system-ui, sans-serif",
  });

  // Where rows hold until the next one, the cursor reads the row before it (`holds`), else the nearest.
  const chart = (id, height, xs, series, scale, { under = [], over = [], clock = "minute", holds = false } = {}) => {
    const place = document.getElementById(id);
    const options = {
      width: place.clientWidth, height,
      series: [{ label: clock, value: (_, value) => (value == null ? "-" : `${value.toFixed(2)} min`) }, ...series],
      scales: { x: { time: false, range: () => range }, y: { range: scale } },
      axes: [{ ...axis(), size: 34 }, { ...axis(), size: 58, values: (_, values) => values.map((value) => value.toLocaleString("en")) }],
      cursor: { y: false, ...(holds ? { dataIdx: (_, __, nearest, at) => (nearest > 0 && xs[nearest] > at ? nearest - 1 : nearest) } : {}), sync: { key: "flight", setSeries: false }, drag: { x: true, y: false, setScale: false }, focus: { prox: -1 } },
      legend: { live: true },
      hooks: {
        drawAxes: [(plot) => under.forEach((draw) => draw(plot))],
        draw: [(plot) => { over.forEach((draw) => draw(plot)); vertical(plot); }],
        setSelect: [(plot) => {
          if (plot.select.width < 8) return;
          show([plot.select.left, plot.select.left + plot.select.width].map((at) => plot.posToVal(at, "x")));
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        }],
        setCursor: [(plot) => moment(plot)],
      },
    };
    const plot = new uPlot(options, [xs, ...series.map((one) => one.ys)], place);
    plot.over.addEventListener("dblclick", () => show([first, last]));
    const canvas = place.querySelector("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", place.previousElementSibling.textContent);
    charts.push({ plot, place, height });
  };

  // Every chart shows the same part of the flight; nothing is nearer than a thousandth of it.
  const show = ([from, to]) => {
    const width = Math.min(Math.max(to - from, (last - first) / 1000), last - first);
    const begin = Math.min(Math.max(from, first), last - width);
    range = [begin, begin + width];
    charts.forEach(({ plot }) => plot.setScale("x", { min: range[0], max: range[1] }));
    document.documentElement.dataset.shown = range.map((time) => time.toFixed(3)).join(" ");
  };

  const output = document.getElementById("moment");
  const moment = (plot) => {
    const at = plot.cursor.left >= 0 ? plot.posToVal(plot.cursor.left, "x") : null;
    output.textContent = at == null ? "" : `${at.toFixed(2)} min`;
  };

  const span = (least, most, room = 0.06) => {
    const wide = Math.max(most - least, 1e-9);
    return () => [least - room * wide, most + room * wide];
  };
  const all = (...lists) => lists.flat().filter((value) => value != null);
  const least = (...lists) => all(...lists).reduce((one, two) => Math.min(one, two), Infinity);
  const most = (...lists) => all(...lists).reduce((one, two) => Math.max(one, two), -Infinity);

  chart("sun", 110, rows.minutes, [
    { ...line("sunlight", "sunlit", 1, "%", { steps: -1, fill: () => `${colour("sunlit")}40` }), ys: rows.sun },
  ], () => [0, 108]);

  chart("power", 230, rows.minutes, [
    { ...line("power", "power", wattDigits, data.power_unit, { steps: -1, width: 0.7, alpha: 0.45 }), ys: rows.power },
    { ...line("smoothed", "power", wattDigits, data.power_unit, { width: 2.2 }), ys: rows.power_mean },
    { ...line("budget", "budget", wattDigits, data.power_unit, { steps: 1, width: 1.8 }), ys: rows.budget },
    { label: "held back by", class: "plain", stroke: () => colour("soft"), ys: rows.minutes.map(() => null), value: (plot, _, __, at) => (at == null ? "-" : rows.by[at]) },
  ], span(0, most(rows.power, rows.budget, [data.full]), 0.04), { under: [heldBack], over: [(plot) => horizontal(plot, data.idle, "soft", "idle", false)] });

  chart("charge", 160, rows.confirmed, [
    { ...line("charge", "charge", 2, "%", { width: 2 }), ys: rows.charge },
  ], span(least(rows.charge, [data.charge_min]), most(rows.charge, [data.charge_max]), 0.1), {
    clock: "confirmed at",
    over: [(plot) => horizontal(plot, data.charge_min, "bad", "floor", true), (plot) => horizontal(plot, data.charge_max, "soft", "full", false)],
  });

  // A limit far over everything that happened would press the curves flat.
  const hottest = most(rows.junction, rows.loop, rows.radiator);
  const near = (limit) => (limit < hottest + 150 ? [limit] : []);
  chart("heat", 210, rows.confirmed, [
    { ...line("junction", "junction", 1, "°C"), ys: rows.junction },
    { ...line("loop", "loop", 1, "°C"), ys: rows.loop },
    { ...line("radiator", "radiator", 1, "°C"), ys: rows.radiator },
  ], span(least(rows.junction, rows.loop, rows.radiator), most(rows.junction, rows.loop, near(data.junction_limit), near(data.loop_limit)), 0.08), {
    clock: "confirmed at",
    over: [
      (plot) => horizontal(plot, data.junction_limit, "junction", "limit of the junction", false),
      (plot) => horizontal(plot, data.loop_limit, "loop", "limit of the loop", true),
    ],
  });

  const begins = data.slices.map((slice) => slice[0]);
  const rates = data.slices.map((slice) => slice[3]);
  chart("work-rate", 200, begins, [
    { ...line("throughput", "soft", 1, "%", { steps: 1, width: 0, class: "plain" }), ys: rates },
    { label: "of", class: "plain", stroke: () => colour("soft"), ys: begins.map(() => null), value: (plot, _, __, at) => (at == null ? "-" : data.workloads[data.slices[at][2]]) },
  ], span(0, most(rates, [100]), 0.05), { clock: "slice from", holds: true, under: [slices], over: [(plot) => horizontal(plot, 100, "soft", "without limits", false)] });

  const keys = () => document.querySelectorAll("[data-workload]").forEach((key) => key.style.setProperty("--key", workColour(Number(key.dataset.workload))));
  const redraw = () => {
    keys();
    charts.forEach(({ plot }) => plot.redraw(false, true));
  };
  const resize = (width) => charts.forEach(({ plot, place, height }) => plot.setSize({ width: width || place.clientWidth, height }));

  document.querySelectorAll("[data-zoom]").forEach((button) => button.addEventListener("click", () => {
    const [from, to] = range;
    const middle = (from + to) / 2;
    const half = (to - from) / 2;
    show({
      in: [middle - half / 2, middle + half / 2],
      out: [middle - 2 * half, middle + 2 * half],
      back: [from - half, to - half],
      on: [from + half, to + half],
      all: [first, last],
    }[button.dataset.zoom]);
  }));
  let waiting = 0;
  addEventListener("resize", () => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(() => resize()); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  let unfolded = [];
  addEventListener("beforeprint", () => {
    unfolded = [...document.querySelectorAll("details:not([open])")];
    unfolded.forEach((part) => { part.open = true; });
    resize(660);
    redraw();
  });
  addEventListener("afterprint", () => {
    unfolded.forEach((part) => { part.open = false; });
    resize();
    redraw();
  });

  keys();
  show([first, last]);
  document.documentElement.dataset.charts = charts.length;
})();
