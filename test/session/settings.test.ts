import { beforeEach, describe, expect, it } from 'vitest'
import { Settings, splitList } from '../../src/session/settings.js'

let settings: Settings
const path = () => settings.get('search_path')

beforeEach(() => {
  settings = new Settings()
  settings.setDefault('search_path', ['public'])
})

describe('settings', () => {
  it('are default, then session, then local', () => {
    settings.begin()
    expect(path()).toEqual(['public'])
    settings.set('search_path', ['a'], false)
    settings.set('search_path', ['b'], true)
    expect(path()).toEqual(['b'])
    settings.commit()
    expect(path()).toEqual(['a'])
    settings.begin()
    settings.set('search_path', ['c'], true)
    settings.set('search_path', ['d'], false)
    expect(path()).toEqual(['d'])
    settings.set('search_path', null, false)
    expect(path()).toEqual(['public'])
  })

  it('go back to the default by SET LOCAL … TO DEFAULT, for the transaction', () => {
    settings.set('search_path', ['a'], false)
    settings.begin()
    settings.set('search_path', null, true)
    expect(path()).toEqual(['public'])
    settings.commit()
    expect(path()).toEqual(['a'])
  })

  it('are undone by rollback, to where the transaction began', () => {
    settings.begin()
    settings.set('search_path', ['a'], false)
    settings.commit()
    settings.begin()
    settings.set('search_path', ['b'], false)
    settings.set('role', ['bob'], true)
    settings.rollback()
    expect([path(), settings.get('role')]).toEqual([['a'], undefined])
  })

  it('nest in savepoints, the newest of a name counting', () => {
    settings.begin()
    settings.set('search_path', ['a'], false)
    settings.savepoint('s')
    settings.set('search_path', ['b'], false)
    settings.savepoint('s')
    settings.set('search_path', ['c'], true)
    settings.rollbackTo('s')
    expect(path()).toEqual(['b'])
    settings.set('search_path', ['d'], false)
    settings.rollbackTo('s')
    expect(path()).toEqual(['b'])
    settings.release('s')
    settings.rollbackTo('s')
    expect(path()).toEqual(['a'])
    settings.release('nosuch')
    settings.rollbackTo('nosuch')
    settings.commit()
    expect(path()).toEqual(['a'])
  })

  it('lose inner savepoints with an outer one', () => {
    settings.begin()
    settings.savepoint('outer')
    settings.set('search_path', ['a'], false)
    settings.savepoint('inner')
    settings.set('search_path', ['b'], false)
    settings.release('outer')
    settings.rollbackTo('inner')
    expect(path()).toEqual(['b'])
    settings.rollback()
    expect(path()).toEqual(['public'])
  })

  it('are all reset but the role and the session user', () => {
    settings.begin()
    settings.set('session_authorization', ['carol'], false)
    settings.set('role', ['bob'], true)
    settings.set('search_path', ['a'], false)
    settings.set('pgwitness.user_info', ['x'], true)
    settings.resetAll()
    expect(path()).toEqual(['public'])
    expect(settings.get('pgwitness.user_info')).toBeUndefined()
    expect(settings.get('session_authorization')).toEqual(['carol'])
    expect(settings.get('role')).toEqual(['bob'])
    settings.commit()
    expect(settings.get('role')).toEqual(['none'])
  })

  it('follow no other names', () => {
    const before = settings.version
    settings.set('work_mem', ['4MB'], false)
    settings.setDefault('work_mem', ['4MB'])
    settings.report('TimeZone', ['UTC'])
    expect(settings.get('work_mem')).toBeUndefined()
    expect(settings.version).toBe(before)
  })

  it('have a new version for every change, and the old one where nothing changed', () => {
    const versions = [settings.version]
    const note = (change: () => void) => {
      change()
      versions.push(settings.version)
    }
    note(() => settings.begin())
    note(() => settings.set('search_path', ['a'], false))
    note(() => settings.rollback())
    note(() => settings.doubt('settings'))
    note(() => settings.doubt('settings'))
    note(() => settings.report('search_path', ['public']))
    note(() => settings.report('search_path', ['public']))
    note(() => settings.commit())
    const changed = versions.slice(1).map((version, index) => version !== versions[index])
    expect(changed).toEqual([false, true, true, true, false, true, false, false])
  })

  it('are in doubt until search_path and role are set again', () => {
    settings.doubt('settings')
    settings.doubt('role')
    expect(settings.doubted).toBe(true)
    settings.set('search_path', ['a'], false)
    expect(settings.doubted).toBe(true)
    settings.set('role', ['bob'], false)
    expect(settings.doubted).toBe(false)
  })

  it('are in doubt about the role even where the server reports search_path', () => {
    settings.report('search_path', ['a'])
    settings.doubt('settings')
    expect(settings.doubted).toBe(false)
    settings.doubt('role')
    expect(settings.doubted).toBe(true)
  })

  it('keep a doubt that no rollback undoes', () => {
    settings.begin()
    settings.doubt('settings')
    settings.rollback()
    expect(settings.doubted).toBe(false)
    settings.begin()
    settings.doubtForGood()
    settings.rollback()
    expect(settings.doubted).toBe(true)
  })

  it('take what the server reports at the login for what RESET goes back to', () => {
    settings.report('search_path', ['reported'], true)
    settings.set('search_path', ['a'], false)
    settings.set('search_path', null, false)
    expect(path()).toEqual(['reported'])
    settings.report('search_path', ['later'])
    settings.set('search_path', null, false)
    expect(path()).toEqual(['reported'])
  })
})

describe('splitList', () => {
  it.each([
    ['', []],
    ['"$user", public', ['$user', 'public']],
    ['A,"B c","d""e" ,  F', ['a', 'B c', 'd"e', 'f']],
    ['"a,b", c', ['a,b', 'c']],
    ['ÄB', ['Äb']],
    ['""', ['']],
  ])('%s', (text, items) => {
    expect(splitList(text)).toEqual(items)
  })

  it('is quick for what matches nowhere', () => {
    expect(splitList('"'.repeat(200_001))).toBeInstanceOf(Array)
    expect(splitList(`${'a'.repeat(200_000)} b`)).toBeInstanceOf(Array)
    expect(splitList(' '.repeat(200_000))).toEqual([])
  })

  it('takes items of many megabytes', () => {
    const name = 'a'.repeat(20_000_000)
    expect(splitList(`"${name}", b`).map((item) => item.length)).toEqual([name.length, 1])
    expect(splitList(`${name},"${'""'.repeat(500_000)}"`)).toHaveLength(2)
  })
})

describe('names of schemas', () => {
  it('are cut as the server cuts them, never within a character', () => {
    const long = `${'x'.repeat(62)}éé`
    const settings = new Settings()
    settings.set('search_path', [long, 'ä'], false)
    expect(settings.get('search_path')).toEqual(['x'.repeat(62), 'ä'])
    settings.report('search_path', ['y'.repeat(64)])
    expect(settings.get('search_path')).toEqual(['y'.repeat(63)])
    settings.set('role', [long], false)
    expect(settings.get('role')).toEqual([long])
  })
})
