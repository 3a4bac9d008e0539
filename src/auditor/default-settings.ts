import type { SessionCatalog } from '../catalog/names.js'
import type { SessionState } from '../session/session-state.js'
import { splitList } from '../session/settings.js'
import { startupSettings } from './startup-settings.js'

/**
 * What a session's settings are before it sets any. Defaults of role and database count from the
 * login on; the catalog may know them a little later. What the server itself reports is newer than
 * any snapshot.
 */
export class DefaultSettings {
  /** True when they are known, or when there is nothing to learn them from. */
  known = false
  /** True when the server says itself what its search_path is (PostgreSQL 18 does). */
  search_path_reported = false

  /** What the startup packet says, and what every server begins with. */
  begin(state: SessionState, startup: ReadonlyMap<string, string>): void {
    state.settings.setDefault('search_path', ['$user', 'public'])
    for (const [name, value] of startupSettings(startup)) {
      state.settings.setDefault(name, splitList(value))
    }
  }

  /** Asks the catalog; true when it has just told. */
  learn(
    names: SessionCatalog,
    state: SessionState,
    user: string,
    startup: ReadonlyMap<string, string>,
  ): boolean {
    const defaults = names.default_settings(user)
    if (this.known || defaults.size === 0) return false
    this.known = true
    const from_startup = startupSettings(startup)
    for (const [name, value] of defaults) {
      if (name === 'search_path' && this.search_path_reported) continue
      if (!from_startup.has(name)) state.settings.setDefault(name, splitList(value))
    }
    const is_told = this.search_path_reported || from_startup.has('search_path')
    if (!is_told && names.defaults_in_doubt) state.settings.doubt('search_path')
    return true
  }
}
