import type { AuditLine } from "../../contract/operator.ts";
import { AUDIT_ACTIONS } from "../workspace/audit.ts";
import type { Frame } from "./layout.tsx";
import { Next, OperatorLayout } from "./operator-layout.tsx";
import { Exact } from "./time.tsx";

/** What the log is narrowed to, as it was typed; empty for everything. */
type AuditFilter = { user: string; action: string; session: string; from: string; to: string };

type Props = {
  frame: Frame;
  dead: number;
  /** Newest first. */
  lines: readonly AuditLine[];
  filter: AuditFilter;
  /** The same lines as a file. */
  exportHref: string;
  /** Where the older ones are. */
  older: string | null;
};

const Filters = ({ filter }: { filter: AuditFilter }) => (
  <form class="filters" role="search" method="get" action="/operator/audit">
    <label>
      Action
      <select name="action">
        <option value="">any</option>
        {AUDIT_ACTIONS.map((action) => (
          <option value={action} selected={action === filter.action}>
            {action}
          </option>
        ))}
      </select>
    </label>
    <label>
      User's id
      <input
        type="text"
        name="user"
        value={filter.user}
        maxlength={64}
        autocomplete="off"
        spellcheck={false}
      />
    </label>
    <label>
      Session
      <input
        type="text"
        name="session"
        value={filter.session}
        maxlength={64}
        autocomplete="off"
        spellcheck={false}
      />
    </label>
    <label>
      From (UTC)
      <input type="date" name="from" value={filter.from} />
    </label>
    <label>
      Until (UTC)
      <input type="date" name="to" value={filter.to} />
    </label>
    <button class="button">Show</button>
  </form>
);

const TITLES = ["When", "Action", "By", "Session", "From", "Detail"] as const;

/** Who did it, and in whose workspace where that is not theirs, or not said by their name. */
function By({ line: { by, user, userName } }: { line: AuditLine }) {
  const href = `/operator/audit?user=${user}`;
  if (by.user === user && by.name === userName)
    return (
      <>
        <a href={href}>{by.name}</a>
        <small>{by.via}</small>
      </>
    );
  return (
    <>
      {by.name || by.user}
      <small>
        {by.via}, for <a href={href}>{userName ?? user}</a>
      </small>
    </>
  );
}

/** What a narrow window has no room to say: that there is nothing. */
const none = (value: string | null): { class?: string } => (value === null ? { class: "none" } : {});

const Row = ({ line }: { line: AuditLine }) => (
  <tr>
    <th scope="row">
      <Exact at={line.at} />
    </th>
    <td data-title={TITLES[1]}>
      <code>{line.action}</code>
    </td>
    <td data-title={TITLES[2]}>
      <By line={line} />
    </td>
    <td data-title={TITLES[3]} {...none(line.session)}>
      {line.session === null ? (
        "—"
      ) : (
        <a href={`/operator/audit?session=${encodeURIComponent(line.session)}`}>
          <code>{line.session}</code>
        </a>
      )}
    </td>
    <td data-title={TITLES[4]} {...none(line.from)}>
      {line.from ?? "—"}
    </td>
    <td data-title={TITLES[5]} class={line.detail === null ? "none" : "detail"}>
      {line.detail ?? "—"}
    </td>
  </tr>
);

const Table = ({ lines }: Pick<Props, "lines">) => (
  <div class="scroll" tabindex={0} role="region" aria-label="Audit log, newest first">
    <table>
      <thead>
        <tr>
          {TITLES.map((title) => (
            <th scope="col">{title}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {lines.map((line) => (
          <Row line={line} />
        ))}
      </tbody>
    </table>
  </div>
);

const None = ({ filter }: { filter: AuditFilter }) =>
  Object.values(filter).some((value) => value !== "") ? (
    <p class="nothing">
      No entry is like that. <a href="/operator/audit">Show all</a>
    </p>
  ) : (
    <div class="lesson">
      <h2>Nothing has happened yet</h2>
      <p>
        Who logged in, launched, canceled or shared what, from where and when, stands here some moments
        afterwards. No secret is ever in it, nor what was typed into a form.
      </p>
    </div>
  );

/** What was done on this edge. */
export const OperatorAudit = ({ frame, dead, lines, filter, exportHref, older }: Props) => (
  <OperatorLayout title="Audit log" place="audit" frame={frame} dead={dead}>
    <div class="head">
      <h1>Audit log</h1>
      <a class="button" href={exportHref} download="berth-audit.jsonl">
        Export as JSON lines
      </a>
    </div>
    <Filters filter={filter} />
    <div class="sheet-table">{lines.length === 0 ? <None filter={filter} /> : <Table lines={lines} />}</div>
    <Next href={older} text="Older entries" />
  </OperatorLayout>
);
