// How the tests run: every file in its own process (a rig dies with its owner), few at a time.
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** The longest file begins first, so that the others run beside it. */
class FuzzFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isFuzz = ({ moduleId }: TestSpecification) => moduleId.endsWith('/test/fuzz/fuzz.test.ts')
    const sorted = await super.sort(files)
    return [...sorted.filter(isFuzz), ...sorted.filter((file) => !isFuzz(file))]
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globals: false,
    pool: 'forks',
    maxWorkers: 3,
    sequence: { sequencer: FuzzFirst },
    testTimeout: 120_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    restoreMocks: true,
    unstubEnvs: true,
  },
})
