// A page that its reader's login has left, by a logout in another tab or by its end: what it shows is nobody's any more.

/** @param {Element} field */
function isEdited(field) {
  if (field instanceof HTMLInputElement)
    return field.value !== field.defaultValue || field.checked !== field.defaultChecked;
  return field instanceof HTMLTextAreaElement && field.value !== field.defaultValue;
}

/** Only a 401 says so: whatever else went wrong may be over in a moment. */
async function isLoggedOut() {
  try {
    return (await fetch("/api/me", { headers: { accept: "application/json" } })).status === 401;
  } catch {
    return false;
  }
}

/**
 * Asks whether the login is over, and if so leads to the way in, from which the reader comes back here. What they have
 * typed is not thrown away without their word.
 */
export async function leaveIfLoggedOut() {
  if (!(await isLoggedOut())) return;
  const notice = document.querySelector("#out");
  const fields = [...document.forms].flatMap((form) => [...form.elements]);
  if (notice instanceof HTMLElement && fields.some(isEdited)) notice.hidden = false;
  else location.reload();
}
