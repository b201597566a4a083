import { decodeErrorResponse } from '@querywarden/wire/postgres'
import { type Answer, isAsynchronous, isOfGateway, messageOf } from './answers.ts'
import { isDeadly, isQuery, type Move, tellMove } from './moves.ts'
import { isBadCopyData } from './vocabulary.ts'

/** A Query, or all messages of the extended protocol up to a Sync or Flush, and what became of it. */
export interface Part {
  /** The place of its first message. */
  readonly from: number
  /** The places of its messages, without the Sync or Flush. */
  readonly places: readonly number[]
  readonly kind: 'query' | 'asks'
  /** The transaction's status ahead of it, as ReadyForQuery has it. */
  readonly status: string
  /** The error that it ended with, and the place of the message that the error came in answer to. */
  readonly error: { readonly answer: Answer; readonly place: number; readonly isOfGateway: boolean } | null
}

/** What a stream of answers says about the messages that it answers. */
export interface Walked {
  readonly parts: readonly Part[]
  /** From which message on nothing counts, because the session was ended for it. */
  readonly diedAt: number | null
  /** Why messages and answers don't fit together. */
  readonly problem: string | null
  /** Why what comes is a matter of time, and can't be compared. */
  readonly race: string | null
}

/** Goes through messages and answers together, as the manual's chapter on message flow has it. */
export function walk(moves: readonly Move[], answers: readonly Answer[]): Walked {
  const walker = new Walker(moves, answers)
  try {
    walker.run()
  } catch (error) {
    if (error instanceof Dead) return { ...walker.walked(), diedAt: error.at }
    if (error instanceof Race) return { ...walker.walked(), race: error.message }
    if (error instanceof Misfit) return { ...walker.walked(), problem: error.message }
    throw error
  }
  return walker.walked()
}

class Misfit extends Error {}
class Race extends Error {}
class Dead extends Error {
  readonly at: number

  constructor(at: number) {
    super('the session was ended')
    this.at = at
  }
}

class Walker {
  readonly #moves: readonly Move[]
  readonly #answers: readonly Answer[]
  readonly #parts: Part[] = []
  #answered = 0
  #at = 0
  #asks: number[] = []
  #mode: 'normal' | 'skipping' | 'copy-in-query' | 'copy-in-extended' = 'normal'
  #isBad = false
  #status = 'I'
  /** A statement has run outside a transaction block, and no Sync has ended it. */
  #isOpen = false

  constructor(moves: readonly Move[], answers: readonly Answer[]) {
    this.#moves = moves
    this.#answers = answers
  }

