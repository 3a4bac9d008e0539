/** A path into the file: keys, and indexes of lists. */
export type TreePath = readonly (string | number)[]

/** A map of the file whose values nobody has checked yet. */
export type Tree = Record<string, unknown>

export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The value at a path of unchecked input, or undefined. */
export function valueAt(root: unknown, path: TreePath): unknown {
  let value = root
  for (const step of path) {
    if (Array.isArray(value) && typeof step === 'number') value = value[step]
    else if (isTree(value) && Object.hasOwn(value, step)) value = value[step]
    else return undefined
  }
  return value
}

/**
 * Puts a value at a path, making the maps on the way. Where something else than a map is in the
 * way it stays: that is an error of the file, which the schema then tells.
 */
export function setAt(root: Tree, path: readonly string[], value: unknown): void {
  const last = path.at(-1)
  if (last === undefined) return
  let tree = root
  for (const step of path.slice(0, -1)) {
    if (tree[step] === undefined) tree[step] = {}
    const next = tree[step]
    if (!isTree(next)) return
    tree = next
  }
  tree[last] = value
}

/** Writes a path as `rules[0].class[1]`. */
export function formatPath(path: TreePath): string {
  return path
    .map((step, index) =>
      typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`,
    )
    .join('')
}
