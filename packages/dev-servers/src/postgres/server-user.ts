/** The user and group that server processes run as, or null to run them as whoever runs this. */
export interface ServerUser {
  readonly uid: number
  readonly gid: number
}

/** `nobody` on every Linux distribution and the overflow id of the kernel (user_namespaces(7)). */
const NOBODY = 65534

/** PostgreSQL refuses to run as root, so root runs it as nobody. */
export const serverUser: ServerUser | null = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : null
