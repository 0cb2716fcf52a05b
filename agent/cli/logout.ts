import { Command } from "commander";
import { BerthError } from "../../contract/problem.ts";
import { Api } from "../api.ts";
import { readConfig } from "../config.ts";
import { readEdgeFile, removeEdgeFile } from "../edge-file.ts";
import { readEdgeToken, removeEdgeToken } from "../edge-token.ts";
import { plain } from "./output.ts";

export const logoutCommand = (): Command =>
  new Command("logout")
    .description("forget the edge elsewhere, and revoke the token that was used there")
    .action(async () => {
      const { home } = readConfig(process.env);
      const kept = await readEdgeFile(home);
      const token = kept === undefined ? undefined : await readEdgeToken(home, kept.url);
      await removeEdgeToken(home);
      await removeEdgeFile(home);
      if (kept === undefined) {
        process.stdout.write("No login is kept here.\n");
        return;
      }
      const revoked = token === undefined ? "" : await revoke(kept.url, token);
      process.stdout.write(`Logged out of ${kept.url.origin}${revoked}.\n`);
    });

/** Ends the token at its edge, as far as that can be reached. Returns what has become of it. */
async function revoke(edge: URL, token: string): Promise<string> {
  try {
    await Api.with({ edge, token, by: "login" }).revokeOwnToken();
    return "; its token is revoked";
  } catch (error) {
    if (!(error instanceof BerthError)) throw error;
    if (error.code === "no_token") return "; its token had ended before";
    return `; its token could not be revoked (${plain(error.message)}): do it at ${edge.origin}/account`;
  }
}
