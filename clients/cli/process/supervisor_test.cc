#include "clients/cli/process/supervisor.h"

#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clients/cli/process/file_io.h"
#include "common/base/clock.h"

namespace sda::cli {
namespace {

using ::testing::HasSubstr;

// A server as the supervisor sees it: announces itself, notes its end in a file shared by all.
constexpr const char* kServer = R"(#!/bin/sh
while [ $# -gt 0 ]; do
  case $1 in
    --announce) announce=$2 ;;
    --name) name=$2 ;;
    --notes) notes=$2 ;;
  esac
  shift
done
trap 'echo $name >> $notes; exit 0' TERM
echo "{\"pid\": $$}" > $announce.tmp
mv $announce.tmp $announce
while :; do sleep 0.02; done
)";

constexpr const char* kBroken = "#!/bin/sh\necho 'cannot open the database'\nexit 1\n";

bool Eventually(const std::function<bool()>& condition) {
  const absl::Duration deadline = RealClock::Get().Monotonic() + absl::Seconds(20);
  while (!condition()) {
    if (RealClock::Get().Monotonic() > deadline) return false;
    RealClock::Get().Sleep(absl::Milliseconds(10), {});
  }
  return true;
}

class SupervisorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/sda_supervisor_XXXXXX";
    folder_ = mkdtemp(name);
    const StateLayout layout(folder_);
    for (const std::string& path : {layout.logs(), layout.announcements()})
      ASSERT_TRUE(MakeFolder(path).ok());
    WriteProgram("server", kServer);
    WriteProgram("broken", kBroken);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void WriteProgram(const std::string& name, const std::string& text) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << text;
    chmod(path.c_str(), 0755);
  }

  ChildPlan Plan(const std::string& name, int rank, const std::string& binary = "server") {
    ChildPlan plan;
    plan.name = name;
    plan.service = name;
    plan.binary = binary;
    plan.address = "127.0.0.1:1";
    plan.stop_rank = rank;
    plan.args = {"--announce", StateLayout(folder_).announcement_of(name), "--name", name, "--notes",
                 Notes()};
    return plan;
  }

  Supervisor::Options Options(std::vector<ChildPlan> children) {
    Supervisor::Options options{StateLayout(folder_)};
    options.children = std::move(children);
    options.binary_folder = folder_;
    options.owner = "test";
    options.say = [this](const std::string& line) {
      std::lock_guard lock(mutex_);
      said_.push_back(line);
    };
    return options;
  }

  std::string Notes() const { return folder_ + "/notes"; }

  pid_t PidOf(const std::string& name) const {
    const auto text = ReadFile(StateLayout(folder_).announcement());
    if (!text.ok()) return 0;
    const auto announcement = AnnouncementFromJson(*text, "local.json");
    for (const Announcement::Child& child : announcement->children) {
      if (child.name == name) return static_cast<pid_t>(child.pid);
    }
    return 0;
  }

  std::vector<std::string> Said() {
    std::lock_guard lock(mutex_);
    return said_;
  }

  std::string folder_;
  std::mutex mutex_;
  std::vector<std::string> said_;
};

TEST_F(SupervisorTest, AnnouncesOnceAllAreReadyAndCleansUp) {
  const StateLayout layout(folder_);
  {
    Supervisor supervisor(Options({Plan("a", 0), Plan("b", 1)}));
    ASSERT_TRUE(supervisor.AwaitReady(absl::Seconds(20), {}).ok());
    EXPECT_GT(PidOf("a"), 0);
    EXPECT_GT(PidOf("b"), 0);
  }
  EXPECT_FALSE(std::filesystem::exists(layout.announcement()));
  EXPECT_FALSE(std::filesystem::exists(layout.announcement_of("a")));
}

