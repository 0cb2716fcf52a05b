/** True for a navigation: the answer is looked at by a person. */
export const wantsPage = (request: Request): boolean =>
  request.headers.get("accept")?.includes("text/html") ?? false;
