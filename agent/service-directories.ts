import { join } from "node:path";

/** The services that come with Berth. A user's own stand in `BERTH_HOME/services` and hide these by name. */
export const OWN_SERVICES = join(import.meta.dirname, "../services");
