/**
 * The location of a compiled file, such as `sql/parser-worker.js`. Worker threads are loaded from
 * the build even when the rest runs from TypeScript sources, as it does under the test runner;
 * `src/lib` and `dist/lib` lie equally deep, so one relative path serves both.
 */
export function builtFile(path: string): URL {
  return new URL(`../../dist/${path}`, import.meta.url)
}
