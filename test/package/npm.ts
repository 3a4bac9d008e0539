/** No settings of ours, nor of the npm that runs the tests, reach the one that is tried here. */
export const npm_env = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) =>
      !/^(PGWITNESS_|PG|npm_(?!config_(registry|cache|userconfig)))|^NODE_ENV$/i.test(name),
  ),
)

/** How npm says that there is no registry, or that its cache has not all that is needed. */
export const out_of_reach =
  /E(NOTFOUND|AI_AGAIN|CONNREFUSED|CONNRESET|TIMEDOUT|HOSTUNREACH|NETUNREACH|NOTCACHED)\b/

/** Time for npm to fetch what it needs over a slow line, in milliseconds. */
export const fetch_patience_ms = 600_000
