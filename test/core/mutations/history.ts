// The rules of the history of a unit and of the evidence from it, each broken once.
import type { ByFile } from './mutation.ts'

export const HISTORY: ByFile = {
  'explain/history.ts': [
    ['a crash before the history makes it incomplete', 'if (lastCrash === null) return', 'if (true) return'],
    ['the last crash before the history has its time', 'isTimeKnown ? Math.min', 'false ? Math.min'],
    ['while the clock is not synchronised, nothing has a day', 'clockSynced ? Math.max(1', 'true ? Math.max(1'],
    ['a signature is counted once', 'count: (known?.count ?? 0) + crashes', 'count: crashes'],
    ['a signature keeps its first time', 'first: known?.first ?? at', 'first: at'],
    ['a cause that was forgotten is unknown', 'dropped === undefined ? 0 : endOf(dropped, at)', '0'],
    ['what was dropped without a clock is unknown', 'at < 0 ? droppedBefore(same, at) : 0', '0'],
    ['what happened before the clock was set back is unknown', 'isSetBack ? at : uncounted', 'uncounted'],
    ['a clock may be corrected', 'uncounted) > at + HOUR', 'uncounted) > at - HOUR'],
    [
      'a moved crash is no longer counted where it was',
      'entry.count > 1 ? { ...entry, count: entry.count - 1 } : []',
      'entry',
    ],
    ['a moved crash is counted where it belongs', 'count: known.count + 1', 'count: known.count'],
    ['24 hours are not known after a gap', 'Math.floor(uncounted / HOUR) <= hour - HOURS_OF_CAUSE', 'true'],
    ['7 days are not known after a gap', 'Math.floor(uncounted / DAY) <= day - DAYS_OF_CAUSE', 'true'],
    ['nothing is dated later than now', 'Math.min(now, Math.floor(bootedAtMs', 'Math.max(0, Math.floor(bootedAtMs'],
    ['what is not dated at a reboot never is', 'days: datedOnly(history.days, DAY_ROW)', 'days: history.days'],
    ['crashes without a date in an earlier boot are missing', 'uncounted: isMissing ? -1', 'uncounted: isMissing ? 0'],
  ],
  'explain/rows.ts': [
    ['a day that ended is not added to', 'if (last !== key) return recent', 'if (last === undefined) return recent'],
    ['what is later than now counts with now', 'key >= 0 && last > key', 'false'],
    ['what is too old is dropped', 'key > newest - window', 'true'],
  ],
  'explain/histories.ts': [
    [
      'not more histories than the limit',
      'if (kept.length <= HISTORIES_AT_MOST) return units',
      'if (true) return units',
    ],
    ['the histories of units that crashed last are kept', 'crashedAt(b) - crashedAt(a)', 'crashedAt(a) - crashedAt(b)'],
    ['the signature of the event is the one that is replaced', 'const from = former ??', 'const from ='],
  ],
}
