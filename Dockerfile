# The image of pgwitness. Build: docker build -t pgwitness .
#
# Run:   docker run --init --read-only -p 7432:7432 -v audit:/var/lib/pgwitness \
#          -e PGWITNESS_UPSTREAM_HOST=db.example.net pgwitness
#
# The process ends in order on SIGTERM by itself (exec form, no shell before it); --init reaps what
# `docker exec` leaves behind. Nothing is written outside of /var/lib/pgwitness, so the root file
# system may be read-only. Give it longer to stop than `drain` (20 s): docker stop -t 30.

FROM node:24.20.0-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build

FROM node:24.20.0-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# Without the embedded PostgreSQL of `pgwitness demo`, which is the one optional package.
RUN npm ci --omit=dev --omit=optional

FROM node:24.20.0-slim
ENV NODE_ENV=production
# What a container needs: a published port leads to its own address, not to its loopback.
ENV PGWITNESS_LISTEN_HOST=0.0.0.0
ENV PGWITNESS_LISTEN_PORT=7432
ENV PGWITNESS_AUDIT_DIRECTORY=/var/lib/pgwitness/audit
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE README.md ./
COPY config ./config
COPY docs ./docs
COPY scripts/healthcheck.mjs ./scripts/healthcheck.mjs
# A new named volume takes over this directory's owner and mode.
RUN install -d -o node -g node -m 0700 /var/lib/pgwitness
VOLUME /var/lib/pgwitness
USER node
EXPOSE 7432
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
  CMD ["node", "/app/scripts/healthcheck.mjs"]
ENTRYPOINT ["node", "/app/dist/main.js"]
CMD ["run"]
