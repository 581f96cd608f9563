// Keeps the label objects of the previous scrape, so that what is derived from an object can be kept, too.
import type { Labels } from './family.ts'

/**
 * Returns, for the labels of the sample at position `i`, the object of the previous scrape if the labels are the same.
 * Without empty values, which in Prometheus mean the same as no label.
 */
export function createLabelReuse(): (i: number, labels: Labels) => Labels {
  const previous: Labels[] = []
  return (i, labels) => {
    const last = previous[i]
    if (last === labels || (last !== undefined && sameLabels(last, labels))) return last
    const kept = Object.values(labels).includes('') ? withoutEmpty(labels) : labels
    previous[i] = kept
    return kept
  }
}

function sameLabels(a: Labels, b: Labels): boolean {
  for (const name in b) if (a[name] !== b[name]) return false
  for (const name in a) if (!(name in b)) return false
  return true
}

function withoutEmpty(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ''))
}
