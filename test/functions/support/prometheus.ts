type Family = { name: string; help: string; type: string };
type Sample = { name: string; labels: Record<string, string>; value: number };

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const TYPES = new Set(["counter", "gauge", "histogram", "summary", "untyped"]);
const SUFFIXES: Readonly<Record<string, readonly string[]>> = { summary: ["", "_sum", "_count"] };

/**
 * Reads metrics as strictly as the format is written (Prometheus, Exposition formats, text-based, version 0.0.4): each
 * metric has its HELP and TYPE once, before its series; no series comes twice; the last line ends.
 */
export function readPrometheus(text: string) {
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  const families: Family[] = [];
  const samples: Sample[] = [];
  const seen = new Set<string>();
  let help: { name: string; text: string } | undefined;
  for (const line of text.slice(0, -1).split("\n")) {
    if (line.startsWith("# HELP ")) {
      const [, name = "", said = ""] = strictly(line, new RegExp(`^# HELP (${NAME}) (.*)$`));
      if (/\\[^\\n]/.test(said.replaceAll("\\\\", ""))) throw new Error(`not escaped: ${line}`);
      help = { name, text: said };
    } else if (line.startsWith("# TYPE ")) {
      const [, name = "", type = ""] = strictly(line, new RegExp(`^# TYPE (${NAME}) (\\w+)$`));
      if (help?.name !== name) throw new Error(`${name} has no HELP right before its TYPE`);
      if (!TYPES.has(type)) throw new Error(`${type} is no type`);
      if (families.some((family) => family.name === name)) throw new Error(`${name} comes twice`);
      families.push({ name, help: help.text, type });
    } else {
      const sample = readSample(line);
      const family = families.at(-1);
      const suffixes = SUFFIXES[family?.type ?? ""] ?? [""];
      if (!suffixes.some((suffix) => sample.name === `${family?.name}${suffix}`))
        throw new Error(`${sample.name} does not belong to ${family?.name}`);
      const pairs = Object.entries(sample.labels).map((pair) => JSON.stringify(pair));
      const series = [sample.name, ...pairs.toSorted((a, b) => a.localeCompare(b))].join(" ");
      if (seen.has(series)) throw new Error(`${series} comes twice`);
      seen.add(series);
      samples.push(sample);
    }
  }
  const value = (name: string, labels: Record<string, string> = {}): number | undefined =>
    samples.find(
      (sample) =>
        sample.name === name &&
        Object.entries({ ...labels, ...sample.labels }).every(
          ([label]) => sample.labels[label] === labels[label],
        ),
    )?.value;
  return { families, samples, value };
}

function readSample(line: string): Sample {
  const [, name = "", , pairs = "", value = ""] = strictly(
    line,
    new RegExp(`^(${NAME})(\\{(.*)\\})? (-?\\d+(?:\\.\\d+)?(?:e[+-]?\\d+)?|NaN|[+-]Inf)$`),
  );
  const labels: Record<string, string> = {};
  let left = pairs;
  while (left !== "") {
    const [all = "", label = "", text = ""] = strictly(
      left,
      /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/,
    );
    if (Object.hasOwn(labels, label)) throw new Error(`${label} comes twice in ${line}`);
    labels[label] = text.replaceAll(/\\([\\"n])/g, (_, escaped: string) =>
      escaped === "n" ? "\n" : escaped,
    );
    left = left.slice(all.length);
  }
  return { name, labels, value: Number(value) };
}

function strictly(line: string, form: RegExp): RegExpExecArray {
  const match = form.exec(line);
  if (match === null) throw new Error(`not of the format: ${line}`);
  return match;
}
