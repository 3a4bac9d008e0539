import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { loadConfig } from '../../src/config/load.js'

function rootPath(name: string): string {
  return fileURLToPath(new URL(`../../${name}`, import.meta.url))
}

const dockerfile = readFileSync(rootPath('Dockerfile'), 'utf8')
const image_environment = Object.fromEntries(
  [...dockerfile.matchAll(/^ENV (\w+)=(\S+)$/gm)].map(([, name = '', value = '']) => [name, value]),
)

interface Compose {
  readonly services: {
    readonly postgres: { readonly image: string }
    readonly pgwitness: {
      readonly environment: Readonly<Record<string, string>>
      readonly ports: readonly string[]
    }
  }
}

const compose: Compose = parse(readFileSync(rootPath('docker-compose.yml'), 'utf8'))

describe('Dockerfile', () => {
  test('pins one version of Node in every stage', () => {
    const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base)
    expect(bases).toHaveLength(3)
    expect(new Set(bases).size).toBe(1)
    expect(bases[0]).toMatch(/^node:24\.\d+\.\d+-slim$/)
  })

  test('copies only what is there and what .dockerignore lets through', () => {
    const ignore = readFileSync(rootPath('.dockerignore'), 'utf8').trim().split('\n')
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(
      ([, names = '']) => names.split(' '),
    )
    expect(copied.length).toBeGreaterThan(5)
    expect(copied.filter((name) => !existsSync(rootPath(name)))).toEqual([])
    const top = copied.map((name) => `!${name.replace(/^\.\//, '').split('/')[0]}`)
    expect(top.filter((line) => !ignore.includes(line))).toEqual([])
  })

  test('sets an environment that is a valid configuration', () => {
    const config = loadConfig({ env: image_environment })
    expect(config.listen).toMatchObject({ host: '0.0.0.0', port: 7432 })
    expect(config.audit.directory).toBe('/var/lib/pgwitness/audit')
  })
})

describe('docker-compose.yml', () => {
  test('pins the server, and configures pgwitness as its schema asks', () => {
    expect(compose.services.postgres.image).toMatch(/^postgres:\d+\.\d+$/)
    const { environment, ports } = compose.services.pgwitness
    const config = loadConfig({ env: { ...image_environment, ...environment } })
    expect(config.upstream.host).toBe('postgres')
    expect(config.catalog?.user).toBe('pgwitness')
    expect(ports).toEqual([`127.0.0.1:7432:${config.listen.port}`])
  })
})

describe('the health check', () => {
  const servers: Server[] = []

  afterEach(() => {
    for (const server of servers.splice(0)) server.close()
  })

  async function listening(server: Server): Promise<string> {
    servers.push(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return String((server.address() as AddressInfo).port)
  }

  /** Exit status and what was said on stderr. */
  async function check(env: Readonly<Record<string, string>>): Promise<readonly [number, string]> {
    const child = spawn(process.execPath, [rootPath('scripts/healthcheck.mjs')], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    const [status] = await once(child, 'close')
    return [status, said]
  }

  test('connects to the port of applications', async () => {
    const server = createServer((socket) => socket.on('error', () => {}).resume())
    const port = await listening(server)
    const env = { PGWITNESS_LISTEN_HOST: '0.0.0.0', PGWITNESS_LISTEN_PORT: port }
    expect(await check(env)).toEqual([0, ''])
    server.close()
    await once(server, 'close')
    const [status, said] = await check(env)
    expect(status).toBe(1)
    expect(said).toMatch(/^unhealthy: .*ECONNREFUSED/)
  })

  test('asks the admin pages where they are on', async () => {
    const asked: string[] = []
    const port = await listening(
      createHttpServer((request, response) => {
        asked.push(request.url ?? '')
        response.writeHead(asked.length === 1 ? 200 : 503).end()
      }),
    )
    const env = { PGWITNESS_ADMIN_PORT: port, PGWITNESS_LISTEN_PORT: '1' }
    expect(await check(env)).toEqual([0, ''])
    const [status, said] = await check(env)
    expect(status).toBe(1)
    expect(said).toContain('answered 503')
    expect(asked).toEqual(['/healthz', '/healthz'])
  })
})
