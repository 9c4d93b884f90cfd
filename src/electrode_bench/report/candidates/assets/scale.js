// Linear scales: what an axis spans, its round ticks, and where a value lies.

// The smallest range that holds all finite values, with a margin that is a share of it.
export function rangeOf(values, margin) {
  const finite = values.filter((value) => value !== null && isFinite(value));
  if (finite.length === 0) return [0, 1];
  const low = finite.reduce((least, value) => Math.min(least, value));
  const high = finite.reduce((most, value) => Math.max(most, value));
  const room = margin * (high - low) || 0.1 * Math.abs(high) || 1;
  return [low - room, high + room];
}

// Round numbers within a range, about as many as `count`.
export function ticks([low, high], count) {
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => power * factor >= rough * 0.999);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  // Steps are powers of ten times 1, 2 or 5: a few digits are enough, and hide the errors of sums.
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(10)));
}

// A function from values of `range` to positions between `from` and `to`.
export function scale([low, high], from, to) {
  const factor = (to - from) / (high - low);
  return (value) => from + (value - low) * factor;
}
