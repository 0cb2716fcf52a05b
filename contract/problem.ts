import { z } from "zod";
import { issueText } from "./issue-text.ts";

/** What each error code means: the HTTP status, a title that never varies, and what the reader can do. */
const CATALOGUE = {
  invalid_request: {
    status: 400,
    title: "The request is not valid",
    remedy: "Correct the named field and send it again.",
  },
  invalid_input: {
    status: 400,
    title: "An input is not valid",
    remedy: "Correct the named field and launch again.",
  },
  unauthorized: {
    status: 401,
    title: "Not logged in",
    remedy:
      "Log in at the console. Of an instance on your own machine: run `berth open` and follow the link it prints.",
  },
  no_token: {
    status: 401,
    title: "This machine has no token of Berth's",
    remedy:
      "Start Berth once with `npm start`: it makes them. Of an edge elsewhere: run `berth login <edge url>`.",
  },
  invalid_signature: {
    status: 401,
    title: "The message is not believed",
    remedy: "Sign its exact bytes with a key that this edge knows, and check the sender's clock.",
  },
  cookies_refused: {
    status: 400,
    title: "The browser keeps no cookie here",
    remedy:
      "Allow cookies for this host, then open the session from the console. A link that somebody sent you opens nothing.",
  },
  forbidden: { status: 403, title: "Not allowed", remedy: "Open the page from the console itself." },
  view_only: {
    status: 403,
    title: "Shared to look at",
    remedy: "Ask its owner to share it with you to use.",
  },
  insufficient_scope: {
    status: 403,
    title: "The token may not do that",
    remedy:
      "Make one with that scope on the console's account page; on the command line `berth login` takes it.",
  },
  not_admitted: {
    status: 403,
    title: "You may not log in here",
    remedy: "Ask the operator to admit one of your groups, or log in as somebody else.",
  },
  locked_out: {
    status: 403,
    title: "This account is locked",
    remedy: "Ask an operator of this edge to let you in again.",
  },
  not_found: { status: 404, title: "Not found", remedy: "See `berth list` for what is there." },
  unknown_service: {
    status: 404,
    title: "No such service",
    remedy: "See `berth services` for the catalogue.",
  },
  unknown_user: {
    status: 404,
    title: "No such user",
    remedy: "Name them as the identity provider does; who has never logged in here is not known yet.",
  },
  unknown_session: { status: 404, title: "No such session", remedy: "See `berth list` for your sessions." },
  unknown_resource: {
    status: 404,
    title: "No such resource",
    remedy: "See `berth resource list` for your clusters.",
  },
  no_live_session: {
    status: 404,
    title: "No live session has this port",
    remedy: "Open the session from the console; its port may have changed.",
  },
  idempotency_conflict: {
    status: 409,
    title: "The Idempotency-Key was used for another launch",
    remedy: "Use a new key for a different launch.",
  },
  already_running: {
    status: 409,
    title: "It already runs",
    remedy: "Use the one that runs, or stop it first with Ctrl-C.",
  },
  resource_in_use: {
    status: 409,
    title: "Sessions live on the resource",
    remedy: "Cancel them first (`berth cancel <id>`), or use --force.",
  },
  agent_enrolled: {
    status: 409,
    title: "The workspace has another agent",
    remedy: "Revoke that one in the console, or approve the new one in its place.",
  },
  agent_revoked: {
    status: 401,
    title: "This agent was revoked",
    remedy: "Enrol it again with `berth join`, if it should come back.",
  },
  not_joined: {
    status: 401,
    title: "This machine is no workspace of that edge",
    remedy: "Join it first: `berth join <edge>`.",
  },
  kept_running: {
    status: 409,
    title: "Something looks after the agent",
    remedy: "Stop that: it would start the agent again.",
  },
  no_systemd: {
    status: 503,
    title: "systemd does not run services for this user here",
    remedy: "Run the agent in the background without it: `berth up --detach`.",
  },
  enrolment_over: {
    status: 410,
    title: "The machine was not let in",
    remedy: "Run `berth join` again, and approve it in the console.",
  },
  wrong_approver: {
    status: 409,
    title: "Somebody else has approved the machine",
    remedy: "Run `berth join` again where nobody else reads the code, and approve it yourself.",
  },
  agent_refused: {
    status: 409,
    title: "The edge does not take this agent",
    remedy: "Stop the other agent, or upgrade the older side; then start this one again.",
  },
  payload_too_large: {
    status: 413,
    title: "The request is too large",
    remedy: "Send less, or move the data by another way.",
  },
  misdirected_host: {
    status: 421,
    title: "This host name is not served here",
    remedy: "Use the address that `npm start` printed.",
  },
  too_many_requests: {
    status: 429,
    title: "Too many at once",
    remedy: "Wait as long as Retry-After says and try again.",
  },
  too_many_sessions: {
    status: 429,
    title: "Too many live sessions",
    remedy: "Cancel one that you no longer need, then launch again.",
  },
  too_many_streams: {
    status: 429,
    title: "The session answers too many requests at once",
    remedy: "Close some of its tabs and try again in a moment.",
  },
  protocol_mismatch: {
    status: 426,
    title: "Agent and edge speak different protocol versions",
    remedy: "Upgrade the older of the two.",
  },
  internal: {
    status: 500,
    title: "Berth failed on this request",
    remedy: "Try again; if it stays, look at the edge's log.",
  },
  session_failed: {
    status: 409,
    title: "The session failed",
    remedy: "Mend what it names and launch again.",
  },
  bad_gateway: {
    status: 502,
    title: "The application did not answer",
    remedy: "Wait a moment; see the session's log for the reason.",
  },
  agent_offline: {
    status: 503,
    title: "The workspace is not connected",
    remedy: "Start its agent with `npm start` or `berth up`.",
  },
  not_configured: {
    status: 503,
    title: "This edge is not configured",
    remedy: "Set its secrets as docs/operator.md says.",
  },
  edge_unreachable: {
    status: 503,
    title: "The edge does not answer",
    remedy: "See whether its address is right. The one of this machine is started with `npm start`.",
  },
  session_not_ready: {
    status: 503,
    title: "The session is not running yet",
    remedy: "Wait; the page moves on by itself.",
  },
  provider_unreachable: {
    status: 503,
    title: "The identity provider does not answer",
    remedy: "Try again in a moment; if it stays, tell the operator of this edge.",
  },
  upstream_timeout: {
    status: 504,
    title: "The application took too long to answer",
    remedy: "Try again; see the session's log for the reason.",
  },
} as const satisfies Record<string, { status: number; title: string; remedy: string }>;

