/** What an answer shows, as far as it comes at once: an event stream goes on. */
export async function shownText(response: Response): Promise<string> {
  const type = response.headers.get("content-type") ?? "";
  if (response.body === null) return "";
  if (!type.startsWith("text/event-stream")) return response.text();
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  while (!text.includes("event: agent") && !text.includes("event: session"))
    text += decoder.decode((await reader.read()).value, { stream: true });
  await reader.cancel();
  return text;
}
