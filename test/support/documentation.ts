import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryFiles, ROOT } from "./repository-files.ts";

/**
 * How a documented command is known to work:
 * - `live`: test/e2e/documentation.test.ts types it, into a shell beside a running Berth;
 * - `here`: test/repository/commands.test.ts runs it;
 * - `steps`: these steps of the gate are what it does;
 * - `test`: this test file does the same, and says these words;
 * - `package`: the gate installs this Debian package for the tests that use it;
 * - `outside`: it cannot be run by a test, and why.
 */
export type Proof =
  | { by: "live" }
  | { by: "here" }
  | { by: "steps"; steps: readonly string[] }
  | { by: "test"; file: string; says: readonly string[] }
  | { by: "package"; package: string }
  | { by: "outside"; because: string };

const CHECK = ["format", "lint", "types of the Node side", "import arrows"];

/** It types them as they stand in the page, with a key and ports of its own. */
const WEBHOOKS: Proof = {
  by: "test",
  file: "test/e2e/webhook-examples.test.ts",
  says: ["/dev/urandom", "webhook-receiver.ts", "platform-call.ts session.launch", "npm start"],
};

const RESOURCE_TEST = "test/cluster/resource.test.ts";

const PROOFS: readonly (readonly [command: RegExp, proof: Proof])[] = [
  [/^npm start$/, { by: "live" }],
  [/^\.\/berth (services|launch webshell|list|doctor)$/, { by: "live" }],
  [/^curl .*localhost:8787\/api\/\w+$/, { by: "live" }],
  [
    /^\.\/berth (login https:\S+ --token-file \S+|whoami|logout)$/,
    {
      by: "test",
      file: "test/e2e/edge-elsewhere.test.ts",
      says: [`"login", url, "--token-file"`, `run("whoami")`, `run("logout")`],
    },
  ],
  [
    /^curl --header @operator-header\.txt "https:\S+\/api\/operator\/audit\?after=0"$/,
    { by: "test", file: "test/e2e/operator.test.ts", says: [`"--header"`, "/api/operator/audit?after=0"] },
  ],
  [/^npm run bundle$/, { by: "here" }],
  [/^npm run check$/, { by: "steps", steps: CHECK }],
  [/^npm run format$/, { by: "steps", steps: ["format"] }],
  [/^npm run deploy$/, { by: "steps", steps: ["deploy, without the last step"] }],
  [/^sudo apt-get install jupyter-notebook$/, { by: "package", package: "jupyter-notebook" }],
  [
    /^\.\/berth resource add hpc --host \S+( --accept-host-key SHA256:\S+)?$/,
    { by: "test", file: RESOURCE_TEST, says: [`"add"`, `"--host"`, `"--accept-host-key"`] },
  ],
  [
    /^\.\/berth resource doctor hpc( --with-job| --accept-host-key SHA256:\S+)?$/,
    { by: "test", file: RESOURCE_TEST, says: [`"doctor"`, `"--with-job"`, `"--accept-host-key"`] },
  ],
  [
    /^\.\/berth resource (list|remove hpc)$/,
    { by: "test", file: RESOURCE_TEST, says: [`"resource", "list"`, `"resource", "remove", "hpc"`] },
  ],
  [
    /^\.\/berth launch \S+ --resource hpc /,
    { by: "test", file: RESOURCE_TEST, says: [`"launch"`, `"--resource"`, `"--partition"`] },
  ],
  [
    /^npm run cluster -- up$/,
    { by: "test", file: "test/cluster/main.test.ts", says: [`ask("up")`, `main("down")`] },
  ],
  [
    /^\.\/berth join https:\S+( --user \S+)?$/,
    { by: "test", file: "test/e2e/enrolment.test.ts", says: [`"join"`, `"--user"`, `edge.approve`] },
  ],
  [
    /^\.\/berth (up --detach|down|leave)$/,
    { by: "test", file: "test/e2e/enrolment.test.ts", says: [`"up", "--detach"`, `"down"`, `"leave"`] },
  ],
  [
    /^\.\/berth service (install|status|uninstall)$/,
    {
      by: "test",
      file: "test/agent/cli/service.test.ts",
      says: [`service("install")`, `service("status")`, `service("uninstall")`],
    },
  ],
  [/^(ssh-keygen|cat|chmod) .*~\/\.ssh\//, { by: "outside", because: "it is typed on a cluster" }],
  [/^npm test( -- \S+)?$/, { by: "outside", because: "it is this run" }],
  [/^git clone \S+$|^cd berth$/, { by: "outside", because: "CI does it before it runs this" }],
  [/^npm run bench\b/, { by: "outside", because: "it takes minutes, and a machine of its own" }],
  [/^npx wrangler secret put [A-Z_]+$/, { by: "outside", because: "it needs an account" }],
  [/^BERTH_PROXY_URL=/, { by: "outside", because: "the gate runs the same suite beside a Berth of its own" }],
  [/^BERTH_EDGE=https:\S+ \.\/berth up$/, { by: "outside", because: "it needs a deployed edge" }],
  [/^ssh -L \S+ \S+$/, { by: "outside", because: "it needs a second machine" }],
  [/^echo "whsec_\$\(head -c 32 \/dev\/urandom \| base64\)"$/, WEBHOOKS],
  [/^(BERTH_)?WEBHOOK_\S+=\S+ .*(npm start|npx node docs\/examples\/\S+\.ts.*)$/, WEBHOOKS],
];

export const proofOf = (command: string): Proof | undefined =>
  PROOFS.find(([pattern]) => pattern.test(command))?.[1];

/** The commands in a page's `sh` blocks: joined where `\` continues them, without prompt and comment. */
export function commandsOf(markdown: string): string[] {
  const blocks = [...markdown.matchAll(/^```sh\n(.*?)^```/gms)].map(([, text = ""]) => text);
  return blocks
    .flatMap((block) => block.replaceAll(/\s*\\\n\s*/g, " ").split("\n"))
    .map((line) =>
      line
        .replace(/^\$ /, "")
        .replace(/(^|\s+)#.*$/, "")
        .trim(),
    )
    .filter((line) => line !== "");
}

/** Every command of every page, in the order of reading; README.md comes first. */
export function documentedCommands(): { page: string; command: string }[] {
  const pages = repositoryFiles().filter((file) => file.endsWith(".md") && !file.includes("fixtures/"));
  return pages
    .toSorted((a, b) => Number(b === "README.md") - Number(a === "README.md"))
    .flatMap((page) =>
      commandsOf(readFileSync(join(ROOT, page), "utf8")).map((command) => ({ page, command })),
    );
}
