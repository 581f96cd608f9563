// Formats times for people: in local time, with the day if it is not today.
const TIME = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const DAY_AND_TIME = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
})

/** `10:15:23`, on another day `20 Nov, 10:15:23`; local time. */
export function clockText(atMs: number, nowMs: number): string {
  const today = new Date(atMs).toDateString() === new Date(nowMs).toDateString()
  return (today ? TIME : DAY_AND_TIME).format(atMs)
}
