import { Command } from "commander";
import { BerthError } from "../../contract/problem.ts";
import { Api } from "../api.ts";
import { makeHome, readConfig } from "../config.ts";
import { parseEdge, writeEdgeFile } from "../edge-file.ts";
import { writeEdgeToken } from "../edge-token.ts";
import { plain } from "./output.ts";
import { readSecretInput } from "./secret-input.ts";

const NOTES = `
The token is made on the console's account page. It is asked for without an
echo, or read from standard input:
  berth login https://berth.example.org < token-file
BERTH_EDGE and BERTH_TOKEN in the environment are used before it.`;

export const loginCommand = (): Command =>
  new Command("login")
    .description("use an edge elsewhere, by an API token of yours")
    .argument("<edge>", "its console's address, such as https://berth.example.org")
    .option("--token-file <file>", "the file that holds the token")
    .addHelpText("after", NOTES)
    .action(login);

async function login(address: string, options: { tokenFile?: string }): Promise<void> {
  const { home, ...config } = readConfig(process.env);
  const edge = parseEdge(address);
  const prompt = `API token for ${edge.origin} (make one at ${edge.origin}/account): `;
  const token = await readSecretInput({ prompt, file: options.tokenFile });
  if (!/^berth_api_[\w.-]+$/.test(token))
    throw new BerthError(
      "invalid_request",
      `Cannot log in at ${edge.origin}: that is no API token, which begins with berth_api_`,
    );
  const me = await Api.with({ edge, token, by: "login" }).me();
  await makeHome(home);
  await writeEdgeToken(home, edge, token);
  await writeEdgeFile(home, edge);
  process.stdout.write(`Logged in at ${edge.origin} as ${plain(me.name)}, to ${me.scopes.join(" and ")}.\n`);
  if (config.isEdgeNamed || config.token !== undefined)
    process.stderr.write("berth: BERTH_EDGE or BERTH_TOKEN is set, and is used before this login.\n");
}
