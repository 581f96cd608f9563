// Packs a directory into a .tar.xz or a .deb whose bytes depend on its content alone.
import { chmodSync, readdirSync, statSync, utimesSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { runTool } from '../executable/run.mjs'

/** `directory` and all below, as `to`; with what is in it readable for all, owned by root, of the time `epoch`. */
export function tarXz(directory, name, to, { epoch, level }) {
  settle(join(directory, name), epoch)
  const tar = ['tar', '--sort=name', '--format=ustar', '--owner=root:0', '--group=root:0', `--mtime=@${epoch}`]
  const tarFile = `${to}.tar`
  runTool([...tar, '-C', directory, '-cf', tarFile, name])
  runTool(['xz', `-${level}`, '-T1', '--suffix=.half', '--force', tarFile])
  runTool(['mv', `${tarFile}.half`, to])
}

/** `directory` with a DEBIAN/control in it, as a Debian package. */
export function deb(directory, to, { epoch, level }) {
  settle(directory, epoch)
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(epoch) }
  const half = join(dirname(to), `.${process.pid}.deb`)
  // With more threads xz cuts its input into blocks, and the bytes depend on how many.
  runTool(['dpkg-deb', '--root-owner-group', '--threads-max=1', '-Zxz', `-z${level}`, '--build', directory, half], {
    env,
  })
  runTool(['mv', half, to])
}

function settle(path, epoch) {
  const isDirectory = statSync(path).isDirectory()
  const isProgram = !isDirectory && (statSync(path).mode & 0o100) !== 0
  chmodSync(path, isDirectory || isProgram ? 0o755 : 0o644)
  if (isDirectory) for (const name of readdirSync(path)) settle(join(path, name), epoch)
  utimesSync(path, epoch, epoch)
}
