import { DirectSubject } from "./direct.ts";
import { describeTransport } from "./suite.ts";

describeTransport("nothing", () => Promise.resolve(new DirectSubject()));
