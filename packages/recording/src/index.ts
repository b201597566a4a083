export type {
  Anchor,
  AnchorSource,
  AnchorState,
  CheckpointSigner,
  Growth,
  SignedCheckpoint,
} from './anchoring/anchor.ts'
export type { CheckpointEvent } from './anchoring/anchor-lane.ts'
export { type Checkpoint, parseCheckpoint, partsOfOrigin } from './anchoring/checkpoint.ts'
export { commandSigner, keySigner, type RunCommand } from './anchoring/checkpoint-signer.ts'
export type { CheckpointOptions } from './anchoring/live-checkpoints.ts'
export {
  consistencyRanges,
  hashesOf,
  inclusionRanges,
  type LeafRange,
  MerkleRoot,
  rootOf,
} from './anchoring/merkle-tree.ts'
export { type AnchoredHead, type AnchorsRead, readAnchors } from './anchoring/read-anchors.ts'
export {
  type NoteSignature,
  parseNote,
  parseVerifierKey,
  type SignedNote,
  type VerifiedSignature,
  type VerifierKey,
  verifyNote,
} from './anchoring/signed-note.ts'
export { type TreeHead, verifyConsistency, verifyInclusion } from './anchoring/verify-proofs.ts'
export { type WitnessOptions, witnessAnchor } from './anchoring/witness-anchor.ts'
export { RecordingError, type RecordingErrorCode } from './errors.ts'
export { eventJson, type Json, type JsonObject } from './export/event-json.ts'
export { type EventLines, type ExportFormat, eventLines } from './export/event-line.ts'
export { OCSF_VERSION } from './export/ocsf.ts'
export { leafHash } from './format/chain.ts'
export type {
  EventStamp,
  IntentEvent,
  RecordedEvent,
  RecordedMessage,
  RecordedParameter,
  RecordedReason,
  RecordedSql,
  RecoveryMark,
  RefusedEvent,
  RowsEvent,
} from './format/event.ts'
export type { LogHeader, RecordedIdentity, RecordingHeader } from './format/file-header.ts'
export type { Bytes } from './format/frame-reader.ts'
export { type KeyEncryption, localKeys, type RandomBytes } from './format/keys.ts'
export type { ListedObject, Made, ObjectLock, ObjectStore, StoredPart } from './object-store/object-store.ts'
export { objectStoreAnchor, objectStoreCheckpoints, type Retention } from './object-store/s3-anchor.ts'
export type { Fetch, S3Options } from './object-store/s3-request.ts'
export { s3Store } from './object-store/s3-store.ts'
export type { StoreCredentials } from './object-store/sign-request.ts'
export { type RedactedSql, redactSql } from './redaction/redact-sql.ts'
export type { StatementHints } from './redaction/sql-secrets.ts'
export { cellText } from './replay/cell-text.ts'
export { colourLook, type Look, plainLook, type Role } from './replay/look.ts'
export { type Pace, pauseBetween } from './replay/pace.ts'
export { type RecordingSource, readEvents } from './replay/read-recording.ts'
export { type ResultPart, resultParts } from './replay/result-frames.ts'
export { sqlScript } from './replay/sql-script.ts'
export { PLAIN_REPLAY, type ReplayMoment, type ReplayOptions, renderReplay, tellRecording } from './replay/tell.ts'
export { clipped, visible } from './replay/visible.ts'
export { eventsWithin, parseReplayPoint, parseTime, type ReplayPoint, type ReplayWindow } from './replay/window.ts'
export { identityMatcher, type Matcher, matcher } from './search/pattern.ts'
export {
  ANY_RECORDING,
  asksForContents,
  type RecordingQuery,
  type SessionFacts,
  sessionMatcher,
} from './search/query.ts'
export type { StatementFacts } from './search/statement-facts.ts'
export {
  type Access,
  type AccessLog,
  type AccessLogOptions,
  listAccesses,
  type NotedAccess,
  openAccessLog,
} from './sinks/access-log.ts'
export { listRecordings, type RecordingSummary, readLogs } from './sinks/directory.ts'
export { type FetchOptions, type FetchReport, fetchRecordings } from './sinks/fetch-recordings.ts'
export { type FileRecorder, type FileRecorderOptions, fileRecorder } from './sinks/file-recorder.ts'
export type { FileSystem, OpenFile, OpenMode, ProcessMark } from './sinks/file-system.ts'
export {
  checkpointFileName,
  cosignedCheckpoints,
  folderAnchor,
  folderAnchorSource,
  noteFileSource,
} from './sinks/folder-anchor.ts'
export { nodeFiles } from './sinks/node-files.ts'
export { destroyValues, type ReadingOptions, readRecording } from './sinks/read-file.ts'
export type { RecoveryReport } from './sinks/recover.ts'
export {
  keepRetention,
  type RetentionOptions,
  type RetentionReport,
  type RetentionSweep,
} from './sinks/retention.ts'
export {
  type FoundRecording,
  rebuildIndex,
  type SearchOptions,
  type SearchResult,
  searchRecordings,
} from './sinks/search-recordings.ts'
export { type UploadSink, type UploadSinkOptions, type UploadState, uploadSink } from './sinks/upload.ts'
export {
  type DirectoryVerdict,
  type LogVerdict,
  type RecordingVerdict,
  type VerifyOptions,
  verifyDirectory,
} from './sinks/verify-directory.ts'
export {
  type Delivery,
  type EventStream,
  openEventStream,
  type StreamOptions,
  type StreamState,
} from './stream/event-stream.ts'
export { type SyslogEvent, type SyslogSeverity, syslogFrame } from './stream/syslog.ts'
export type { ClockJump } from './verifier/clock-watch.ts'
export type {
  LogContents,
  LoggedEntry,
  LogStanding,
  LogState,
  LogView,
  RecordingLog,
  SignedRoots,
} from './verifier/log-view.ts'
export { joinLogs, readInstanceLog } from './verifier/log-view.ts'
export type { LocalCheckpoint } from './verifier/signed-roots.ts'
export { type Evidence, type Examination, examineRecording, type Verdict, verifyRecording } from './verifier/verify.ts'
export { LAZY_WINDOW_MS, type Sleep } from './writer/commit-queue.ts'
export { DiskWatch } from './writer/disk-watch.ts'
export type { ParameterRecording } from './writer/entry-bodies.ts'
export type { EntryTap } from './writer/entry-tap.ts'
export type { InstanceLog, LogEntry, PreviousLog } from './writer/instance-log.ts'
export { openInstanceLog } from './writer/instance-log.ts'
export type { Head } from './writer/journal.ts'
export {
  type LiveRecorder,
  RECORDING_SUFFIX,
  type RecorderOptions,
  recorder,
  VALUES_SUFFIX,
} from './writer/recorder.ts'
export type { Durability } from './writer/session-context.ts'
export type { AppendFile, Storage, TailFile } from './writer/storage.ts'
