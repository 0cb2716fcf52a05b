/** One thing a doctor looked at. A remedy is there whenever all is not well. */
export type Finding = { level: "ok" | "warning" | "error"; title: string; remedy: string | null };

export const ok = (title: string): Finding => ({ level: "ok", title, remedy: null });
export const warning = (title: string, remedy: string): Finding => ({ level: "warning", title, remedy });
export const error = (title: string, remedy: string): Finding => ({ level: "error", title, remedy });
