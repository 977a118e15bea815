// `pm2 deploy`, as PM2's own documentation shows it: the server fetches, installs, builds and reloads in place.
const { APP, SSH_PORT, SSH_USER, SSH_KEY, SSH_HOSTS, REPO, RELEASE } = process.env;
module.exports = {
  apps: [],
  deploy: {
    production: {
      user: SSH_USER,
      host: ['127.0.0.1'],
      port: SSH_PORT,
      key: SSH_KEY,
      ssh_options: [`UserKnownHostsFile=${SSH_HOSTS}`, 'IdentitiesOnly=yes'],
      ref: 'origin/main',
      repo: REPO,
      path: APP,
      'post-setup': 'cp ~/.env backend/.env',
      'post-deploy': [
        'cd backend',
        `sed -i /^RELEASE_ID/d .env && echo RELEASE_ID=${RELEASE} >> .env`,
        'echo step install && npm install',
        'npx prisma generate',
        'echo step build && npm run build',
        'echo step migrate && npx prisma migrate deploy',
        'echo step reload && pm2 startOrReload ecosystem.config.js --env production && pm2 save',
      ].join(' && '),
    },
  },
};
