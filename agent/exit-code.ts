/** The agent's exit code when the edge will not have it: whoever looks after it must not start it again. */
export const EXIT_REFUSED = 3;
