export const logLevels = ['debug', 'info', 'error'] as const;

export type LogLevel = (typeof logLevels)[number];

export type Logger = Record<LogLevel, (message: string) => void>;

export function isLogLevel(text: string): text is LogLevel {
  return (logLevels as readonly string[]).includes(text);
}

/** Plain lines: PM2 adds the time and keeps the files. */
export function createLogger(threshold: LogLevel): Logger {
  const at = (level: LogLevel) => (message: string) => {
    if (logLevels.indexOf(level) < logLevels.indexOf(threshold)) return;
    (level === 'error' ? console.error : console.log)(`${level} ${message}`);
  };
  return { debug: at('debug'), info: at('info'), error: at('error') };
}
