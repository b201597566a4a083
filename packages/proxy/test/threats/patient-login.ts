import { type RawClient, rawLogin } from '../raw-client.ts'

const TRIES_MAX = 100
const WAIT_MS = 100

/** Logs in, again if need be: a gateway in a process that has been busy takes nobody for a moment (threats O1). */
export async function patientLogin(...login: Parameters<typeof rawLogin>): Promise<RawClient> {
  for (let tries = 1; ; tries++) {
    try {
      return await rawLogin(...login)
    } catch (error) {
      if (tries === TRIES_MAX) throw error
      await new Promise(resolve => setTimeout(resolve, WAIT_MS))
    }
  }
}
