module.exports = {
  apps: [
    {
      name: 'blue-video-backend',
      cwd: __dirname,
      script: './dist/server-local.js',
      instances: 2,
      exec_mode: 'cluster',
      env: { NODE_ENV: 'development' },
      env_production: { NODE_ENV: 'production', PORT: 3000 },
      out_file: './logs/out.log',
      error_file: './logs/err.log',
      merge_logs: true,
      time: true,
    },
  ],
};
