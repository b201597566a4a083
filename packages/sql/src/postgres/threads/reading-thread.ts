import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { Reply, Request, ThreadTerms } from './messages.ts'
import { readerOf } from './read-request.ts'

/** One request at a time: whoever asks waits for the answer before the next. */
function serve(port: MessagePort, terms: ThreadTerms): void {
  const read = readerOf(terms)
  port.on('message', (request: Request) => {
    const failed: Reply = { kind: 'failed' }
    read(request).then(
      reply => port.postMessage(reply),
      () => port.postMessage(failed),
    )
  })
}

if (parentPort !== null) serve(parentPort, workerData)
