export const greeting = 'Welcome to Blue Video';
