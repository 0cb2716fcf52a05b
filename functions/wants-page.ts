/** True for a navigation: the answer is looked at by a person. */
export const wantsPage = (request: Request): boolean =>
  request.headers.get("accept")?.includes("text/html") ?? false;

/** True where the answer becomes a tab's own page: in no frame, and read by no script. Browsers that do not say are taken at that. */
export const isTopLevel = (request: Request): boolean => {
  const { headers } = request;
  return (
    (headers.get("sec-fetch-mode") ?? "navigate") === "navigate" &&
    (headers.get("sec-fetch-dest") ?? "document") === "document"
  );
};
