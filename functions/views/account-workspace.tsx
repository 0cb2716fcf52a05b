import type { EnrolledAgent } from "../../contract/enrolment.ts";
import { AskOnce } from "./ask-once.tsx";
import { Command } from "./command.tsx";
import { joinCommand } from "./join-page.tsx";
import { Ago } from "./time.tsx";

type Props = {
  agents: readonly EnrolledAgent[];
  /** Whether an agent is connected now. */
  online: boolean;
  /** The console's origin. */
  edge: string;
  now: number;
};

const at = (ms: number): string => new Date(ms).toISOString();

const Revoke = ({ agent }: { agent: EnrolledAgent }) => (
  <AskOnce
    id={`revoke-${agent.id}`}
    button="Revoke"
    label={`Revoke the agent on ${agent.host}`}
    question={`Revoke the agent on ${agent.host}?`}
    action={`/account/agents/${agent.id}/revoke`}
    does="Revoke"
  >
    It is disconnected at once, and what is open on it is cut off. Its sessions go on there, out of reach
    until you join it again.
  </AskOnce>
);

function Row({ agent, online, now }: { agent: EnrolledAgent; online: boolean; now: number }) {
  return (
    <li class="entry">
      <div class="what">
        <p class="name">
          {agent.user}@{agent.host}
          {online ? <span class="mark-this">connected</span> : null}
        </p>
        <p class="facts">
          <span>version {agent.version}</span>
          <span>
            joined <Ago at={at(agent.created)} now={now} />
          </span>
          {agent.from === null ? null : <span>from {agent.from}</span>}
          <span>
            {agent.seen === null ? (
              "has never connected"
            ) : (
              <>
                last connected <Ago at={at(agent.seen)} now={now} />
              </>
            )}
          </span>
        </p>
        <p class="facts">
          <span>
            key <code>{agent.fingerprint}</code>
          </span>
        </p>
      </div>
      <Revoke agent={agent} />
    </li>
  );
}

/** The machine that is this user's workspace, and its end; or how to make one. */
export const WorkspaceSection = ({ agents, online, edge, now }: Props) => (
  <section id="workspace" class="panel" aria-labelledby="workspace-title">
    <div class="head">
      <h2 id="workspace-title">Workspace</h2>
    </div>
    {agents.length === 0 && online ? (
      <p class="help">The agent of this machine's own instance is connected.</p>
    ) : agents.length === 0 ? (
      <>
        <p class="help">No machine has joined. Run this on the one on which your applications are to run:</p>
        <Command text={joinCommand(edge)} />
      </>
    ) : (
      <>
        <p class="help">
          The machine on which your applications run. Revoke it when it is not yours any more.
        </p>
        <ul class="entries">
          {agents.map((agent) => (
            <Row agent={agent} online={online} now={now} />
          ))}
        </ul>
      </>
    )}
  </section>
);
