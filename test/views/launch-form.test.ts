import { describe, expect, it } from "vitest";
import type { CatalogueEntry } from "../../contract/service.ts";
import { consoleApp } from "./console-app.ts";
import { all, one, tagsOf, textOf } from "./markup.ts";
import { entry, input } from "./samples.ts";

const notebook = entry({
  inputs: [
    input({
      name: "folder",
      type: "string",
      label: "Folder",
      default: "~",
      required: true,
      pattern: "[^ ]+",
      help: "A path.",
    }),
    input({
      name: "interface",
      type: "choice",
      options: [{ value: "tree" }, { value: "lab", label: "JupyterLab" }],
    }),
    input({
      name: "theme",
      type: "choice",
      options: ["light", "dark", "sepia", "blue", "grey"].map((value) => ({ value })),
      showWhen: { input: "interface", is: "lab" },
    }),
    input({ name: "threads", type: "number", label: "Threads", integer: true, min: 1, max: 64, default: 4 }),
    input({ name: "venv", type: "boolean", label: "Virtual environment" }),
    input({ name: "packages", type: "multiline", required: true, showWhen: { input: "venv", is: true } }),
    input({ name: "password", type: "password", label: "Password" }),
  ],
});

const KEY = "11111111-2222-4333-8444-555555555555";
const filled = {
  key: KEY,
  "inputs.folder": "/data",
  "inputs.interface": "tree",
  "inputs.threads": "8",
  "inputs.password": "secret",
  name: "",
};

const form = async (service: CatalogueEntry): Promise<string> => {
  const answer = await consoleApp({ services: [service] }).get(`/launch/${service.name}`);
  expect(answer.status).toBe(200);
  return answer.text();
};

describe("the launch form", () => {
  it("has a control for each input, with its label, help, default and limits", async () => {
    const html = await form(notebook);
    const folder = one(html, "name", "inputs.folder").attributes;
    expect(folder.get("value")).toBe("~");
    expect(folder.get("pattern")).toBe("[^ ]+");
    expect(folder.has("required")).toBe(true);
    expect(folder.get("maxlength")).toBe("4096");
    expect(one(html, "for", "input-folder").name).toBe("label");
    expect(folder.get("aria-describedby")).toBe("input-folder-help");
    const threads = one(html, "name", "inputs.threads").attributes;
    expect(["type", "min", "max", "step", "value"].map((name) => threads.get(name))).toEqual([
      "number",
      "1",
      "64",
      "1",
      "4",
    ]);
    expect(one(html, "name", "inputs.venv").attributes.get("type")).toBe("checkbox");
    expect(one(html, "name", "inputs.packages").name).toBe("textarea");
    expect(one(html, "name", "inputs.password").attributes.get("type")).toBe("password");
    expect(one(html, "name", "inputs.theme").name).toBe("select");
  });

  it("shows few options at once and chooses the first", async () => {
    const radios = tagsOf(await form(notebook)).filter(
      (tag) => tag.attributes.get("name") === "inputs.interface",
    );
    expect(radios.map((tag) => [tag.attributes.get("value"), tag.attributes.has("checked")])).toEqual([
      ["tree", true],
      ["lab", false],
    ]);
  });

  it("says where it runs instead of asking", async () => {
    expect(textOf(await form(notebook))).toContain("Runs in your workspace, hopper-login");
  });

  it("keeps a field whose condition does not hold out of sight, and without scripts says when it counts", async () => {
    const html = await form(notebook);
    const theme = one(html, "data-input", "theme").attributes;
    expect([theme.has("data-unmet"), theme.get("data-when"), theme.get("data-is")]).toEqual([
      true,
      "interface",
      "lab",
    ]);
    expect(textOf(html)).toContain("Counts only while “interface” is “JupyterLab”.");
    expect(textOf(html)).toContain("Counts only while “Virtual environment” is on.");
    const packages = one(html, "name", "inputs.packages").attributes;
    expect(packages.has("required")).toBe(false);
  });

  it("has a key of its own each time it is asked for", async () => {
    const keyOf = (html: string): string | undefined => one(html, "name", "key").attributes.get("value");
    const [first, second] = [keyOf(await form(notebook)), keyOf(await form(notebook))];
    expect(first).toMatch(/^[0-9a-f-]{36}$/);
    expect(first).not.toBe(second);
  });

  it("keeps a line break at the beginning of a text", async () => {
    const html = await form(
      entry({ inputs: [input({ name: "text", type: "multiline", default: "\nafter" })] }),
    );
    const area = one(html, "name", "inputs.text");
    expect(html.slice(area.end)).toMatch(/^\n\nafter<\/textarea>/);
  });

  it("offers what to install, and a launch all the same", async () => {
    const html = await form(
      entry({ installed: false, missing: ["code-server"], install: ["npm install --global code-server"] }),
    );
    expect(one(html, "data-copy", "npm install --global code-server").name).toBe("button");
    expect(all(html, "form").some((tag) => tag.attributes.has("data-launch"))).toBe(true);
  });

  it("is not there for a service that cannot be used, which says why", async () => {
    const html = await form(entry({ broken: "service.yaml: line 3: bad indentation" }));
    expect(textOf(html)).toContain("service.yaml: line 3: bad indentation");
    expect(all(html, "form").some((tag) => tag.attributes.has("data-launch"))).toBe(false);
  });

  it("answers 404 for a service that is not there", async () => {
    const answer = await consoleApp().get("/launch/nothing");
    expect(answer.status).toBe(404);
    expect(textOf(await answer.text())).toContain("There is no service “nothing”.");
  });
});

