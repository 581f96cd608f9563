// What tests see of dashboard.mjs.
export function dashboard(): Promise<{ readonly html: string; readonly script: string; readonly style: string }>
