#ifndef SDA_COMMON_TESTING_POSTGRES_SERVER_H_
#define SDA_COMMON_TESTING_POSTGRES_SERVER_H_

#include <memory>
#include <string>

#include "common/testing/child_process.h"
#include "common/testing/temp_dir.h"

namespace sda::testing {

// A PostgreSQL of the test's own, in a temporary folder, reached through a socket there, with the rights of
// an ordinary user (Debian's `postgres` where the test runs as root). Without durability: tests that kill it
// kill its clients' transactions, not its disk.
class PostgresServer {
 public:
  // Whether this machine has one installed that can be run; if not, tests skip with `WhyNot`.
  static bool IsInstalled();
  static constexpr char kWhyNot[] = "PostgreSQL is not installed (Debian package postgresql)";

  // Waits until it takes connections.
  PostgresServer();
  ~PostgresServer();

  // Of an empty schema of its own, new with every call: postgresql://….
  std::string NewDatabase();

  // Ends the server, all its connections with it; starts it again over the same data.
  void Stop();
  void Start();

  // Runs statements as the owner, as `psql` does.
  void Execute(const std::string& sql);

 private:
  TempDir folder_;
  std::unique_ptr<ChildProcess> process_;
  int databases_ = 0;
};

}  // namespace sda::testing

#endif  // SDA_COMMON_TESTING_POSTGRES_SERVER_H_
