# Murmuration in an image: one binary with Swift's libraries inside it, on Debian's slim tree, for a user without rights and a root file system that
# is read only. Both stages are scripts, which the tests run without a container engine (tests/kubernetes/test_image.py).
FROM swift:6.3-bookworm AS build
WORKDIR /source
COPY . .
RUN docker/build /out

FROM debian:12-slim
COPY --from=build /out /
RUN murmur-install
USER 10001:10001
WORKDIR /var/lib/murmur
ENV MURMUR_HTTP=:7480 MURMUR_CLUSTER=:7481 MURMUR_WEB_DIR=/usr/share/murmur/web
EXPOSE 7480/tcp 7481/tcp 7481/udp
VOLUME /var/lib/murmur
ENTRYPOINT ["murmur"]
CMD ["standalone", "--data-dir", "/var/lib/murmur"]
