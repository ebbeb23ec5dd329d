#include "common/rpc/flags.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/rpc/server_config.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace sda::rpc {
namespace {

using ::sda::testing::StatusIs;
using ::sda::testing::TempDir;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// One setting of each kind.
struct Settings {
  std::string database = "state.db";
  std::vector<std::string> trainers;
  std::string algorithm = "sobol";
  bool verbose = false;
  int threads = 4;
  double fraction = 0.5;
  int64_t memory = 1 << 20;
  absl::Duration lease = absl::Seconds(60);
  std::string password;

  absl::Status Parse(std::vector<const char*> arguments) {
    flags.Text("database", &database, "Where state is kept", Flags::Secrecy::kUrl);
    flags.Texts("trainer", &trainers, "Addresses");
    flags.Choice("algorithm", &algorithm, "Engine", {"sobol", "bayesian"});
    flags.Switch("verbose", &verbose, "Say more");
    flags.Integer("worker-threads", &threads, "Threads", 1, 64);
    flags.Real("fraction", &fraction, "Part", 0, 1);
    flags.Bytes("memory-limit", &memory, "Memory", 1024, int64_t{1} << 40);
    flags.Duration("lease", &lease, "Lease", absl::Seconds(1), absl::Hours(1));
    flags.Text("password", &password, "Password", Flags::Secrecy::kSecret);
    arguments.insert(arguments.begin(), "sda-test");
    return flags.Parse(static_cast<int>(arguments.size()), arguments.data());
  }

  absl::Status ParseFile(const std::string& yaml, std::vector<const char*> arguments = {}) {
    file = dir.Write("sda.yaml", yaml);
    arguments.insert(arguments.end(), {"--config", file.c_str()});
    return Parse(std::move(arguments));
  }

  TempDir dir;
  std::string file;
  Flags flags{"sda-test", "optimizer", "A test."};
};

TEST(FlagsTest, EveryKindOfFlagIsRead) {
  Settings s;
  SDA_ASSERT_OK(s.Parse({"--database", "x.db", "--trainer", "a:1,b:2", "--trainer", "c:3",
                         "--algorithm=bayesian", "--verbose", "--worker-threads", "64", "--fraction=0.25",
                         "--memory-limit", "64MiB", "--lease", "1m30s"}));
  EXPECT_EQ(s.database, "x.db");
  EXPECT_THAT(s.trainers, ElementsAre("a:1", "b:2", "c:3"));
  EXPECT_EQ(s.algorithm, "bayesian");
  EXPECT_TRUE(s.verbose);
  EXPECT_EQ(s.threads, 64);
  EXPECT_EQ(s.fraction, 0.25);
  EXPECT_EQ(s.memory, 64 << 20);
  EXPECT_EQ(s.lease, absl::Seconds(90));
}

TEST(FlagsTest, EveryKindOfKeyIsRead) {
  Settings s;
  SDA_ASSERT_OK(
      s.ParseFile("database: x.db\n"
                  "trainer: [a:1, b:2]\n"
                  "algorithm: bayesian\n"
                  "verbose: true\n"
                  "worker_threads: 64\n"
                  "fraction: 1e-1\n"
                  "memory-limit: 1GB\n"
                  "lease: 250s\n"));
  EXPECT_THAT(s.trainers, ElementsAre("a:1", "b:2"));
  EXPECT_TRUE(s.verbose);
  EXPECT_EQ(s.threads, 64);
  EXPECT_EQ(s.fraction, 0.1);
  EXPECT_EQ(s.memory, 1'000'000'000);
  EXPECT_EQ(s.lease, absl::Seconds(250));
}

TEST(FlagsTest, SwitchesAreTurnedOffToo) {
  Settings s;
  SDA_ASSERT_OK(s.ParseFile("verbose: true\n", {"--verbose=false"}));
  EXPECT_FALSE(s.verbose);
  EXPECT_THAT(Settings().Parse({"--verbose=maybe"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("true or false")));
}

TEST(FlagsTest, FlagBeatsSectionBeatsTop) {
  Settings s;
  SDA_ASSERT_OK(
      s.ParseFile("optimizer:\n  worker-threads: 2\n  fraction: 0.2\n"
                  "worker-threads: 1\nfraction: 0.1\nlease: 10s\n",
                  {"--fraction", "0.3"}));
  EXPECT_EQ(s.fraction, 0.3);
  EXPECT_EQ(s.threads, 2);
  EXPECT_EQ(s.lease, absl::Seconds(10));
}

TEST(FlagsTest, OtherServicesSectionsArePassedOver) {
  Settings s;
  SDA_EXPECT_OK(s.ParseFile("advisor:\n  anything: 1\ntrainer_worker:\n  slots: 2\n"));
}

TEST(FlagsTest, ErrorsNameFileLineKeyValueAndRange) {
  Settings s;
  EXPECT_THAT(
      s.ParseFile("# comment\nlease: 5s\nworker-threads: 65\n"),
      StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr("sda.yaml:3: worker-threads"),
                                                         HasSubstr("\"65\""), HasSubstr("from 1 to 64"))));
}

TEST(FlagsTest, UnknownKeyIsRefused) {
  Settings s;
  EXPECT_THAT(s.ParseFile("optimizer:\n  worker-thread: 5\n"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("sda.yaml:2: worker-thread"), HasSubstr("unknown key"),
                             HasSubstr("worker-threads"))));
}

