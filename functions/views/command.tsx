/** A command to run, with a button that copies it where scripts run. */
export const Command = ({ text }: { text: string }) => (
  <span class="command">
    <code>{text}</code>
    <button type="button" class="copy" data-copy={text} aria-label={`Copy ${text}`}>
      Copy
    </button>
  </span>
);