describe("a launch", () => {
  it("sends what was typed and leads to the session", async () => {
    const { world, post } = consoleApp({ services: [notebook] });
    const answer = await post("/launch/jupyter-notebook", { ...filled, name: " tides " });
    expect(answer.status).toBe(303);
    expect(answer.headers.get("location")).toBe("/sessions/snew1");
    const inputs = {
      folder: "/data",
      interface: "tree",
      theme: "light",
      threads: 8,
      venv: false,
      packages: "",
      password: "secret",
    };
    expect(world.launches).toEqual([
      { key: KEY, request: { service: "jupyter-notebook", placement: "workspace", inputs, name: "tides" } },
    ]);
  });

  it("makes one session, however often its form is sent", async () => {
    const { world, post } = consoleApp({ services: [notebook] });
    const answers = [
      await post("/launch/jupyter-notebook", filled),
      await post("/launch/jupyter-notebook", filled),
    ];
    expect(answers.map((answer) => answer.headers.get("location"))).toEqual([
      "/sessions/snew1",
      "/sessions/snew1",
    ]);
    expect(world.launches).toHaveLength(1);
  });

  it("with a key that was used for another launch gets a new key and starts nothing", async () => {
    const { world, post } = consoleApp({ services: [notebook] });
    await post("/launch/jupyter-notebook", filled);
    const answer = await post("/launch/jupyter-notebook", { ...filled, "inputs.threads": "9" });
    const html = await answer.text();
    expect(answer.status).toBe(409);
    expect(one(html, "name", "key").attributes.get("value")).not.toBe(KEY);
    expect(one(html, "name", "inputs.threads").attributes.get("value")).toBe("9");
    expect(world.launches).toHaveLength(1);
  });

  it("brings line breaks as they were typed, not as forms travel", async () => {
    const { world, post } = consoleApp({ services: [notebook] });
    await post("/launch/jupyter-notebook", {
      ...filled,
      "inputs.venv": "true",
      "inputs.packages": '\r\nnumpy\r\n"; touch x; "',
    });
    expect(world.launches[0]?.request.inputs.packages).toBe('\nnumpy\n"; touch x; "');
  });

  it("takes the default for a number that was emptied", async () => {
    const { world, post } = consoleApp({ services: [notebook] });
    await post("/launch/jupyter-notebook", { ...filled, "inputs.threads": "" });
    expect(world.launches[0]?.request.inputs.threads).toBe(4);
  });

  it("that is to be opened at once leads to the session by way of its page", async () => {
    const { post } = consoleApp({ services: [notebook] });
    const answer = await post("/launch/jupyter-notebook", { ...filled, open: "1" });
    expect(answer.headers.get("location")).toBe("/sessions/snew1?open=1");
  });
});