  walked(): Walked {
    return { parts: this.#parts, diedAt: null, problem: null, race: null }
  }

  run(): void {
    for (;;) {
      const move = this.#moves[this.#at]
      if (move === undefined) break
      if (this.#mode === 'normal') this.#normal(move)
      else if (this.#mode === 'skipping') this.#skipped(move)
      else this.#inCopy(move)
    }
    if (this.#peek() !== undefined) throw new Misfit('there are more answers than messages')
  }

  #normal(move: Move): void {
    const place = this.#at
    this.#at += 1
    if (isDeadly(move)) throw new Dead(this.#asks[0] ?? place)
    if (isQuery(move) || (move.kind === 'function-call' && this.#asks.length === 0)) {
      this.#query(place)
      return
    }
    switch (move.kind) {
      case 'sync':
        this.#resolve()
        if (this.#isInCopy()) return
        this.#mode = 'normal'
        // It commits, and that may fail.
        if (this.#take('Z', 'E').tag === 'E') this.#take('Z')
        return
      case 'flush':
        this.#resolve()
        return
      case 'copy-data':
      case 'copy-done':
      case 'copy-fail':
        return
      default:
        this.#asks.push(place)
    }
  }

  #isInCopy(): boolean {
    return this.#mode === 'copy-in-query' || this.#mode === 'copy-in-extended'
  }

  #skipped(move: Move): void {
    if (isDeadly(move)) throw new Dead(this.#at)
    this.#at += 1
    if (move.kind !== 'sync') return
    this.#mode = 'normal'
    this.#take('Z')
  }

  #inCopy(move: Move): void {
    switch (move.kind) {
      case 'copy-data':
        this.#at += 1
        this.#isBad ||= isBadCopyData(move.text)
        return
      case 'copy-done':
      case 'copy-fail': {
        this.#at += 1
        const isSimple = this.#mode === 'copy-in-query'
        this.#isBad = false
        this.#mode = 'normal'
        if (isSimple) this.#untilReady()
        else if (this.#take('C', 'E').tag === 'E') this.#mode = 'skipping'
        return
      }
      default:
        // The server has ended the COPY by now, and whoever is between them can't know yet.
        if (this.#isBad) throw new Race('something other than COPY data came behind a bad row')
        if (move.kind !== 'sync' && move.kind !== 'flush') throw new Dead(this.#at)
        this.#at += 1
    }
  }

  #query(place: number): void {
    if (this.#asks.length > 0) {
      const from = this.#asks[0] ?? place
      // Whoever reads a batch whole may end the session over a Query in the midst of it.
      if (this.#isEnd()) throw new Dead(from)
      this.#resolve()
      if (this.#mode === 'skipping') return
    }
    if (this.#isEnd()) throw new Dead(place)
    // The server loses count itself: it stays in a transaction, or says XX000 (15 to 18).
    if (this.#isOpen) throw new Race('a Query came behind a statement that no Sync had ended')
    const part = { from: place, places: [place], kind: 'query', status: this.#status } as const
    const error = this.#untilReady()
    this.#parts.push({
      ...part,
      error: error === null ? null : { answer: error, place, isOfGateway: isOfGateway(error) },
    })
  }

  /** Reads the rest of a Query's answers, or up to where it wants data. */
  #untilReady(): Answer | null {
    let error: Answer | null = null
    for (;;) {
      const answer = this.#take()
      if (answer.tag === 'Z') return error
      if (answer.tag === 'E') error ??= answer
      if (answer.tag === 'G') {
        this.#mode = 'copy-in-query'
        return error
      }
    }
  }

  /** The answers to what came before a Sync or Flush. */
  #resolve(): void {
    const places = this.#asks
    this.#asks = []
    const from = places[0]
    if (from === undefined) return
    if (this.#isEnd()) throw new Dead(from)
    const part = { from, places, kind: 'asks', status: this.#status } as const
    for (const place of places) {
      const error = this.#answerTo(place)
      if (this.#isInCopy()) {
        this.#parts.push({ ...part, error: null })
        // Whoever decides a batch whole has taken the data in it for strays before it knows of a COPY.
        if (this.#moves.slice(place, this.#at).some(({ kind }) => kind.startsWith('copy-')))
          throw new Race('COPY data came ahead of the Sync of its Execute')
        this.#at = place + 1
        return
      }
      if (error === null) continue
      // SQL that names a statement or cursor means the one of the time of its Parse, and at the server that of its Execute.
      if (
        isExecute(this.#moves[place]) &&
        !isOfGateway(error) &&
        /^(cursor|prepared statement) .* does not exist$/.test(messageOf(error))
      )
        throw new Race('SQL named an object that was not there when it was parsed')
      this.#parts.push({
        ...part,
        error: { answer: error, place, isOfGateway: isOfGateway(error) },
      })
      this.#mode = 'skipping'
      return
    }
    this.#parts.push({ ...part, error: null })
  }

  /** Takes what is due for one message; gives the error, if that is what came. */
  #answerTo(place: number): Answer | null {
    const move = this.#moves[place]
    const due = (...tags: readonly string[]): Answer | null => {
      const answer = this.#take(...tags, 'E')
      return answer.tag === 'E' ? answer : null
    }
    switch (move?.kind) {
      case 'parse':
        return due('1')
      case 'bind':
        return due('2')
      case 'close':
        return due('3')
      case 'describe':
        return move.what === 'portal' ? due('T', 'n') : (due('t') ?? due('T', 'n'))
      case 'execute':
        return this.#execution()
      case 'malformed':
      case 'function-call':
        return due()
      default:
        throw new Misfit(`${move === undefined ? 'nothing' : tellMove(move)} has no answer`)
    }
  }

  #execution(): Answer | null {
    for (;;) {
      const answer = this.#take('D', 'C', 's', 'I', 'H', 'd', 'c', 'G', 'E')
      this.#isOpen ||= this.#status === 'I'
      if (answer.tag === 'G') this.#mode = 'copy-in-extended'
      if (answer.tag === 'E') return answer
      if (['C', 's', 'I', 'G'].includes(answer.tag)) return null
    }
  }

  /** Whether the session's end is what comes next. */
  #isEnd(): boolean {
    const next = this.#peek()
    return next === undefined || next.tag === 'closed' || isFatal(next)
  }

  #peek(): Answer | undefined {
    let answer = this.#answers[this.#answered]
    while (answer !== undefined && isAsynchronous(answer)) answer = this.#answers[++this.#answered]
    return answer
  }

  #take(...tags: readonly string[]): Answer {
    const answer = this.#peek()
    this.#answered += 1
    if (answer === undefined) throw new Misfit('there are fewer answers than messages')
    if (tags.length > 0 && !tags.includes(answer.tag))
      throw new Misfit(`answer ${this.#answered - 1} is ${answer.tag}, and ${tags.join(' or ')} is due`)
    if (answer.tag === 'Z') {
      this.#status = answer.body.toString()
      this.#isOpen = false
    }
    if (answer.tag === 'closed' || answer.tag === 'silence')
      throw new Misfit(`answer ${this.#answered - 1}: ${answer.tag}`)
    return answer
  }
}

const isExecute = (move: Move | undefined): boolean => move?.kind === 'execute'
const isFatal = (answer: Answer): boolean =>
  answer.tag === 'E' && decodeErrorResponse(answer.body).fields.get('V') === 'FATAL'
