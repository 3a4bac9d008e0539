import { describe, expect, test } from 'vitest'
import { watchCertificates } from '../../src/app/certificate-watch.js'
import { certificateNotices } from '../../src/config/certificate-dates.js'
import { loadConfig } from '../../src/config/load.js'
import { makeCertificates, opensslInstalled } from '../support/certificates.js'

const day_ms = 86_400_000

describe.skipIf(!opensslInstalled())('certificates (skips without openssl)', () => {
  const { ca, cert, key } = opensslInstalled() ? makeCertificates() : { ca: '', cert: '', key: '' }
  const config = () =>
    loadConfig({
      settings: {
        listen: { tls: { mode: 'require', cert, key } },
        upstream: { tls: { mode: 'verify-ca', ca } },
      },
    })
  const told = (now_ms: number) =>
    certificateNotices(config(), now_ms).map(({ option, message }) => [
      option,
      /is not valid before|has expired at|expires at/.exec(message)?.[0],
    ])

  test('are told of before, at the end of and after their time', () => {
    const now_ms = Date.now()
    const both = (words: string) =>
      ['listen.tls.cert', 'upstream.tls.ca'].map((one) => [one, words])
    expect(told(now_ms)).toEqual(both('expires at'))
    expect(told(now_ms + 2 * day_ms)).toEqual(both('has expired at'))
    expect(told(now_ms - 2 * day_ms)).toEqual(both('is not valid before'))
  })

  test('are looked at again and again, by the configuration of the moment', async () => {
    const warned: unknown[] = []
    let current = config()
    const warn = (notice: object) => void warned.push(Reflect.get(notice, 'option'))
    const end = watchCertificates(() => current, { warn }, 5)
    expect(warned).toEqual(['listen.tls.cert', 'upstream.tls.ca'])
    await expect.poll(() => warned.length).toBeGreaterThan(3)
    current = loadConfig({ settings: { listen: { tls: { mode: 'require', cert, key } } } })
    warned.length = 0
    await expect.poll(() => warned.length).toBeGreaterThan(3)
    await end()
    expect(new Set(warned)).toEqual(new Set(['listen.tls.cert']))
  })
})
