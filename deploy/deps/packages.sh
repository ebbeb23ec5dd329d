# The Debian packages behind each set of deploy/install-deps.sh; sourced, never run.
# shellcheck shell=bash disable=SC2034

# What building needs. GoogleTest belongs here because one CMake project holds code and tests.
build_packages=(
  g++ cmake ninja-build ccache mold pkg-config git
  ca-certificates python3-minimal python3-pip
  libgrpc++-dev protobuf-compiler protobuf-compiler-grpc libprotobuf-dev libabsl-dev
  libdnnl-dev libhwy-dev libeigen3-dev
  libyaml-cpp-dev nlohmann-json3-dev libcli11-dev libspdlog-dev
  prometheus-cpp-dev libsqlite3-dev libpq-dev libssl-dev
  libgtest-dev libgmock-dev
)

# What a machine needs that only runs the binaries (the container image does).
runtime_packages=(
  ca-certificates openssl
  libgrpc++1.51 libprotobuf32 libabsl20220623
  libdnnl2 libhwy1
  libyaml-cpp0.7 libspdlog1.10 libfmt9
  libprometheus-cpp-pull1.0 libprometheus-cpp-core1.0
  libsqlite3-0 libpq5 libssl3
)

# What the tests and checks need beyond that. llvm-14 has the symbolizer that turns sanitizer reports into lines.
test_packages=(
  clang-14 libclang-rt-14-dev llvm-14 clang-format-14
  shellcheck docker-compose openssl procps postgresql
  openjdk-17-jre-headless  # Apache Spark
)

# What rebuilding Abseil for the thread sanitizer needs.
tsan_packages=(clang-14 libclang-rt-14-dev llvm-14 dpkg-dev)

# What running the containers needs (docs/containers.md).
container_packages=(docker.io docker-compose iptables debootstrap)
