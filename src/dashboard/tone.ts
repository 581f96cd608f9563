// What a colour and an icon of the page mean.
export type Tone = 'ok' | 'bad' | 'warn' | 'idle' | 'busy' | 'unknown'
