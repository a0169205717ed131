ARG GO_IMAGE=golang:1.26-bookworm

FROM ${GO_IMAGE} AS build
# Set GOPROXY to build with your own module proxy.
ARG GOPROXY
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -pgo=cmd/interlock/serve.pgo -ldflags="-s -w" -o /interlock ./cmd/interlock && mkdir -m 700 /store

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /interlock /interlock
# A volume that is mounted here gets this owner.
COPY --from=build --chown=65532:65532 /store /var/lib/interlock
ENV INTERLOCK_STORE=memory
USER 65532:65532
EXPOSE 8426
HEALTHCHECK --interval=5s --timeout=3s --start-period=5s CMD ["/interlock", "healthcheck"]
ENTRYPOINT ["/interlock"]
