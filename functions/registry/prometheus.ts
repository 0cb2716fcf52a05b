/** One value; `suffix` is what a summary's parts add to the name. */
export type Sample = { suffix?: string; labels?: Readonly<Record<string, string>>; value: number };

/** A metric with its series. Names carry their unit, and end in `_total` where they only grow. */
export type Family = {
  name: string;
  help: string;
  type: "counter" | "gauge" | "summary";
  samples: readonly Sample[];
};

/** The format below (Prometheus, Exposition formats, text-based, version 0.0.4). */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

const escapeHelp = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
const escapeValue = (text: string): string => escapeHelp(text).replaceAll('"', '\\"');

function line(name: string, { suffix = "", labels = {}, value }: Sample): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeValue(text)}"`);
  return `${name}${suffix}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}\n`;
}

/** Spells metrics as Prometheus reads them. */
export const prometheusText = (families: readonly Family[]): string =>
  families
    .map(({ name, help, type, samples }) => {
      const head = `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`;
      return head + samples.map((sample) => line(name, sample)).join("");
    })
    .join("");
