import { afterAll, beforeAll, describe } from "vitest";
import { describeAborts } from "./chapters/aborts.ts";
import { describeBackPressure } from "./chapters/back-pressure.ts";
import { describeConcurrency } from "./chapters/concurrency.ts";
import { describeConnections, describeUpstreamReuse } from "./chapters/connections.ts";
import { describeMethods } from "./chapters/methods.ts";
import { describeRequestBodies } from "./chapters/request-bodies.ts";
import { describeRequestHeaders } from "./chapters/request-headers.ts";
import { describeResponses } from "./chapters/responses.ts";
import { describeStreams } from "./chapters/streams.ts";
import { describeAuthentication } from "./chapters/authentication.ts";
import { describeMalformedAnswers } from "./chapters/malformed-answers.ts";
import { describeMalformedRequests } from "./chapters/malformed-requests.ts";
import { describeRedirects } from "./chapters/redirects.ts";
import { describeRequestHygiene } from "./chapters/request-hygiene.ts";
import { describeResponseHygiene } from "./chapters/response-hygiene.ts";
import { describeRoutes } from "./chapters/routes.ts";
import { describeSecrets } from "./chapters/secrets.ts";
import { describeTargets } from "./chapters/targets.ts";
import { describeWebSocketClose } from "./chapters/websocket-close.ts";
import { describeWebSocketFlow } from "./chapters/websocket-flow.ts";
import { describeWebSocketMessages } from "./chapters/websocket-messages.ts";
import { describeWebSocketUpgrade } from "./chapters/websocket-upgrade.ts";
import { exposeTarget, type Combination, type Stage } from "./stage.ts";
import type { Exposed, ProxySubject } from "./subject.ts";

type Titled = Combination & { title: string };

const COMBINATIONS: readonly [Titled, Titled, Titled, Titled] = [
  { title: "/me, prefix stripped", tls: false, strip: true },
  { title: "/me, prefix kept", tls: false, strip: false },
  { title: "/sme, prefix stripped", tls: true, strip: true },
  { title: "/sme, prefix kept", tls: true, strip: false },
];

type Chapter = (stage: Stage) => void;

/** What holds for a service alone, and therefore must hold for it behind any proxy. */
const TRANSPORT: readonly Chapter[] = [
  describeConnections,
  describeTargets,
  describeMethods,
  describeRequestHeaders,
  describeRequestBodies,
  describeResponses,
  describeStreams,
  describeAborts,
  describeBackPressure,
  describeConcurrency,
  describeWebSocketUpgrade,
  describeWebSocketMessages,
  describeWebSocketClose,
  describeWebSocketFlow,
];

/** What only a proxy has to answer for. */
const PROXY: readonly Chapter[] = [
  describeUpstreamReuse,
  describeRoutes,
  describeAuthentication,
  describeRequestHygiene,
  describeSecrets,
  describeResponseHygiene,
  describeRedirects,
  describeMalformedRequests,
  describeMalformedAnswers,
];

function describeChapters(
  name: string,
  makeSubject: () => Promise<ProxySubject>,
  chapters: readonly Chapter[],
  combinations: readonly Titled[],
): void {
  describe(`through ${name}`, () => {
    let subject: ProxySubject | undefined;
    beforeAll(async () => {
      subject = await makeSubject();
    });
    afterAll(async () => {
      await subject?.[Symbol.asyncDispose]();
    });
    const there = (): ProxySubject => {
      if (subject === undefined) throw new Error(`${name} did not start`);
      return subject;
    };
    describe.each(combinations)("$title", ({ tls, strip }) => {
      let exposed: Exposed | undefined;
      beforeAll(async () => {
        exposed = await exposeTarget(there(), { tls, strip });
      });
      afterAll(async () => {
        await exposed?.close();
      });
      const stage: Stage = {
        tls,
        strip,
        get exposed() {
          if (exposed === undefined) throw new Error("the service is not exposed yet");
          return exposed;
        },
        expose: () => exposeTarget(there(), { tls, strip }),
      };
      for (const describeChapter of chapters) describeChapter(stage);
    });
  });
}

/** Runs what does not need a proxy to hold: shows that the suite expects of a proxy only what a service does. */
export function describeTransport(name: string, makeSubject: () => Promise<ProxySubject>): void {
  const [first, , , last] = COMBINATIONS;
  // Without a proxy nothing depends on how the two halves are combined.
  describeChapters(name, makeSubject, TRANSPORT, [first, last]);
}

/**
 * The conformance suite: what a service does, it must do behind the proxy too; and what the proxy itself answers for,
 * its routes, its guard, and what may not pass.
 */
export function describeProxy(name: string, makeSubject: () => Promise<ProxySubject>): void {
  describeChapters(name, makeSubject, [...PROXY, ...TRANSPORT], COMBINATIONS);
}
