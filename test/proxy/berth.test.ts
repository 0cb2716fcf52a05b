import { Berth } from "../support/berth.ts";
import { berthOf, BerthSubject } from "./berth-subject.ts";
import { describeProxy } from "./suite.ts";

async function started(): Promise<BerthSubject> {
  const berth = await Berth.start();
  return new BerthSubject({ url: new URL(berth.url), token: await berth.token(), home: berth.home }, () =>
    berth[Symbol.asyncDispose](),
  );
}

const named = berthOf(process.env);
describeProxy(named === undefined ? "Berth" : `Berth at ${named.url.href}`, () =>
  named === undefined ? started() : Promise.resolve(new BerthSubject(named)),
);
