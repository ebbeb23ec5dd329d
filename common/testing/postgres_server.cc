#include "common/testing/postgres_server.h"

#include <csignal>
#include <filesystem>
#include <vector>

#include <gtest/gtest.h>
#include <pwd.h>
#include <unistd.h>

#include "common/testing/eventually.h"

namespace sda::testing {
namespace {

namespace fs = std::filesystem;

constexpr char kVersions[] = "/usr/lib/postgresql";
constexpr char kAsUser[] = "/usr/bin/setpriv";

// The folder of the newest version's programs; empty without one.
std::string Programs() {
  std::string found;
  std::error_code none;
  for (const auto& version : fs::directory_iterator(kVersions, none)) {
    const std::string folder = version.path() / "bin";
    if (fs::exists(folder + "/initdb") && folder > found) found = folder;
  }
  return found;
}

// The program refuses to run as root.
std::vector<std::string> AsOrdinaryUser(std::vector<std::string> command) {
  if (geteuid() == 0)
    command.insert(command.begin(),
                   {kAsUser, "--reuid", "postgres", "--regid", "postgres", "--clear-groups"});
  return command;
}

void Run(std::vector<std::string> command) {
  ChildProcess process(AsOrdinaryUser(std::move(command)));
  EXPECT_EQ(process.Wait(), 0) << process.standard_error();
}

}  // namespace

bool PostgresServer::IsInstalled() {
  if (Programs().empty()) return false;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): a test's set-up, before its threads
  return geteuid() != 0 || (getpwnam("postgres") != nullptr && fs::exists(kAsUser));
}

PostgresServer::PostgresServer() {
  if (geteuid() == 0) {
    const passwd* const user = getpwnam("postgres");  // NOLINT(concurrency-mt-unsafe): as above
    EXPECT_EQ(chown(folder_.path().c_str(), user->pw_uid, user->pw_gid), 0);
  }
  Run({Programs() + "/initdb", "-D", folder_ / "data", "-A", "trust", "-U", "sda", "-N", "-E", "UTF8",
       "--locale=C"});
  Start();
}

PostgresServer::~PostgresServer() {
  Stop();
}

void PostgresServer::Start() {
  process_ = std::make_unique<ChildProcess>(
      AsOrdinaryUser({Programs() + "/postgres", "-D", folder_ / "data", "-k", folder_.path(), "-c",
                      "listen_addresses=", "-c", "fsync=off", "-c", "full_page_writes=off", "-c",
                      "max_connections=200", "-c", "shared_buffers=32MB"}));
  const bool ready = Eventually([&] {
    ChildProcess ask({Programs() + "/pg_isready", "-q", "-h", folder_.path(), "-U", "sda", "-d", "postgres"});
    return ask.Wait() == 0;
  });
  EXPECT_TRUE(ready) << process_->standard_error();
}

void PostgresServer::Stop() {
  if (process_ == nullptr) return;
  process_->Signal(SIGINT);  // "fast": clients are cut off
  process_->Wait();
  process_.reset();
}

void PostgresServer::Execute(const std::string& sql) {
  Run({Programs() + "/psql", "-q", "-h", folder_.path(), "-U", "sda", "-d", "postgres", "-v",
       "ON_ERROR_STOP=1", "-c", sql});
}

std::string PostgresServer::NewDatabase() {
  const std::string schema = "test_" + std::to_string(++databases_);
  Execute("CREATE SCHEMA " + schema);
  return "postgresql://sda@/postgres?host=" + folder_.path() + "&options=-csearch_path%3D" + schema;
}

}  // namespace sda::testing
