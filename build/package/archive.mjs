// Packs a directory into a reproducible .tar.xz or .deb, whose bytes depend only on its content.
import { chmodSync, readdirSync, statSync, utimesSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { runTool } from '../executable/run.mjs'

/** Packs `name` in `directory` as `to`: files are readable for all, owned by root, and dated `epoch`. */
export function tarXz(directory, name, to, { epoch, level }) {
  normalize(join(directory, name), epoch)
  const tar = ['tar', '--sort=name', '--format=ustar', '--owner=root:0', '--group=root:0', `--mtime=@${epoch}`]
  const tarFile = `${to}.tar`
  runTool([...tar, '-C', directory, '-cf', tarFile, name])
  runTool(['xz', `-${level}`, '-T1', '--suffix=.partial', '--force', tarFile])
  runTool(['mv', `${tarFile}.partial`, to])
}

/** Packs `directory`, which contains DEBIAN/control, as a Debian package. */
export function deb(directory, to, { epoch, level }) {
  normalize(directory, epoch)
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(epoch) }
  const partial = join(dirname(to), `.${process.pid}.deb`)
  // With several threads xz splits its input into blocks, and the bytes depend on the number of threads.
  runTool(['dpkg-deb', '--root-owner-group', '--threads-max=1', '-Zxz', `-z${level}`, '--build', directory, partial], {
    env,
  })
  runTool(['mv', partial, to])
}

function normalize(path, epoch) {
  const isDirectory = statSync(path).isDirectory()
  const isProgram = !isDirectory && (statSync(path).mode & 0o100) !== 0
  chmodSync(path, isDirectory || isProgram ? 0o755 : 0o644)
  if (isDirectory) for (const name of readdirSync(path)) normalize(join(path, name), epoch)
  utimesSync(path, epoch, epoch)
}
