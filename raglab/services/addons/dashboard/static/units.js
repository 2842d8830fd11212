// Numbers with units, from the data that the service sends (raglab/services/addons/dashboard/units.py does the same).

function digits(value, decimals) {
  if (decimals !== null && decimals !== undefined) return value.toFixed(decimals);
  const whole = value ? Math.floor(Math.log10(Math.abs(value))) : 0;
  const text = value.toFixed(Math.max(0, 2 - whole));
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

export function written(unit, value, decimals) {
  if (value === null || value === undefined) return "no value";
  const scaled = value * unit.factor;
  const fitting = unit.steps.filter(([size]) => size <= Math.abs(scaled));
  const neutral = unit.steps.find(([size]) => size === 1);
  const [size, suffix] = fitting.length ? fitting[fitting.length - 1] : scaled === 0 ? neutral : unit.steps[0];
  return digits(scaled / size, decimals) + suffix;
}

// Distances of axis ticks that give round numbers in binary units.
export function increments(unit) {
  const binary = unit.steps.length > 1 && unit.steps[1][0] === 1024;
  return binary ? Array.from({ length: 60 }, (_, power) => 2 ** (power - 10)) : undefined;
}
