/** What a session's service.json says before its script has said anything. */
export const PREPARING = "Preparing";
export const QUEUED = "Queued";
