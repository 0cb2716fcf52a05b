import { DirectSubject } from "./direct.ts";
import { describeTransport } from "./suite.ts";

describeTransport("the service itself", () => Promise.resolve(new DirectSubject()));
