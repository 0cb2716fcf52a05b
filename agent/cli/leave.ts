import { Command } from "commander";
import { BerthError } from "../../contract/problem.ts";
import { readConfig } from "../config.ts";
import { readEdgeFile, removeEdgeFile } from "../edge-file.ts";
import { leave } from "../enrolment.ts";
import { readJoined, removeJoined } from "../joined.ts";
import { hanging, widthOf } from "./hanging.ts";
import { plain } from "./output.ts";

export const leaveCommand = (): Command =>
  new Command("leave")
    .description("end this machine's time as a workspace: its token is revoked, and deleted here")
    .action(async () => {
      const { home } = readConfig(process.env);
      const joined = await readJoined(home);
      if (joined === undefined)
        throw new BerthError("not_joined", "this machine is no workspace of any edge");
      const { edge } = joined;
      const trouble = await leave(joined);
      await removeJoined(home);
      if ((await readEdgeFile(home))?.url.origin === edge.origin) await removeEdgeFile(home);
      process.stdout.write(`Left ${edge.origin}. Sessions go on here, out of its reach.\n`);
      if (trouble === undefined) return;
      const text = `${plain(trouble)}, so that the token still counts there, though it is deleted here. Revoke it at ${edge.origin}/account`;
      process.stderr.write(`${hanging("berth: ", text, widthOf(process.stderr))}\n`);
      process.exitCode = 1;
    });
