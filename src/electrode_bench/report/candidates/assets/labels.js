// Names beside points: each where it covers no other name, and few points.

const GAP = 9;
const LINE = 13;
// Directions in which a name may lie from its point; the first of equally good places is taken.
const DIRECTIONS = [[1, 0], [-1, 0], [0, -1], [0, 1], [1, -1], [-1, -1], [1, 1], [-1, 1]];

const overlap = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
const covers = (box, { x, y }) => x > box.left - 5 && x < box.right + 5 && y > box.top - 5 && y < box.bottom + 5;

function boxAt({ x, y, width }, [right, down]) {
  const centre = x + right * (GAP + width / 2) * (down ? 0.8 : 1);
  const middle = y + down * (GAP + LINE / 2);
  return { left: centre - width / 2, right: centre + width / 2, top: middle - LINE / 2, bottom: middle + LINE / 2 };
}

// Boxes for points {x, y, width}, in their order; null for a name that has no place. `bounds` is {left, right, top,
// bottom}; `points` are all markers.
export function placed(wanted, points, bounds) {
  const taken = [];
  return wanted.map((item) => {
    const free = DIRECTIONS.map((direction) => boxAt(item, direction)).filter(
      (box) =>
        box.left >= bounds.left && box.right <= bounds.right && box.top >= bounds.top && box.bottom <= bounds.bottom &&
        !taken.some((other) => overlap(box, other)),
    );
    const covered = (box) => points.filter((point) => covers(box, point)).length;
    const best = free.sort((a, b) => covered(a) - covered(b))[0];
    if (!best || covered(best) > 1) return null;
    taken.push(best);
    return best;
  });
}
