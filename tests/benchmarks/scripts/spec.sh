# The workflow of the spec, as a plain script: `spec.sh deploy` or `spec.sh rollback`. Its steps 1 to 7.
set -euo pipefail
vps() { ssh -F "$SSH_CONFIG" vps "APP='$APP' NAME='$NAME' RELEASE='$RELEASE' PACKAGE='$PACKAGE' PORT='$PORT' bash --login -e"; }

build() {
    echo step checkout
    git clone -q "$REPO" "$WORK" && cd "$WORK/backend" && git checkout -q "$REVISION"
    echo step build
    npm ci --include=dev
    npx prisma generate
    npm run build
}

deploy() {
    build
    echo step package
    tar -czf backend-deploy.tar.gz dist node_modules prisma package.json package-lock.json tsconfig.json \
        ecosystem.config.js .env.example prisma.config.ts
    echo step upload
    scp -F "$SSH_CONFIG" -q backend-deploy.tar.gz "vps:$PACKAGE"
    vps <<'VPS'
main() {
    echo step extract
    mkdir -p "$APP/backups" && cd "$APP"
    BACKUP=backups/backup-$(date +%Y%m%d-%H%M%S)
    if [ -d current ]; then mv current "$BACKUP"; fi
    mkdir current
    tar -xzf "$PACKAGE" -C current/
    (cat "$BACKUP/.env" 2>/dev/null || cat ~/.env) | sed /^RELEASE_ID/d > current/.env
    echo "RELEASE_ID=$RELEASE" >> current/.env
    mkdir -p current/logs && cd current
    echo step install
    npm ci --omit=dev
    echo step migrate
    npx prisma migrate deploy
    npx prisma generate
    echo step reload
    if pm2 describe "$NAME" > /dev/null; then pm2 reload "$NAME"; else pm2 start ecosystem.config.js --env production; fi
    pm2 save
    cd .. && ls -dt backups/*/ | tail -n +6 | xargs rm -rf
    echo step health
    sleep 10
    curl -fsS --retry 5 --retry-delay 5 "http://127.0.0.1:$PORT/health"
}
main < /dev/null
VPS
}

rollback() {
    vps <<'VPS'
main() {
    cd "$APP"
    BACKUP=$(ls -d backups/*/ | tail -n 1)
    echo step switch
    rm -rf current
    cp -r "$BACKUP" current
    cd current
    echo step restart
    pm2 restart "$NAME"
    echo step health
    curl -fsS --retry 5 --retry-delay 1 --retry-connrefused "http://127.0.0.1:$PORT/health"
}
main < /dev/null
VPS
}
"$1"
