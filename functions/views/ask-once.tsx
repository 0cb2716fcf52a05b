import type { Child } from "hono/jsx";

type Props = {
  /** Unique on the page. */
  id: string;
  /** What the button says that asks. */
  button: string;
  /** The same with its object, for those who hear it out of its row. */
  label: string;
  question: string;
  /** Where the answer is posted. */
  action: string;
  /** What the button says that does it, and the one that does not. */
  does: string;
  keeps?: string;
  /** Fields of the form: what is posted with the answer. */
  fields?: Child;
  /** Beside other buttons of a heading rather than in a row. */
  isProminent?: boolean;
  /** What is lost. */
  children: Child;
};

/**
 * A button for what cannot be undone, which asks once, in place. A popover needs no script to open and to close, and a
 * form none to be sent.
 */
export const AskOnce = ({
  id,
  button,
  label,
  question,
  action,
  does,
  keeps = "Keep it",
  fields,
  isProminent = false,
  children,
}: Props) => (
  <>
    <button
      type="button"
      class={isProminent ? "button" : "button quiet"}
      popovertarget={id}
      aria-label={label}
    >
      {button}
    </button>
    <div id={id} class="ask" popover="auto" role="dialog" aria-label={label}>
      <p>
        <strong>{question}</strong>
      </p>
      <p>{children}</p>
      <form method="post" action={action}>
        {fields}
        <button class="button danger">{does}</button>
        <button type="button" class="button" popovertarget={id} popovertargetaction="hide">
          {keeps}
        </button>
      </form>
    </div>
  </>
);
