// The launch form: shows an input only while the one it depends on has the value that it asks for.

/**
 * What an input counts as: its value as text, or its default while it is out of sight or, being a number, empty.
 * @param {HTMLFieldSetElement} field
 */
function valueOf(field) {
  const { type, default: usual } = field.dataset;
  if (field.disabled) return usual;
  const control = field.querySelector("input:checked") ?? field.querySelector("input, select, textarea");
  if (control instanceof HTMLInputElement && type === "boolean") return String(control.checked);
  if (control instanceof HTMLInputElement && type === "number") {
    return control.value === "" ? usual : String(Number(control.value));
  }
  return control !== null && "value" in control ? String(control.value) : usual;
}

/** @param {HTMLFormElement} form */
export function runForm(form) {
  const fields = [...form.elements].filter((element) => element instanceof HTMLFieldSetElement);
  const update = () => {
    /** @type {Map<string, string | undefined>} */
    const values = new Map();
    for (const field of fields) {
      const { input = "", when, is, required } = field.dataset;
      if (when !== undefined) {
        const isUnmet = values.get(when) !== is;
        field.toggleAttribute("data-unmet", isUnmet);
        // A disabled input is neither sent nor held against its limits; the server gives it its default.
        field.disabled = isUnmet;
        const control = field.querySelector("input, textarea");
        if (required !== undefined) control?.toggleAttribute("required", !isUnmet);
      }
      values.set(input, valueOf(field));
    }
  };
  form.addEventListener("input", update);
  addEventListener("pageshow", update);
  update();
}
