// Time series, drawn by uPlot.

import { increments, written } from "./units.js";

const DASHES = [[], [8, 3], [2, 3], [8, 3, 2, 3]];
const COLORS = 7;

// Colour and dash of the series with this number: 28 lines can be told apart, also without seeing colours.
export function look(number) {
  return { color: `var(--series-${number % COLORS})`, dash: DASHES[Math.floor(number / COLORS) % DASHES.length] };
}

// A colour of the style sheet as the canvas understands it.
function resolved(color) {
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.color = color;
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

const transparent = (color, percent) => color.replace("rgb(", "rgba(").replace(")", `, ${percent / 100})`);

export const NAMED = /^(?:(?:super-light|light|semi-dark|dark)-)?(green|red|orange|yellow|blue|purple)$/;
export const shade = (name) => (NAMED.test(name) ? `var(--${name.match(NAMED)[1]})` : name);

function line(panel, one, number) {
  const { color, dash } = look(number);
  const stroke = resolved(color);
  return {
    label: one.name,
    stroke,
    dash,
    width: 2,
    fill: panel.fill ? transparent(stroke, panel.fill) : undefined,
    paths: panel.stepped ? uPlot.paths.stepped({ align: 1 }) : undefined,
    points: { show: (plot, index) => plot.data[index].filter((value) => value !== null).length === 1 },
    spanGaps: false,
  };
}

// Lines across the chart at the panel's thresholds, with their value at the left end.
function thresholds(panel) {
  return (plot) => {
    for (const threshold of panel.lines) {
      const y = plot.valToPos(threshold.value, "y", true);
      const { left, top, width, height } = plot.bbox;
      if (y < top || y > top + height) continue;
      plot.ctx.save();
      plot.ctx.strokeStyle = plot.ctx.fillStyle = resolved(shade(threshold.color));
      plot.ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
      plot.ctx.lineWidth = 1.5 * devicePixelRatio;
      plot.ctx.beginPath();
      plot.ctx.moveTo(left, y);
      plot.ctx.lineTo(left + width, y);
      plot.ctx.stroke();
      plot.ctx.restore();
    }
  };
}

function scale(panel) {
  const values = panel.series.flatMap((one) => one.values).filter((value) => value !== null);
  const all = [...values, ...panel.lines.map((threshold) => threshold.value)];
  const low = panel.min ?? Math.min(0, ...all);
  const high = panel.max ?? (Math.max(...all) > low ? low + (Math.max(...all) - low) * 1.08 : low + 1);
  return [low, high];
}

const axis = (more) => ({
  stroke: resolved("var(--muted)"),
  grid: { stroke: resolved("var(--grid)"), width: 1 },
  ticks: { stroke: resolved("var(--grid)"), width: 1, size: 4 },
  font: "12px system-ui, sans-serif",
  ...more,
});

// `onCursor` gets the number of the point under the pointer, `onSelect` the ends of a range that was dragged over.
export function chart(panel, box, onCursor, onSelect) {
  const range = scale(panel);
  const tick = (_, ticks) => ticks.map((value) => written(panel.unit, value));
  const selected = (plot) => {
    const { left, width } = plot.select;
    if (width > 5) onSelect(plot.posToVal(left, "x"), plot.posToVal(left + width, "x"));
  };
  const options = {
    width: Math.max(box.clientWidth, 120),
    height: Math.max(box.clientHeight, 120),
    legend: { show: false },
    cursor: { drag: { x: true, y: false, setScale: false }, sync: { key: "raglab" }, points: { size: 6 } },
    scales: { x: { time: true, range: () => [panel.times[0], panel.times.at(-1)] }, y: { range: () => range } },
    axes: [
      axis({ space: 70, size: 26, values: [[86400, "{MMM} {D}", null, null, null, null, null, null, 0],
        [60, "{HH}:{mm}", null, null, null, null, null, null, 0],
        [1, "{HH}:{mm}:{ss}", null, null, null, null, null, null, 0]] }),
      axis({ values: tick, incrs: increments(panel.unit), space: 28, size: (_, ticks) => widest(ticks) }),
    ],
    series: [{}, ...panel.series.map((one, number) => line(panel, one, number))],
    padding: [8, 12, 0, 0],
    hooks: { draw: [thresholds(panel)], setCursor: [(plot) => onCursor(plot.cursor.idx)], setSelect: [selected] },
  };
  return new uPlot(options, [panel.times, ...panel.series.map((one) => one.values)], box);
}

const widest = (ticks) => 14 + 7 * Math.max(3, ...(ticks ?? [""]).map((text) => text.length));
