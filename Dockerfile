# The gateway in a small image: built in one stage, run in another, as a user without rights.
FROM rust:1.95-trixie AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked -p proxy --bin countersign

FROM debian:trixie-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --home-dir /var/lib/countersign --create-home countersign
COPY --from=build /src/target/release/countersign /usr/local/bin/countersign
USER countersign
VOLUME /var/lib/countersign
EXPOSE 8080 8081
ENTRYPOINT ["countersign"]
CMD ["serve"]
