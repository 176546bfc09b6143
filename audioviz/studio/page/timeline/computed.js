// The curves of the plan by name. One that a new plan leaves as it was stays the same array: nothing is redrawn.
import { plan } from "../state.js";
import { computed } from "../ui.js";

let before = new Map();

const isSame = (a, b) => {
  if (a?.length !== b.length) return false;
  for (let k = 0; k < b.length; k += 1) if (a[k] !== b[k]) return false;
  return true;
};

/** `final:COLUMN` and `script:COLUMN` -> values, one a frame. */
export const curves = computed(() => {
  const next = new Map();
  for (const { name } of plan.value?.arrays ?? []) {
    const values = plan.value[name];
    next.set(name, isSame(before.get(name), values) ? before.get(name) : values);
  }
  before = next;
  return next;
});