TEST(FlagsTest, UnusableFilesAreRefused) {
  const std::pair<const char*, const char*> cases[] = {
      {"lease: 5s\nlease: 6s\n", "sda.yaml:2: lease: is given twice"},
      {"lease: 5s\nworker-threads: 1\nworker_threads: 2\n", "sda.yaml:3: worker_threads: is given twice"},
      {"lease: [5s]\n", "must be one value"},
      {"- lease\n", "must be a map"},
      {"lease: 5s\n  x: {\n", "sda.yaml:2: is no valid YAML"},
      {"memory-limit: 1XB\n", "must be a size from 1KiB to 1024GiB"},
      {"memory-limit: 99999999999GiB\n", "must be a size"},
      {"fraction: nan\n", "must be a number from 0 to 1"},
      {"fraction: 1.5\n", "must be a number from 0 to 1"},
      {"worker-threads: x\n", "must be an integer"},
      {"worker-threads: 3000000000\n", "must be an integer"},
      {"worker-threads:\n", "must be one value"},
      {"verbose: yes please\n", "must be true or false"},
      {"algorithm: grid\n", "must be one of sobol, bayesian"},
      {"lease: 5\n", "must be a duration from 1s to 1h"},
      {"lease: inf\n", "must be a duration"},
      {"password:\n  a: secret\n", "must be one value"},
  };
  for (const auto& [yaml, message] : cases) {
    Settings s;
    EXPECT_THAT(s.ParseFile(yaml), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message))) << yaml;
  }
}

TEST(FlagsTest, MissingFileIsNamed) {
  Settings s;
  EXPECT_THAT(s.Parse({"--config", "/no/such/file.yaml"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("/no/such/file.yaml does not exist")));
}

TEST(FlagsTest, BadCommandLinesAreRefused) {
  EXPECT_THAT(
      Settings().Parse({"--worker-threads", "0"}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--worker-threads: \"0\" is not allowed")));
  EXPECT_THAT(Settings().Parse({"--unknown", "0"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--unknown")));
  EXPECT_THAT(Settings().Parse({"word"}), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("word")));
  EXPECT_THAT(Settings().Parse({"--lease", "5s", "--lease", "6s"}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Settings().Parse({"--lease"}), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(FlagsTest, HelpShowsDefaults) {
  const absl::Status help = Settings().Parse({"--help"});
  EXPECT_THAT(help,
              StatusIs(absl::StatusCode::kCancelled, AllOf(HasSubstr("--worker-threads"), HasSubstr("1m"))));
}

TEST(FlagsTest, EffectiveSettingsSayTheirSourceAndHideSecrets) {
  Settings s;
  SDA_ASSERT_OK(s.ParseFile("password: hunter2\n", {"--database", "postgres://sda:hunter2@db/sda"}));
  std::string all;
  for (const Flags::Setting& setting : s.flags.Effective())
    all += setting.name + "=" + setting.value + " " + setting.source + "\n";
  EXPECT_THAT(all, HasSubstr("database=postgres://sda:***@db/sda flag"));
  EXPECT_THAT(all, HasSubstr("password=*** " + s.file + ":1"));
  EXPECT_THAT(all, HasSubstr("fraction=0.5 default"));
  EXPECT_THAT(all, ::testing::Not(HasSubstr("hunter2")));
}

TEST(RedactUrlTest, HidesPasswordsOnly) {
  EXPECT_EQ(RedactUrl("postgres://u:p@ss@db:5432/x?sslmode=require"),
            "postgres://u:***@db:5432/x?sslmode=require");
  EXPECT_EQ(RedactUrl("postgres://db:5432/x"), "postgres://db:5432/x");
  EXPECT_EQ(RedactUrl("host=db password=secret user=u"), "host=db password=*** user=u");
  EXPECT_EQ(RedactUrl("postgres://db/x?user=u&password=secret"), "postgres://db/x?user=u&password=***");
  EXPECT_EQ(RedactUrl("/var/lib/sda/state.db"), "/var/lib/sda/state.db");
}

TEST(ServerConfigTest, BadAddressesAreRefused) {
  for (const char* address :
       {"", "50051", "127.0.0.1", ":50051", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1"}) {
    ServerConfig config;
    config.listen = address;
    EXPECT_THAT(Validate(config), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("HOST:PORT")))
        << address;
  }
}

}  // namespace
}  // namespace sda::rpc
