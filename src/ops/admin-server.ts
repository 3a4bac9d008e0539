import { createServer, type Server, type ServerResponse } from 'node:http'
import type { Registry } from 'prom-client'

/** What the health pages say. */
export interface Health {
  /** True when a statement would be served now. */
  readonly ready: boolean
  /** What is degraded, in words; empty when all is well. */
  readonly degraded: readonly string[]
}

/** Plain HTTP for machines: `/healthz`, `/readyz`, `/metrics`. */
export class AdminServer {
  readonly #server: Server
  readonly #registry: Registry
  readonly #health: () => Promise<Health>
  #asked: Promise<Health> | undefined

  /** `health` is asked once at a time, however many want to know. */
  constructor(registry: Registry, health: () => Promise<Health>) {
    this.#registry = registry
    this.#health = health
    this.#server = createServer((request, response) => {
      void this.#answer(request.method ?? '', request.url ?? '', response)
    })
    this.#server.requestTimeout = 5_000
  }

  /** Resolves with the port; rejects with the error of the listening socket. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ host, port }, () => {
        this.#server.removeListener('error', reject)
        const address = this.#server.address()
        resolve(typeof address === 'object' && address !== null ? address.port : port)
      })
    })
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
  }

  async #answer(method: string, url: string, response: ServerResponse): Promise<void> {
    const path = url.split('?')[0]
    if (method !== 'GET' && method !== 'HEAD') {
      reply(response, 405, 'text/plain', 'only GET\n')
    } else if (path === '/healthz') {
      reply(response, 200, 'text/plain', 'ok\n')
    } else if (path === '/readyz') {
      this.#asked ??= this.#health().finally(() => {
        this.#asked = undefined
      })
      const health = await this.#asked
      reply(response, health.ready ? 200 : 503, 'application/json', `${JSON.stringify(health)}\n`)
    } else if (path === '/metrics') {
      try {
        reply(response, 200, this.#registry.contentType, await this.#registry.metrics())
      } catch (error) {
        reply(response, 500, 'text/plain', `${String(error)}\n`)
      }
    } else {
      reply(response, 404, 'text/plain', 'one of /healthz, /readyz, /metrics\n')
    }
  }
}

function reply(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type })
  response.end(body)
}
