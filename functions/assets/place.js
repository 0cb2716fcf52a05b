// The launch form's place: shows what matters for the cluster, the placement and the partition that are chosen.

/**
 * A field set out of sight is disabled: it is neither sent nor held against its limits.
 * @param {HTMLFieldSetElement} field
 * @param {boolean} isMet
 */
function show(field, isMet) {
  field.toggleAttribute("data-unmet", !isMet);
  field.disabled = !isMet;
}

/**
 * The field sets of a form that a selector finds.
 * @param {HTMLFormElement} form
 * @param {string} selector
 */
const fieldsets = (form, selector) =>
  [...form.querySelectorAll(selector)].filter((element) => element instanceof HTMLFieldSetElement);

/** @param {HTMLFormElement} form */
export function runPlace(form) {
  const update = () => {
    const on = form.querySelector("input[name=resource]:checked");
    if (!(on instanceof HTMLInputElement)) return;
    const placements = (on.dataset.placements ?? "").split(" ");
    const chosen = form.querySelector("input[name=placement]:checked");
    const canChoose = placements.length > 1 && chosen instanceof HTMLInputElement;
    const placement = canChoose ? chosen.value : placements[0];

    for (const field of fieldsets(form, "[data-resource]")) show(field, field.dataset.resource === on.value);
    const select = form.querySelector("fieldset[data-resource]:not([data-unmet]) select");
    const partition = select instanceof HTMLSelectElement ? select.selectedOptions[0] : undefined;
    const limit = form.querySelector("[data-limit-of]");
    if (limit !== null) limit.textContent = partition?.dataset.limit ?? "";

    /** @type {Record<string, boolean>} */
    const met = {
      choice: canChoose,
      compute: placement === "compute",
      gpus: partition === undefined || partition.dataset.gpus !== undefined,
    };
    for (const field of fieldsets(form, "[data-place]")) show(field, met[field.dataset.place ?? ""] ?? true);
  };
  form.addEventListener("input", update);
  addEventListener("pageshow", update);
  update();
}
