// The curves of the plan by name. One that a new plan leaves as it was stays the same array: nothing is redrawn.
import { plan } from "../state.js";
import { computed } from "../ui.js";

/** `final:COLUMN` and `script:COLUMN` -> values, one a frame; equal ones are one array. */
export const curves = computed(
  () => new Map(Object.keys(plan.value?.curves ?? {}).map((name) => [name, plan.value[name]])),
);
