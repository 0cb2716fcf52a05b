/** The part of htmx's extension interface that the console uses; the script is loaded before `console.js`. */
declare const htmx: {
  registerExtension(
    name: string,
    extension: {
      /** False leaves the attribute as it is while a morph changes the element. */
      htmx_before_morph_attr(
        element: Element,
        change: { attrName: string; newValue: string | null },
      ): boolean;
    },
  ): void;
};
