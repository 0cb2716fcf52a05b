/** What keeps Berth from knowing more: a quiet warning, since what it is about goes on all the same. */
export const Trouble = ({ text }: { text: string }) => (
  <p class="trouble">
    <svg viewBox="0 0 16 16" width="14" height="14" role="img" aria-label="Warning">
      <path
        d="M8 2.2 14.4 13.5H1.6zM8 6.5v3.2M8 11.6v.1"
        fill="none"
        stroke="currentColor"
        stroke-width="1.5"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
    {text}
  </p>
);