TEST_F(SupervisorTest, StopsInOrderOfRank) {
  {
    Supervisor supervisor(Options({Plan("third", 3), Plan("second", 2), Plan("first", 0)}));
    ASSERT_TRUE(supervisor.AwaitReady(absl::Seconds(20), {}).ok());
  }
  EXPECT_EQ(*ReadFile(Notes()), "first\nsecond\nthird\n");
}

TEST_F(SupervisorTest, AKilledChildComesBackAndIsAnnouncedAnew) {
  Supervisor supervisor(Options({Plan("a", 0), Plan("b", 1)}));
  ASSERT_TRUE(supervisor.AwaitReady(absl::Seconds(20), {}).ok());
  for (int round = 0; round < 2; ++round) {
    const pid_t before = PidOf("a");
    const pid_t other = PidOf("b");
    kill(before, SIGKILL);
    ASSERT_TRUE(Eventually([&] { return PidOf("a") != before && PidOf("a") != 0; }));
    EXPECT_EQ(PidOf("b"), other);
    ASSERT_TRUE(Eventually([&] { return Said().size() == 2u * (round + 1); }));
  }
  EXPECT_THAT(Said()[0],
              HasSubstr("a was killed by signal 9 (Killed); it is started again on 127.0.0.1:1 now"));
  EXPECT_EQ(Said()[1], "a is back on 127.0.0.1:1");
}

TEST_F(SupervisorTest, AChildThatCannotStartFailsTheSuiteWithItsLastWords) {
  Supervisor supervisor(Options({Plan("a", 0), Plan("bad", 1, "broken")}));
  const absl::Status status = supervisor.AwaitReady(absl::Seconds(20), {});
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("bad cannot be started: ended with exit code 1: cannot open the database (log: "));
  supervisor.Stop();
  EXPECT_EQ(*ReadFile(Notes()), "a\n");  // the others were stopped
}

TEST_F(SupervisorTest, AMissingProgramIsNamed) {
  Supervisor supervisor(Options({Plan("a", 0, "nothing")}));
  EXPECT_THAT(std::string(supervisor.AwaitReady(absl::Seconds(20), {}).message()),
              HasSubstr("cannot execute " + folder_ + "/nothing"));
}

TEST_F(SupervisorTest, KillCutsAPoliteStopShort) {
  WriteProgram("deaf",
               "#!/bin/sh\ntrap '' TERM\necho \"{\\\"pid\\\": $$}\" > $2.tmp\nmv $2.tmp $2\nwhile :; do "
               "sleep 0.02; done\n");
  Supervisor supervisor(Options({Plan("deaf", 0, "deaf")}));
  ASSERT_TRUE(supervisor.AwaitReady(absl::Seconds(20), {}).ok());
  const pid_t pid = PidOf("deaf");
  supervisor.Kill();
  supervisor.Stop();
  EXPECT_NE(kill(pid, 0), 0);
}

TEST_F(SupervisorTest, ChildrenDieWithAKilledSupervisor) {
  const pid_t owner = fork();
  if (owner == 0) {
    Supervisor supervisor(Options({Plan("a", 0), Plan("b", 1)}));
    pause();
    _exit(0);
  }
  ASSERT_TRUE(Eventually([&] { return PidOf("a") != 0; }));
  const pid_t a = PidOf("a");
  const pid_t b = PidOf("b");
  kill(owner, SIGKILL);
  waitpid(owner, nullptr, 0);
  // They are nobody's zombies: whoever adopts them collects them.
  const auto gone = [](pid_t pid) {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string text((std::istreambuf_iterator<char>(stat)), std::istreambuf_iterator<char>());
    return text.empty() || text.find(") Z ") != std::string::npos;
  };
  EXPECT_TRUE(Eventually([&] { return gone(a) && gone(b); }));
}

TEST_F(SupervisorTest, WaitingEndsWhenToldTo) {
  Supervisor supervisor(Options({Plan("a", 0)}));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(supervisor.AwaitEnd(stop.get_token()).ok());
}

}  // namespace
}  // namespace sda::cli