describe("a launch with a mistake", () => {
  const refused = async (fields: Record<string, string>) => {
    const app = consoleApp({ services: [notebook] });
    const answer = await app.post("/launch/jupyter-notebook", { ...filled, ...fields });
    expect(app.world.launches).toEqual([]);
    return { status: answer.status, html: await answer.text() };
  };

  it("comes back with what was typed, the message at the field and the focus there", async () => {
    const { status, html } = await refused({
      "inputs.threads": "400",
      "inputs.interface": "lab",
      "inputs.theme": "sepia",
      name: "tides",
    });
    expect(status).toBe(400);
    const threads = one(html, "name", "inputs.threads").attributes;
    expect(threads.get("value")).toBe("400");
    expect(threads.get("aria-invalid")).toBe("true");
    expect(threads.has("autofocus")).toBe(true);
    expect(threads.get("aria-describedby")).toBe("input-threads-error input-threads-help");
    const message = one(html, "id", "input-threads-error");
    expect(textOf(html.slice(message.at)).startsWith("Must be at most 64.")).toBe(true);
    expect(tagsOf(html).filter((tag) => tag.attributes.has("autofocus"))).toHaveLength(1);
    expect(one(html, "name", "inputs.folder").attributes.get("value")).toBe("/data");
    expect(one(html, "name", "name").attributes.get("value")).toBe("tides");
    expect(one(html, "value", "sepia").attributes.has("selected")).toBe(true);
    expect(one(html, "data-input", "theme").attributes.has("data-unmet")).toBe(false);
  });

  it("keeps its key: nothing was launched with it", async () => {
    const { html } = await refused({ "inputs.threads": "400" });
    expect(one(html, "name", "key").attributes.get("value")).toBe(KEY);
  });

  it("never sends a password back", async () => {
    const { html } = await refused({ "inputs.threads": "400" });
    expect(html).not.toContain("secret");
  });

  it("requires a field only while its condition holds", async () => {
    const { status, html } = await refused({ "inputs.folder": "" });
    expect(status).toBe(400);
    expect(one(html, "name", "inputs.folder").attributes.has("autofocus")).toBe(true);
    const app = consoleApp({ services: [notebook] });
    expect((await app.post("/launch/jupyter-notebook", { ...filled, "inputs.packages": "" })).status).toBe(
      303,
    );
  });

  it("that is no form at all starts nothing", async () => {
    const app = consoleApp({ services: [notebook] });
    const answer = await app.send("/launch/jupyter-notebook", "{}", "application/json");
    expect(await answer.json()).toMatchObject({ code: "invalid_request", detail: "the body is not a form" });
    expect(app.world.launches).toEqual([]);
  });

  it("shows a mistake in the name at the name", async () => {
    const { status, html } = await refused({ name: "x".repeat(200) });
    expect(status).toBe(400);
    expect(one(html, "name", "name").attributes.get("aria-invalid")).toBe("true");
  });

  it("that is no field's is told above the form", async () => {
    const app = consoleApp({ services: [entry({ broken: "no start script" })] });
    const answer = await app.post("/launch/jupyter-notebook", { key: KEY });
    expect(answer.status).toBe(400);
    expect(textOf(await answer.text())).toContain("no start script");
    expect(app.world.launches).toEqual([]);
  });
});
