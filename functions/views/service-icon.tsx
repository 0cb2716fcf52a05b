import type { CatalogueEntry } from "../../contract/service.ts";

/** A service's icon. Its SVG comes from the service's folder, so it is only ever an image; a letter stands in for none. */
export function ServiceIcon({
  entry,
  size,
}: {
  entry: Pick<CatalogueEntry, "name" | "title" | "icon">;
  size: 24 | 40;
}) {
  if (entry.icon !== null) {
    return (
      <img
        class="icon"
        src={`/icons/${encodeURIComponent(entry.name)}.svg`}
        alt=""
        width={size}
        height={size}
        loading="lazy"
      />
    );
  }
  return (
    <span class="icon letter" data-size={size} aria-hidden="true">
      {Array.from(entry.title)[0]?.toUpperCase() ?? "?"}
    </span>
  );
}
