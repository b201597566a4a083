import { defineConfig, type Options } from 'tsup'

/** One build for every package: each subpath of its exports map is an entry of its own. */
export const build = (entry: Record<string, string>, more: Options = {}): ReturnType<typeof defineConfig> =>
  defineConfig({
    entry,
    format: 'esm',
    target: 'node20',
    platform: 'neutral',
    // The demo runs what is built and reads no declarations: leaving them out is most of the time saved.
    dts: process.env['QUERYWARDEN_BUILD'] !== 'fast' && { compilerOptions: { composite: false, customConditions: [] } },
    clean: true,
    treeshake: true,
    ...more,
  })
