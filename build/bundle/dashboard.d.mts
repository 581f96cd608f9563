// The types of dashboard.mjs, for tests.
export function dashboard(): Promise<{ readonly page: string; readonly script: string; readonly style: string }>
