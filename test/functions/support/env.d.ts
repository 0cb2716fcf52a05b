import type { Env as Bindings } from "../../../functions/env.ts";
import type * as worker from "../../../functions/index.ts";

/** What `cloudflare:workers` gives the tests: the Worker's own bindings, and the Worker. */
declare global {
  namespace Cloudflare {
    interface Env extends Required<Bindings> {}
    interface GlobalProps {
      mainModule: typeof worker;
    }
  }
}
