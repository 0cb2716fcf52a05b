/** What nobody need log in for: logins, hand-overs, signed calls and the steps of an enrolment bring their own proof. */
export const OPEN_ROUTES: ReadonlySet<string> = new Set([
  "/healthz",
  "/assets/:version/:name",
  "/login",
  "/login/callback",
  "/logout/back-channel",
  "/enter",
  "/enter-share",
  "/webhooks/platform",
  "/enroll/start",
  "/enroll/poll",
]);
