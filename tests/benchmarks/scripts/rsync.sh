# What people write next: rsync --link-dest into a folder of its own, a symlink, a reload.
set -euo pipefail
vps() { ssh -F "$SSH_CONFIG" vps "APP='$APP' NAME='$NAME' RELEASE='$RELEASE' PORT='$PORT' bash --login -e"; }

deploy() {
    echo step checkout
    git clone -q "$REPO" "$WORK" && cd "$WORK/backend" && git checkout -q "$REVISION"
    echo step build
    npm ci --include=dev
    npx prisma generate
    npm run build
    # PM2 would go on with the folder of the first release, silently, if it were left as it is
    sed -i "s#cwd: __dirname#cwd: '$APP/current'#" ecosystem.config.js
    echo step upload
    ssh -F "$SSH_CONFIG" vps "mkdir -p '$APP/releases' '$APP/logs'"
    rsync -az -e "ssh -F $SSH_CONFIG" --link-dest=../../current/ dist node_modules prisma package.json package-lock.json \
        tsconfig.json ecosystem.config.js .env.example prisma.config.ts "vps:$APP/releases/$RELEASE/"
    vps <<'VPS'
main() {
    cd "$APP/releases/$RELEASE"
    sed /^RELEASE_ID/d ~/.env > .env
    echo "RELEASE_ID=$RELEASE" >> .env
    ln -s ../../logs logs
    echo step migrate
    npx prisma migrate deploy
    echo step reload
    ln -s "releases/$RELEASE" "$APP/current.new" && mv -T "$APP/current.new" "$APP/current"
    cd "$APP/current" && pm2 startOrReload ecosystem.config.js --env production
    pm2 save
    cd "$APP/releases" && ls -dt */ | tail -n +7 | xargs rm -rf
    echo step health
    curl -fsS --retry 5 --retry-delay 1 --retry-connrefused "http://127.0.0.1:$PORT/health"
}
main < /dev/null
VPS
}

rollback() {
    vps <<'VPS'
main() {
    echo step reload
    cd "$APP/releases"
    BEFORE=$(ls -t | grep -A 1 -x "$(basename "$(readlink ../current)")" | tail -n 1)
    ln -s "releases/$BEFORE" ../current.new && mv -T ../current.new ../current
    cd ../current && pm2 startOrReload ecosystem.config.js --env production
    echo step health
    curl -fsS --retry 5 --retry-delay 1 --retry-connrefused "http://127.0.0.1:$PORT/health"
}
main < /dev/null
VPS
}
"$1"
