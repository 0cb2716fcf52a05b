import type { Child } from "hono/jsx";
import { type Frame, Layout } from "./layout.tsx";

/** The pages for operators. */
type OperatorPlace = "overview" | "sessions" | "webhooks" | "audit";

const LINKS = [
  { place: "overview", href: "/operator", text: "Overview" },
  { place: "sessions", href: "/operator/sessions", text: "Sessions" },
  { place: "webhooks", href: "/operator/webhooks", text: "Webhooks" },
  { place: "audit", href: "/operator/audit", text: "Audit log" },
] as const;

type Props = {
  title: string;
  place: OperatorPlace;
  frame: Frame;
  /** Webhooks that could not be delivered. */
  dead: number;
  refresh?: number;
  children: Child;
};

/** A page for operators: the console's, with a way to the others of them. */
export const OperatorLayout = ({ title, place, frame, dead, refresh, children }: Props) => (
  <Layout title={title} frame={frame} refresh={refresh}>
    <nav class="tabs" aria-label="Operator">
      {LINKS.map((link) => (
        <a href={link.href} {...(link.place === place ? { "aria-current": "page" as const } : {})}>
          {link.text}
          {link.place === "webhooks" && dead > 0 ? <span class="count">{dead}</span> : null}
        </a>
      ))}
    </nav>
    {children}
  </Layout>
);

/** The way to what comes after a page; null: nothing does. */
export const Next = ({ href, text }: { href: string | null; text: string }) =>
  href === null ? null : (
    <p class="next">
      <a class="button" href={href}>
        {text}
      </a>
    </p>
  );
