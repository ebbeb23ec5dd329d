// A server as a process of its own: how it starts, what it says, how it ends.
#include <csignal>
#include <future>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include "common/rpc/announce.h"
#include "common/rpc/call.h"
#include "common/rpc/testdata/echo_service.h"
#include "common/testing/child_process.h"
#include "common/testing/eventually.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace sda::rpc {
namespace {

using ::sda::testing::ChildProcess;
using ::sda::testing::Eventually;
using ::sda::testing::TempDir;
using ::sda::testing::v1::EchoRequest;
using ::sda::testing::v1::EchoResponse;
using ::testing::HasSubstr;
using Stub = ::sda::testing::v1::EchoService::Stub;

// The server program with `arguments`, and where it says that it is.
struct EchoServer {
  explicit EchoServer(std::vector<std::string> arguments = {})
      : announce(dir / "echo.json"), process(Command(announce, std::move(arguments))) {}

  static std::vector<std::string> Command(const std::string& announce, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {SDA_ECHO_SERVER, "--announce", announce});
    return arguments;
  }

  std::string Address() {
    EXPECT_TRUE(Eventually([&] { return ReadAnnounceFile(announce).ok(); })) << process.standard_error();
    const auto announcement = ReadAnnounceFile(announce);
    return announcement.ok() ? announcement->address : "127.0.0.1:1";
  }

  // Waits for a line of log with that message.
  bool Says(const std::string& message) {
    const std::string part = "\"message\":\"" + message + "\"";
    return Eventually([&] { return process.standard_error().find(part) != std::string::npos; });
  }

  TempDir dir;
  const std::string announce;
  ChildProcess process;
};

absl::Status Echo(const std::string& address) {
  auto connection = Connection::Open(address, {});
  if (!connection.ok()) return connection.status();
  Stub stub((*connection)->channel());
  return Call(**connection, stub, &Stub::Echo, EchoRequest()).status();
}

class StopTest : public ::testing::TestWithParam<int> {};

TEST_P(StopTest, SignalLetsTheRunningCallFinish) {
  EchoServer server({"--answer-after", "300ms"});
  const std::string address = server.Address();
  auto call = std::async(std::launch::async, [&] { return Echo(address); });
  ASSERT_TRUE(server.Says("begun"));
  server.process.Signal(GetParam());
  EXPECT_EQ(server.process.Wait(), 0) << server.process.standard_error();
  SDA_EXPECT_OK(call.get());
}

INSTANTIATE_TEST_SUITE_P(Signals, StopTest, ::testing::Values(SIGTERM, SIGINT));

TEST(ProcessTest, SecondSignalEndsAHangingStop) {
  EchoServer server({"--answer-after", "1h"});
  const std::string address = server.Address();
  auto connection = Connection::Open(address, {});
  SDA_ASSERT_OK(connection);
  Stub stub((*connection)->channel());
  auto call = std::async(std::launch::async,
                         [&] { return Call(**connection, stub, &Stub::Echo, EchoRequest()).status(); });
  ASSERT_TRUE(server.Says("begun"));
  server.process.Signal(SIGTERM);
  ASSERT_TRUE(server.Says("stopping"));
  server.process.Signal(SIGTERM);
  EXPECT_EQ(server.process.Wait(), 1);
  EXPECT_FALSE(call.get().ok());
}

TEST(ProcessTest, EveryLineOfTheLogIsJson) {
  EchoServer server;
  SDA_EXPECT_OK(Echo(server.Address()));
  server.process.Signal(SIGTERM);
  EXPECT_EQ(server.process.Wait(), 0);
  std::istringstream lines(server.process.standard_error());
  std::vector<std::string> messages;
  for (std::string line; std::getline(lines, line);) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    ASSERT_TRUE(json.is_object()) << line;
    EXPECT_EQ(json["service"], "echo") << line;
    messages.push_back(json["message"]);
    if (json["message"] == "configuration") {
      EXPECT_EQ(json["listen"], "127.0.0.1:0");
    }
    if (json["message"] == "call") {
      EXPECT_EQ(json["method"], "Echo");
    }
  }
  EXPECT_THAT(messages, ::testing::ElementsAre("configuration", "listening", "ready", "begun", "call",
                                               "stopping", "stopped"));
  EXPECT_EQ(server.process.standard_output(), "");
}

TEST(ProcessTest, PortInUseIsExitCodeOne) {
  EchoServer first;
  const std::string address = first.Address();
  EchoServer second({"--listen", address});
  EXPECT_EQ(second.process.Wait(), 1);
  EXPECT_THAT(second.process.standard_error(),
              HasSubstr("cannot listen on " + address + ": the port is in use"));
  EXPECT_FALSE(ReadAnnounceFile(second.announce).ok());
}

TEST(ProcessTest, BadConfigurationIsExitCodeTwo) {
  EchoServer bad_value({"--call-threads", "0"});
  EXPECT_EQ(bad_value.process.Wait(), 2);
  EXPECT_THAT(bad_value.process.standard_error(), HasSubstr("--call-threads: \"0\" is not allowed"));
  EchoServer open_to_all({"--listen", "0.0.0.0:0"});
  EXPECT_EQ(open_to_all.process.Wait(), 2);
  EXPECT_THAT(open_to_all.process.standard_error(), HasSubstr("--insecure"));
}

TEST(ProcessTest, HelpAndVersionGoToStandardOutput) {
  ChildProcess help({SDA_ECHO_SERVER, "--help"});
  EXPECT_EQ(help.Wait(), 0);
  EXPECT_THAT(help.standard_output(), HasSubstr("--tls-client-ca"));
  ChildProcess version({SDA_ECHO_SERVER, "--version"});
  EXPECT_EQ(version.Wait(), 0);
  EXPECT_THAT(version.standard_output(), HasSubstr("sda-echo "));
}

TEST(ProcessTest, EndsWhenItsParentIsKilled) {
  TempDir dir;
  const std::string announce = dir / "echo.json";
  // A shell as the supervisor: it starts the server with its own process id and waits.
  ChildProcess supervisor(
      {"/bin/sh", "-c",
       std::string(SDA_ECHO_SERVER) + " --exit-with-parent $$ --announce " + announce + " & wait"});
  ASSERT_TRUE(Eventually([&] { return ReadAnnounceFile(announce).ok(); })) << supervisor.standard_error();
  const pid_t server = static_cast<pid_t>(ReadAnnounceFile(announce)->pid);
  ASSERT_EQ(kill(server, 0), 0);
  supervisor.Signal(SIGKILL);
  EXPECT_EQ(supervisor.Wait(), 128 + SIGKILL);
  EXPECT_TRUE(Eventually([&] {
    return supervisor.standard_error().find("\"message\":\"stopped\"") != std::string::npos;
  })) << supervisor.standard_error();
}

}  // namespace
}  // namespace sda::rpc