export type ProblemCode = keyof typeof CATALOGUE;

const codes = Object.keys(CATALOGUE) as [ProblemCode, ...ProblemCode[]];

/** An `application/problem+json` document (RFC 9457), with our stable `code`, a remedy and, where one is at fault, the field. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.enum(codes),
  detail: z.string(),
  remedy: z.string(),
  field: z.string().optional(),
  /** Seconds after which another try may succeed; also the header `Retry-After`. */
  retryAfter: z.int().optional(),
});
export type Problem = z.infer<typeof Problem>;

/** The one error that Berth throws on purpose. `message` says what happened, the catalogue what it means. */
export class BerthError extends Error {
  override readonly name = "BerthError";
  readonly code: ProblemCode;
  readonly field: string | undefined;
  /** Seconds after which another try may succeed. */
  readonly retryAfter: number | undefined;

  constructor(
    code: ProblemCode,
    message: string,
    options: { field?: string | undefined; retryAfter?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.field = options.field;
    this.retryAfter = options.retryAfter;
  }

  get status(): number {
    return CATALOGUE[this.code].status;
  }

  get problem(): Problem {
    const { status, title, remedy } = CATALOGUE[this.code];
    const field = this.field === undefined ? {} : { field: this.field };
    return {
      type: `urn:berth:problem:${this.code}`,
      title,
      status,
      code: this.code,
      detail: this.message,
      remedy,
      ...field,
      ...(this.retryAfter === undefined ? {} : { retryAfter: this.retryAfter }),
    };
  }

  static from(problem: Problem): BerthError {
    return new BerthError(problem.code, problem.detail, {
      field: problem.field,
      retryAfter: problem.retryAfter,
    });
  }
}

/** Turns a failed parse into a `BerthError` that names the first field at fault. */
export function invalid(code: "invalid_request" | "invalid_input", error: z.ZodError): BerthError {
  const issue = error.issues[0];
  // An unknown field is an issue of the object that holds it.
  const unknown = issue?.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
  const field = [...(issue?.path ?? []), ...unknown].join(".");
  const detail = issue === undefined ? "the request does not fit its schema" : issueText(issue);
  return new BerthError(code, field === "" ? detail : `${field}: ${detail}`, field === "" ? {} : { field });
}
