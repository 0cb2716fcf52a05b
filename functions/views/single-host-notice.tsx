/**
 * What an edge gives up that serves applications on the console's host. One origin is one trust: no header and no form
 * token keeps a script there from doing what its reader can.
 */
export const SingleHostNotice = () => (
  <div class="notice bad" role="note">
    <p>
      <strong>This edge has a single host: applications are not kept apart from Berth.</strong> While you have
      an application open, what runs in it can do at Berth what you can: launch, read and cancel your
      sessions, and make API tokens. Open only what you trust. Nobody is an operator here, and sessions cannot
      be shared.
    </p>
    <p class="help">
      An operator who sets <code>BERTH_SESSIONS_HOST</code> to a second host ends this (docs/operator.md).
    </p>
  </div>
);
