/** One grant of an access control list. */
export interface AclItem {
  /** Role name, unquoted; '' is PUBLIC. */
  readonly grantee: string
  /** Privilege letters as in the server's ACL_ALL_RIGHTS_STR (acl.h), grant options left out. */
  readonly privileges: string
}

/** An access control list; undefined in place of one means that the catalog holds NULL. */
export type Acl = readonly AclItem[]

/** Splits the text form of a one-dimensional array (array_out) into its elements. */
function arrayElements(text: string): string[] {
  const elements: string[] = []
  let element = ''
  let quoted = false
  for (let at = 1; at < text.length - 1; at += 1) {
    const character = text[at] ?? ''
    if (character === '\\') {
      at += 1
      element += text[at] ?? ''
    } else if (character === '"') quoted = !quoted
    else if (character === ',' && !quoted) {
      elements.push(element)
      element = ''
    } else element += character
  }
  if (text.length > 2) elements.push(element)
  return elements
}

/** Reads `grantee=privileges/grantor`; role names are quoted as putid does (acl.c). */
function parseItem(item: string): AclItem {
  let grantee = ''
  let at = 0
  let quoted = false
  for (; at < item.length && (quoted || item[at] !== '='); at += 1) {
    if (item[at] !== '"') grantee += item[at]
    else if (quoted && item[at + 1] === '"') {
      grantee += '"'
      at += 1
    } else quoted = !quoted
  }
  const end = item.indexOf('/', at)
  const privileges = item.slice(at + 1, end === -1 ? undefined : end).replaceAll('*', '')
  return { grantee, privileges }
}

/** Reads the text form of an aclitem array as aclitemout and array_out write it. */
export function parseAcl(text: string): Acl {
  return arrayElements(text).map(parseItem)
}
