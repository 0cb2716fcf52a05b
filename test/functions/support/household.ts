import { env } from "cloudflare:workers";
import { CreatedToken } from "../../../contract/account.ts";
import type { Person } from "../../../contract/person.ts";
import { Session } from "../../../contract/session.ts";
import { Share } from "../../../contract/share.ts";
import { partOf } from "../../../functions/workspace/parts.ts";
import { TestAgent } from "./agent.ts";
import type { Browser } from "./browser.ts";
import { ask, CONSOLE } from "./edge.ts";
import { type Enrolment, enrolment } from "./enrolled.ts";
import { browserOf, person } from "./people.ts";
import { report, resource, service } from "./samples.ts";

const json = { "content-type": "application/json", origin: CONSOLE, accept: "application/json" };

/** Everything that one person has at an edge, each thing with a name that nobody else's has. */
export class Household implements AsyncDisposable {
  readonly somebody: Person;
  readonly enrolment: Enrolment;
  readonly agent: TestAgent;
  readonly program: { id: string; headers: { authorization: string } };
  readonly session: Session;
  /** The login of the browser that made all this. */
  readonly login: string;

  private constructor(
    somebody: Person,
    has: Pick<Household, "enrolment" | "agent" | "program" | "session" | "login">,
  ) {
    this.somebody = somebody;
    this.enrolment = has.enrolment;
    this.agent = has.agent;
    this.program = has.program;
    this.session = has.session;
    this.login = has.login;
  }

  /** With an enrolled agent, an API token, and a session that runs on a port. */
  static async of(name: string, port: number): Promise<Household> {
    const somebody = await person(name);
    const browser = await browserOf(somebody);
    const rights = await enrolment(somebody, { host: `${name}s-host` });
    const agent = await TestAgent.connect(
      {
        agent: { version: "0.1.0", host: `${name}s-host`, user: name },
        services: [service({ name: `${name}s-service` })],
        resources: [resource({ name: `${name}s-cluster` })],
      },
      rights,
    );
    const made = await browser.go(`${CONSOLE}/api/tokens`, {
      method: "POST",
      headers: json,
      body: JSON.stringify({ name: `${name}s-token`, scopes: ["read", "launch"] }),
    });
    const { id, token } = CreatedToken.parse(await made.json());
    const program = { id, headers: { authorization: `Bearer ${token}` } };
    const launched = await ask(`${CONSOLE}/api/sessions`, {
      method: "POST",
      headers: { ...program.headers, ...json },
      body: JSON.stringify({ service: `${name}s-service`, name: `${name}s-session` }),
    });
    const session = Session.parse(await launched.json());
    await agent.next("want");
    await agent.report(report(session.id, { port }));
    const [login] = await partOf(env, somebody.id, "access").logins();
    return new Household(somebody, { enrolment: rights, agent, program, session, login: login?.id ?? "" });
  }

  /** A browser in which this person has just logged in. */
  browser(): Promise<Browser> {
    return browserOf(this.somebody);
  }

  /** Asks as this person's program. */
  ask(method: string, path: string, body?: object): Promise<Response> {
    return ask(CONSOLE + path, {
      method,
      headers: { ...this.program.headers, ...json },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  /** Shares the session with somebody. */
  async share(guest: Person): Promise<Share> {
    const made = await this.ask("POST", `/api/sessions/${this.session.id}/shares`, {
      with: { kind: "user", subject: guest.subject },
      mode: "use",
    });
    return Share.parse(await made.json());
  }

  /** Everything that others may neither see nor change. */
  async state(): Promise<unknown> {
    const paths = ["sessions", "tokens", "logins", "agents", "agent", `sessions/${this.session.id}/shares`];
    const answers = await Promise.all(
      paths.map(async (path) => (await this.ask("GET", `/api/${path}`)).json<unknown>()),
    );
    // A token is noted as used whenever this asks.
    return JSON.parse(JSON.stringify(answers), (key, value: unknown) => (key === "usedAt" ? null : value));
  }

  /** Texts that an answer to nobody else may hold. */
  get marks(): string[] {
    const { name } = this.session;
    const own = name.replace(/session$/, "");
    return [own, this.session.id, this.program.id, this.enrolment.id, this.login];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent[Symbol.asyncDispose]();
  }
}
