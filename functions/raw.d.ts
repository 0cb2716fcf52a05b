/** A file's text, by Vite's suffix; the bundle's esbuild plugin knows it too. */
declare module "*?raw" {
  const text: string;
  export default text;
}
