# The server as an image: compiled, with the dependencies of production only, as a user without a name.
# It uses a PostgreSQL given by DATABASE_URL; the embedded one is for checkouts.
# Debian, not Alpine: the native socket library needs glibc.

FROM node:22-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# Without install scripts: the package "node" would fetch a second Node.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY script script
COPY protocol protocol
COPY client-sdk client-sdk
COPY server server
RUN script/build --installed
RUN npm prune --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund \
  # The socket library carries binaries for every platform and Node; 127 is the ABI of Node 22.
  && find node_modules/uWebSockets.js -name '*.node' ! -name "*linux_$(node -p process.arch)_127.node" -delete

FROM node:22-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
USER 10001:10001
EXPOSE 3001 3002
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.HTTP_PORT || 3002}/health/live`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Node itself is process 1, so that SIGTERM reaches the drain; stop with more patience than UTALK_DRAIN_WINDOW_MS.
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "dist/server/cli/main.js"]
CMD ["serve"]
