/** `Promise.withResolvers` is not in Node 20. */
export function withResolvers(): {
  readonly promise: Promise<void>
  resolve(): void
  reject(error: unknown): void
} {
  let resolve: () => void = () => undefined
  let reject: (error: unknown) => void = () => undefined
  const promise = new Promise<void>((on_resolve, on_reject) => {
    resolve = on_resolve
    reject = on_reject
  })
  return { promise, resolve, reject }
}
